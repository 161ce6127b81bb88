"""Normalize, match, split and compare strings, under the names of bert4keras."""

import re
import unicodedata

import numpy as np


def is_string(s):
    """Tell whether `s` is a str.

    >>> is_string("a"), is_string(b"a")
    (True, False)
    """
    return isinstance(s, str)


def strQ2B(ustring):
    """Replace full-width ASCII characters and spaces by half-width characters.

    >>> strQ2B("ＡＢＣ，１２３")
    'ABC,123'
    """
    return ustring.translate(_HALF_WIDTH)


_HALF_WIDTH = {0x3000: " ", **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}}


def string_matching(s, keywords):
    """Tell whether one of the keywords, which are regular expressions, is found in `s`.

    >>> string_matching("今天天气不错", ["天气", "新闻"])
    True
    """
    return any(re.search(k, s) for k in keywords)


def convert_to_unicode(text, encoding="utf-8", errors="ignore"):
    """Decode bytes to a str; return a str unchanged.

    >>> convert_to_unicode("中".encode("gbk"), "gbk")
    '中'
    """
    return text.decode(encoding, errors=errors) if isinstance(text, bytes) else text


convert_to_str = convert_to_unicode  # the two differ in Python 2 alone


def lowercase_and_normalize(text):
    """Convert to lower case without accents, that is NFD without nonspacing marks.

    >>> lowercase_and_normalize("Élan")
    'elan'
    """
    text = unicodedata.normalize("NFD", text.lower())
    return "".join(ch for ch in text if unicodedata.category(ch) != "Mn")


def text_segmentate(text, maxlen, seps="\n", strips=None):
    """Split a text at separators into pieces of about `maxlen` characters.

    A text that is too long is split at the first separator, and neighbouring parts are joined
    while they fit. Pieces that are still too long are split at the next separator, and so on. A
    piece without separators may be longer than `maxlen`.

    Args:
        text: str.
        maxlen: int, length of a piece in characters.
        seps: separators, one character each, in the order in which they are tried.
        strips: characters to remove from both ends of each piece, besides white space.

    Returns:
        List of str; a piece keeps its separators.

    >>> text_segmentate("今天天气不错。我们去公园吧，好不好？", 10, "。，")
    ['今天天气不错。', '我们去公园吧，', '好不好？']
    """
    text = text.strip().strip(strips)
    if not seps or len(text) <= maxlen:
        return [text]
    pieces, joined = [], ""
    parts = text.split(seps[0])
    for i, part in enumerate(parts):
        if joined and part and len(joined) + len(part) > maxlen - 1:
            pieces += text_segmentate(joined, maxlen, seps[1:], strips)
            joined = ""
        joined += part if i + 1 == len(parts) else part + seps[0]
    return pieces + (text_segmentate(joined, maxlen, seps[1:], strips) if joined else [])


def longest_common_substring(source, target):
    """Find the longest slice that two sequences share; the first one if several are longest.

    Returns:
        (length, (i, j, k, l)), where source[i:j] == target[k:l].

    >>> longest_common_substring("苹果手机", "手机壳")
    (2, (2, 4, 0, 2))
    """
    best, span, above = 0, (0, 0, 0, 0), [0] * (len(target) + 1)
    for i, s in enumerate(source, 1):
        row = [0] * (len(target) + 1)
        for j, t in enumerate(target, 1):
            if s == t:
                row[j] = above[j - 1] + 1
                if row[j] > best:
                    best, span = row[j], (i - row[j], i, j - row[j], j)
        above = row
    return best, span


def longest_common_subsequence(source, target):
    """Find the longest subsequence that two sequences share; it may have gaps.

    Its length c[i, j] for the first i and j items is c[i-1, j-1] + 1 if the last of these items
    are equal, otherwise max(c[i-1, j], c[i, j-1]).

    Returns:
        (length, pairs), where `pairs` are ascending indices (i, j) with source[i] == target[j].

    >>> longest_common_subsequence("ABCBDAB", "BDCABA")
    (4, [(1, 0), (2, 2), (3, 4), (5, 5)])
    """
    c = np.zeros((len(source) + 1, len(target) + 1), int).tolist()
    for i, s in enumerate(source):
        for j, t in enumerate(target):
            c[i + 1][j + 1] = c[i][j] + 1 if s == t else max(c[i][j + 1], c[i + 1][j])
    i, j, pairs = len(source) - 1, len(target) - 1, []
    while i >= 0 and j >= 0:
        if source[i] == target[j]:
            pairs.append((i, j))
            i, j = i - 1, j - 1
        elif c[i + 1][j] > c[i][j + 1]:
            j -= 1
        else:
            i -= 1
    return len(pairs), pairs[::-1]
