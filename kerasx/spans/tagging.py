"""Spans as tags of a scheme, or as pairs of a start and an end, and back. NumPy only.

A span is (start, end, label) over tokens, `end` not included. A tag is "O" outside of spans, else a
role and a label, such as "B-PER"; without labels, as in word segmentation, it is the role alone.
"""

import numpy as np

__all__ = [
    "allowed_transitions",
    "encode_tags",
    "pointer_labels",
    "pointer_spans",
    "spans_to_tags",
    "tag_set",
    "tags_to_spans",
]

# roles of the first token of a span, of those inside, of the last, and of a token alone
SCHEMES = {"BIO": "BIIB", "BIOES": "BIES", "BMES": "BMES"}


def tag_set(labels=(), scheme="BIO"):
    """The tags of a scheme in the order of their ids; without labels, those of words.

    Args:
        labels: names of the labels.
        scheme: "BIO", "BIOES" or "BMES".

    >>> tag_set(["PER", "LOC"])
    ['O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC']
    >>> tag_set(scheme="BMES")
    ['B', 'M', 'E', 'S']
    """
    roles = dict.fromkeys(_roles(scheme))
    if not labels:
        return list(roles)
    return ["O"] + [f"{role}-{label}" for label in labels for role in roles]


def spans_to_tags(spans, length, scheme="BIO"):
    """One tag for each token.

    Args:
        spans: (start, end, label) each, in any order; label "" or None gives bare roles.
        length: number of tokens.
        scheme: "BIO", "BIOES" or "BMES".

    Returns:
        List of str.

    Raises:
        ValueError: an empty span, one that leaves the text, or two that overlap: a token has but
            one tag.

    >>> spans_to_tags([(1, 3, "PER")], 4)
    ['O', 'B-PER', 'I-PER', 'O']
    """
    first, inside, last, alone = _roles(scheme)
    tags = ["O"] * length
    for start, end, label in _checked(spans, length):
        taken = next((i for i in range(start, end) if tags[i] != "O"), None)
        if taken is not None:
            raise ValueError(
                "`spans` must not overlap for tags, of which a token has one; leave the inner one "
                f"out, or use pointers. Received: token {taken} is in {(start, end, label)} and "
                f"in a {tags[taken]!r}"
            )
        roles = alone if end == start + 1 else first + inside * (end - start - 2) + last
        tags[start:end] = [f"{role}-{label}" if label else role for role in roles]
    return tags


def tags_to_spans(tags, scheme="BIO", strict=False):
    """The spans of a sequence of tags, in order.

    A tag that cannot continue what comes before begins a new span, and a span that is not ended
    ends where another begins, as in the evaluation of CoNLL.

    Args:
        tags: list of str.
        scheme: "BIO", "BIOES" or "BMES".
        strict: refuse such tags instead.

    Returns:
        List of (start, end, label), label "" for bare roles.

    Raises:
        ValueError: with `strict`, the place of the first tag that may not stand there; always, a
            tag that is none of the scheme.

    >>> tags_to_spans(["B-PER", "I-PER", "I-LOC", "O"])
    [(0, 2, 'PER'), (2, 3, 'LOC')]
    """
    parsed = [_parsed(tag, scheme) for tag in tags]
    if strict:
        _require_legal(tags, parsed, scheme)
    spans, begun = [], None
    for i, (role, label) in enumerate([*parsed, ("O", "")]):
        before = parsed[i - 1] if i else ("O", "")
        continued = begun is not None and _continues(before, (role, label), scheme)
        if begun is not None and not continued:
            spans.append((begun, i, before[1]))
        begun = begun if continued else None if role == "O" else i
    return spans


def allowed_transitions(tags, scheme="BIO"):
    """Which tag may follow which in a scheme, for `ConditionalRandomField(allowed=...)`.

    Args:
        tags: list of k str, in the order of their ids.
        scheme: "BIO", "BIOES" or "BMES".

    Returns:
        Booleans (k+1, k+1): [i, j] whether tag j may follow tag i; [k, j] whether j may come first,
        [i, k] whether i may come last.

    >>> allowed_transitions(["O", "B", "I"]).astype(int)
    array([[1, 1, 0, 1],
           [1, 1, 1, 1],
           [1, 1, 1, 1],
           [1, 1, 0, 1]])
    """
    parsed = [*(_parsed(tag, scheme) for tag in tags), ("O", "")]
    return np.array([[_legal(before, after, scheme) for after in parsed] for before in parsed])


def encode_tags(tags, tag_list):
    """Ids of tags.

    Raises:
        ValueError: a tag that is not in the list; names it and its place.

    >>> encode_tags(["O", "B-PER"], tag_set(["PER"]))
    array([0, 1], dtype=int32)
    """
    ids = {tag: i for i, tag in enumerate(tag_list)}
    unknown = next((i for i, tag in enumerate(tags) if tag not in ids), None)
    if unknown is not None:
        raise ValueError(
            f"`tags` must be among {list(tag_list)}. Received: {tags[unknown]!r} at {unknown}"
        )
    return np.array([ids[tag] for tag in tags], "int32")


