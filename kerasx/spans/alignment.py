"""Convert spans of a text to spans of its tokens, and back, without loss.

Tokens lose case, accents and control characters; their offsets still tell their place in the text.
A span of the text is a span of tokens if it begins and ends where tokens do.
"""

import unicodedata

from kerasx.checks import check_choice, invalid

# categories of marks, invisible characters, and modifiers of the emoji before them
_ATTACHED = ("Mn", "Me", "Mc", "Cf", "Cc", "Sk")


def token_spans(text, spans, offsets, errors="raise"):
    """Convert spans of a text to spans of its tokens.

    Characters outside all tokens that modify the character before them, such as combining marks,
    variation selectors and joiners, are added to the token before them. White space belongs to no
    token.

    Args:
        text: str.
        spans: list of (start, end, label) in characters, `end` not included. They may overlap.
        offsets: (start, end) of each token in characters, never decreasing, from
            `tokenize_with_offsets` or another tokenizer; special tokens have start == end.
        errors: "raise", or "skip" to leave out spans that do not begin and end where tokens do.

    Returns:
        List of (first, last + 1, label) in tokens; as long as `spans` with errors="raise".

    Raises:
        ValueError: a span outside the text or without characters; with "raise", a span that cuts a
            token, or begins or ends between tokens. The error names the place in the text.

    >>> offsets = [(0, 0), (0, 1), (1, 2), (2, 6), (6, 6)]
    >>> token_spans("去吧NASA", [(2, 6, "ORG")], offsets)
    [(3, 4, 'ORG')]
    """
    check_choice("errors", errors, ("raise", "skip"))
    extents, found = _extents(text, offsets), []
    firsts, lasts = {}, {}
    for i, (start, end) in enumerate(extents):
        if start < end:
            firsts.setdefault(start, i)
            lasts[end] = i
    for start, end, label in spans:
        check_within((start, end, label), len(text), "characters")
        if start in firsts and end in lasts:
            found.append((firsts[start], lasts[end] + 1, label))
        elif errors == "raise":
            raise ValueError(_reason(text, extents, (start, end, label), start not in firsts))
    return found


def text_spans(text, spans, offsets):
    """Convert spans of tokens to spans of the text, the inverse of `token_spans`.

    Args:
        text, offsets: as in `token_spans`.
        spans: list of (first, last + 1, label) in tokens.

    Returns:
        List of (start, end, label) in characters. Special tokens have no characters; a span of
        special tokens alone is left out.

    Raises:
        ValueError: a span outside of the tokens.

    >>> text_spans("去吧NASA", [(3, 4, "ORG")], [(0, 0), (0, 1), (1, 2), (2, 6), (6, 6)])
    [(2, 6, 'ORG')]
    """
    extents, found = _extents(text, offsets), []
    for first, after, label in spans:
        check_within((first, after, label), len(extents))
        real = [extent for extent in extents[first:after] if extent[0] < extent[1]]
        if real:
            found.append((real[0][0], real[-1][1], label))
    return found


def check_within(span, length, unit="tokens"):
    """Raise unless a span (start, end, label) is not empty and lies within [0, length)."""
    start, end, _ = span
    if not 0 <= start < end <= length:
        raise invalid(
            f"`spans` must lie within the {length} {unit} and hold at least one.", span=span
        )


def _extents(text, offsets):
    """Return the offsets, with ends moved past the characters attached to each token."""
    extents, begins = [], len(text)
    for start, end in reversed([tuple(map(int, pair)) for pair in offsets]):
        limit = max(begins, end)
        while start < end < limit and unicodedata.category(text[end]) in _ATTACHED:
            end += 1
        begins = min(begins, start) if start < end else begins
        extents.append((start, end))
    return extents[::-1]


def _reason(text, extents, span, at_start):
    place = span[0] if at_start else span[1]
    whole = next(((s, e) for s, e in extents if s < place < e), None)
    where = f"between tokens at {place}" if whole is None else f"within the token {whole}"
    return (
        f"`spans` must {'begin' if at_start else 'end'} where a token does, or be left out by "
        f"errors='skip'. Received: {span}, which {'begins' if at_start else 'ends'} {where}, "
        f"{text[max(place - 5, 0) : place]!r} | {text[place : place + 5]!r}"
    )
