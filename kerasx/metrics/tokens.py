"""Texts as tokens, and their n-grams."""

__all__ = ["ngrams", "tokens_of"]


def tokens_of(text):
    """The characters of a str without white space; the items of a list."""
    if isinstance(text, str):
        return [c for c in text if not c.isspace()]
    return list(text)


def ngrams(tokens, n):
    """The n-grams of a list, tuples in their order.

    >>> list(ngrams("abc", 2))
    [('a', 'b'), ('b', 'c')]
    """
    return zip(*(tokens[i:] for i in range(n)))
