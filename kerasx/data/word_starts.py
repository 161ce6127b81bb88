"""Tell which tokens begin a word, so that words can be masked as a whole."""

import numpy as np

from kerasx.checks import invalid


def word_starts(text, offsets, words):
    """Return which tokens of a text begin a word.

    Args:
        text: str.
        offsets: (start, end) of each token in characters, as from `tokenize_with_offsets`.
        words: iterable of the words of the text, in order; what is between two words, such as
            spaces, belongs to the first.

    Returns:
        Booleans, one for each token: False if it begins in the same word as the token before. The
        space before a token does not count.

    Raises:
        ValueError: a word does not stand in the text after the word before it.

    >>> word_starts("今天很好", [(0, 1), (1, 2), (2, 3), (3, 4)], ["今天", "很", "好"]).tolist()
    [True, False, True, True]
    """
    begins, end = np.zeros(len(text) + 1, "int64"), 0
    for word in words:
        start = text.find(word, end)
        if start < 0:
            raise invalid("`word_segment` must return words of the text, in order.", word=word)
        begins[start] = 1
        end = start + len(word)
    word_of = np.cumsum(begins)[[_first_letter(text, *span) for span in offsets]]
    return np.diff(word_of, prepend=-1) != 0


def _first_letter(text, start, end):
    """Return where a token begins, without the space before it that some tokens hold."""
    token = text[start:end]
    return start + len(token) - len(token.lstrip() or token)


def text_of_tokens(tokens):
    """Return a text that tokens may come from, and their offsets in it.

    "##" goes on with the word before, "▁" stands for a space; so does what is between two tokens
    of ASCII letters.

    >>> text_of_tokens(["play", "##ing", "now", "好"])
    ('playing now好', [(0, 4), (4, 7), (8, 11), (11, 12)])
    """
    parts, offsets, end, before = [], [], 0, ""
    for token in tokens:
        goes_on = len(token) > 2 and token.startswith("##")
        part = token[2:] if goes_on else token.replace("▁", " ")
        if not goes_on and before.isascii() and before[-1:].isalnum() and part[:1].isascii():
            parts.append(" ")
            end += 1
        parts.append(part)
        offsets.append((end, end + len(part)))
        end, before = end + len(part), part
    return "".join(parts), offsets