def pointer_labels(spans, length, labels, most=None):
    """Spans as what `GlobalPointer` is to say; they may overlap and nest.

    Args:
        spans: (start, end, label) each.
        length: number of tokens n.
        labels: names of the h labels, in the order of the heads.
        most: None for dense labels; else how many spans of one label there may be, for the
            sparse ones, which are far smaller. Their padding is (0, 0), so that token 0 must be
            one that no span consists of, such as [CLS].

    Returns:
        Dense: float32 (h, n, n), 1 at [label, start, end - 1]. Sparse: int32 (h, most, 2), pairs
        (start, end - 1).

    Raises:
        ValueError: a label that is not in the list, a span outside of the text, more than `most`.

    >>> pointer_labels([(1, 3, "PER")], 4, ["LOC", "PER"], most=1).tolist()
    [[[0, 0]], [[1, 2]]]
    """
    heads = {label: [] for label in labels}
    for start, end, label in _checked(spans, length):
        if label not in heads:
            raise ValueError(f"`spans` must have labels of {list(labels)}. Received: {label!r}")
        heads[label].append((start, end - 1))
    if most is None:
        dense = np.zeros((len(heads), length, length), "float32")
        for head, pairs in enumerate(heads.values()):
            for pair in pairs:
                dense[(head, *pair)] = 1
        return dense
    sparse = np.zeros((len(heads), most, 2), "int32")
    for head, (label, pairs) in enumerate(heads.items()):
        if len(pairs) > most or (0, 0) in pairs:
            raise ValueError(
                "`spans` must hold at most `most` of one label, and not the first token alone, "
                f"which is padding. Received: most={most}, {label!r} at {pairs}"
            )
        sparse[head, : len(pairs)] = pairs or np.zeros((0, 2))
    return sparse


def pointer_spans(scores, labels, threshold=0.0, flat=False):
    """The spans whose score is above the threshold, from the scores of one sentence.

    Args:
        scores: (h, n, n) of `GlobalPointer`.
        labels: names of the h labels.
        threshold: 0, as the loss ZLPR has it, or more for fewer spans.
        flat: of spans that overlap keep the one of the highest score only, the first of equals.

    Returns:
        List of (start, end, label), ordered.

    >>> scores = np.full((1, 3, 3), -1.0)
    >>> scores[0, 0, 1], scores[0, 1, 2] = 1.0, 2.0
    >>> pointer_spans(scores, ["PER"]), pointer_spans(scores, ["PER"], flat=True)
    ([(0, 2, 'PER'), (1, 3, 'PER')], [(1, 3, 'PER')])
    """
    scores = np.asarray(scores)
    if scores.ndim != 3 or len(scores) != len(labels) or scores.shape[1] != scores.shape[2]:
        raise ValueError(
            f"`scores` must be of shape ({len(labels)}, n, n), one matrix for each label. "
            f"Received: scores.shape={scores.shape}"
        )
    heads, starts, ends = np.nonzero(np.triu(scores > threshold))
    order = np.argsort(-scores[heads, starts, ends].astype("float64"), kind="stable")
    taken, spans = np.zeros(scores.shape[1], "bool"), []
    for head, start, end in zip(heads[order], starts[order], ends[order] + 1):
        if not flat or not taken[start:end].any():
            taken[start:end] = True
            spans.append((int(start), int(end), labels[head]))
    return sorted(spans)


def _roles(scheme):
    if scheme not in SCHEMES:
        raise ValueError(f"`scheme` must be one of {list(SCHEMES)}. Received: scheme={scheme!r}")
    return SCHEMES[scheme]


def _parsed(tag, scheme):
    """("O", "") or (role, label)."""
    role, _, label = tag.partition("-")
    if tag != "O" and role not in _roles(scheme):
        raise ValueError(f"`tags` must be those of scheme {scheme!r}. Received: {tag!r}")
    return role, label


def _continues(before, after, scheme):
    """Whether the tag `after` may be of the same span as the one before."""
    first, inside, last, _ = _roles(scheme)
    return before[0] in (first, inside) and after[0] in (inside, last) and before[1] == after[1]


def _legal(before, after, scheme):
    first, inside, last, _ = _roles(scheme)
    if after[0] in (inside, last):
        return _continues(before, after, scheme)
    return last == inside or before[0] not in (first, inside)


def _require_legal(tags, parsed, scheme):
    outside = ("O", "")
    pairs = zip([outside, *parsed], [*parsed, outside])
    wrong = next((i for i, pair in enumerate(pairs) if not _legal(*pair, scheme)), None)
    if wrong is not None:
        here, before = [*tags, "the end"][wrong], ["the start", *tags][wrong]
        raise ValueError(
            f"`tags` must be those of scheme {scheme!r}. Received: {here!r} after {before!r} at "
            f"{wrong}"
        )


def _checked(spans, length):
    """The spans ordered by their start, each within the text."""
    for start, end, label in spans:
        if not 0 <= start < end <= length:
            raise ValueError(
                f"`spans` must lie within the {length} tokens and hold at least one. "
                f"Received: {(start, end, label)}"
            )
    return sorted(spans, key=lambda span: span[:2])
