"""Convert spans to tags of a scheme, or to pairs of a start and an end, and back.

A span is (start, end, label) in tokens, `end` not included. A tag is "O" outside of spans, else a
role and a label, such as "B-PER"; without labels, as in word segmentation, it is the role alone.
"""

import numpy as np

from kerasx.checks import check_choice, invalid
from kerasx.spans.alignment import check_within

# roles of the first, inner and last tokens of a span, and of a span of one token
SCHEMES = {"BIO": "BIIB", "BIOES": "BIES", "BMES": "BMES"}


def tag_set(labels=(), scheme="BIO"):
    """Return the tags of a scheme in the order of their ids.

    Args:
        labels: list of the labels; without labels the tags are roles, for word segmentation.
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
    """Convert spans to one tag for each token.

    Args:
        spans: list of (start, end, label) in any order; label "" or None gives roles without label.
        length: number of tokens.
        scheme: "BIO", "BIOES" or "BMES".

    Returns:
        List of `length` str.

    Raises:
        ValueError: an empty span, a span outside the text, or two spans that overlap, since a
            token has one tag only.

    >>> spans_to_tags([(1, 3, "PER")], 4)
    ['O', 'B-PER', 'I-PER', 'O']
    """
    first, inside, last, alone = _roles(scheme)
    tags = ["O"] * length
    for start, end, label in _checked(spans, length):
        taken = next((i for i in range(start, end) if tags[i] != "O"), None)
        if taken is not None:
            raise ValueError(
                "`spans` must not overlap, since a token has one tag; leave one of the spans out, "
                f"or use pointers. Received: token {taken} is in {(start, end, label)} and has "
                f"the tag {tags[taken]!r}"
            )
        roles = alone if end == start + 1 else first + inside * (end - start - 2) + last
        tags[start:end] = [f"{role}-{label}" if label else role for role in roles]
    return tags


def tags_to_spans(tags, scheme="BIO", strict=False):
    """Convert a sequence of tags to its spans, in order.

    As in the evaluation of CoNLL, a tag that cannot continue the span before it begins a new span,
    and a span without an end tag ends where the next one begins.

    Args:
        tags: list of str.
        scheme: "BIO", "BIOES" or "BMES".
        strict: raise an error for a tag that may not follow the tag before it.

    Returns:
        List of (start, end, label), label "" for roles without label.

    Raises:
        ValueError: a tag of another scheme; with `strict`, a tag that may not follow the last.

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
        if not continued:
            begun = None if role == "O" else i
    return spans


def allowed_transitions(tags, scheme="BIO"):
    """Return the allowed transitions of a scheme, for `ConditionalRandomField(allowed=...)`.

    Args:
        tags: list of k str, in the order of their ids.
        scheme: "BIO", "BIOES" or "BMES".

    Returns:
        Boolean array (k+1, k+1): true at [i, j] if tag j may follow tag i, at [k, j] if tag j may
        come first, at [i, k] if tag i may come last.

    >>> allowed_transitions(["O", "B", "I"]).astype(int)
    array([[1, 1, 0, 1],
           [1, 1, 1, 1],
           [1, 1, 1, 1],
           [1, 1, 0, 1]])
    """
    parsed = [*(_parsed(tag, scheme) for tag in tags), ("O", "")]
    return np.array([[_legal(before, after, scheme) for after in parsed] for before in parsed])


def encode_tags(tags, tag_list):
    """Convert tags to ids.

    Args:
        tags: list of n str.
        tag_list: list of all tags in the order of their ids, from `tag_set`.

    Returns:
        int32 array (n,).

    Raises:
        ValueError: a tag that is not in the list; names the tag and its place.

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
    """Make the targets of `GlobalPointer` from spans, which may overlap and nest.

    Args:
        spans: list of (start, end, label) in tokens.
        length: number of tokens n.
        labels: list of the h labels, in the order of the heads.
        most: None for dense labels; else the largest number of spans of one label, for sparse
            labels, which are far smaller. Sparse labels are padded with (0, 0), so no span may be
            token 0 alone, which usually is [CLS].

    Returns:
        Dense: float32 (h, n, n), 1 at [label, start, end - 1]. Sparse: int32 (h, most, 2), pairs
        (start, end - 1).

    Raises:
        ValueError: a label that is not in the list, a span outside of the text, or more than
            `most` spans of a label.

    >>> pointer_labels([(1, 3, "PER")], 4, ["LOC", "PER"], most=1).tolist()
    [[[0, 0]], [[1, 2]]]
    """
    heads = {label: [] for label in labels}
    for start, end, label in _checked(spans, length):
        if label not in heads:
            raise invalid(f"`spans` must have labels of {list(labels)}.", label=label)
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
            raise invalid(
                "`spans` must hold at most `most` of one label, and not the first token alone, "
                "which is padding.",
                most=most,
                label=label,
                pairs=pairs,
            )
        sparse[head, : len(pairs)] = pairs or np.zeros((0, 2))
    return sparse


def pointer_spans(scores, labels, threshold=0.0, flat=False):
    """Decode the spans whose score in `GlobalPointer` is above a threshold.

    Args:
        scores: array (h, n, n), the scores of one sentence.
        labels: list of the h labels.
        threshold: float; 0 for the loss ZLPR, or more for fewer spans.
        flat: of spans that overlap, keep only the span of the highest score, the first of equals.

    Returns:
        Sorted list of (start, end, label).

    >>> scores = np.full((1, 3, 3), -1.0)
    >>> scores[0, 0, 1], scores[0, 1, 2] = 1.0, 2.0
    >>> pointer_spans(scores, ["PER"]), pointer_spans(scores, ["PER"], flat=True)
    ([(0, 2, 'PER'), (1, 3, 'PER')], [(1, 3, 'PER')])
    """
    scores = np.asarray(scores)
    if scores.ndim != 3 or len(scores) != len(labels) or scores.shape[1] != scores.shape[2]:
        raise invalid(
            f"`scores` must be of shape ({len(labels)}, n, n), one matrix for each label.",
            shape=scores.shape,
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
    return SCHEMES[check_choice("scheme", scheme, tuple(SCHEMES))]


def _parsed(tag, scheme):
    """Split a tag into ("O", "") or (role, label)."""
    role, _, label = tag.partition("-")
    if tag != "O" and role not in _roles(scheme):
        raise invalid(f"`tags` must be tags of scheme {scheme!r}.", tag=tag)
    return role, label


def _continues(before, after, scheme):
    """Return whether the tag `after` may belong to the same span as the tag `before`."""
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
            f"`tags` must be tags of scheme {scheme!r}. Received: {here!r} after {before!r} at "
            f"{wrong}"
        )


def _checked(spans, length):
    """Return the spans sorted by their start; raise if one is not within the text."""
    for span in spans:
        check_within(span, length)
    return sorted(spans, key=lambda span: span[:2])
