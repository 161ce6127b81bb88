"""Split texts into tokens and n-grams."""


def tokens_of(text):
    """Return the characters of a str without white space, or the items of a list."""
    if isinstance(text, str):
        return [c for c in text if not c.isspace()]
    return list(text)


def ngrams(tokens, n):
    """Return an iterator over the n-grams of a list, tuples of n tokens.

    >>> list(ngrams("abc", 2))
    [('a', 'b'), ('b', 'c')]
    """
    return zip(*(tokens[i:] for i in range(n)))
