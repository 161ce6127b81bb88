"""Spans of a text as spans of its tokens, and back, without loss. NumPy only.

Tokens lose case, accents and control characters; their offsets still say where each comes from. A
span of the text is the span of the tokens it consists of, if its ends are ends of tokens.
"""

import unicodedata

__all__ = ["text_spans", "token_spans"]

# marks, invisible characters, and what changes the emoji before it
_ATTACHED = ("Mn", "Me", "Mc", "Cf", "Cc", "Sk")


def token_spans(text, spans, offsets, errors="raise"):
    """The spans of a text as spans of its tokens.

    Characters that belong to no token but to the one before, such as combining marks, variation
    selectors and joiners, count as its end. White space belongs to no token.

    Args:
        text: str.
        spans: (start, end, label) each, in characters, `end` not included. They may overlap.
        offsets: (start, end) of each token in characters, as of `tokenize_with_offsets` or of
            another tokenizer, never decreasing; special tokens have start == end.
        errors: "raise", or "skip" for leaving a span out whose ends are not ends of tokens.

    Returns:
        List of (first, last + 1, label) in tokens; as long as `spans` with errors="raise".

    Raises:
        ValueError: a span outside the text or without characters; with "raise" one that cuts
            through a token, or begins or ends between tokens; it names the place in the text.

    >>> offsets = [(0, 0), (0, 1), (1, 2), (2, 6), (6, 6)]
    >>> token_spans("去吧NASA", [(2, 6, "ORG")], offsets)
    [(3, 4, 'ORG')]
    """
    if errors not in ("raise", "skip"):
        raise ValueError(f"`errors` must be 'raise' or 'skip'. Received: errors={errors!r}")
    extents, found = _extents(text, offsets), []
    firsts, lasts = {}, {}
    for i, (start, end) in enumerate(extents):
        if start < end:
            firsts.setdefault(start, i)
            lasts[end] = i
    for start, end, label in spans:
        if not 0 <= start < end <= len(text):
            raise ValueError(
                f"`spans` must lie within the {len(text)} characters of the text and hold at least "
                f"one. Received: {(start, end, label)}"
            )
        if start in firsts and end in lasts:
            found.append((firsts[start], lasts[end] + 1, label))
        elif errors == "raise":
            raise ValueError(_reason(text, extents, (start, end, label), start not in firsts))
    return found


def text_spans(text, spans, offsets):
    """Spans of tokens as spans of the text: what `token_spans` was given.

    Args:
        text, offsets: as for `token_spans`.
        spans: (first, last + 1, label) each, in tokens.

    Returns:
        List of (start, end, label) in characters. Special tokens at the ends of a span have none;
        a span of them alone is left out.

    Raises:
        ValueError: a span outside of the tokens.

    >>> text_spans("去吧NASA", [(3, 4, "ORG")], [(0, 0), (0, 1), (1, 2), (2, 6), (6, 6)])
    [(2, 6, 'ORG')]
    """
    extents, found = _extents(text, offsets), []
    for first, after, label in spans:
        if not 0 <= first < after <= len(extents):
            raise ValueError(
                f"`spans` must lie within the {len(extents)} tokens. "
                f"Received: {(first, after, label)}"
            )
        real = [extent for extent in extents[first:after] if extent[0] < extent[1]]
        if real:
            found.append((real[0][0], real[-1][1], label))
    return found


def _extents(text, offsets):
    """The offsets, ends moved over the characters that are attached to their token."""
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
