"""Spans from scores of where they start and where they end. NumPy only."""

import numpy as np

__all__ = ["best_span", "half_pointer_labels", "half_pointer_spans"]


def best_span(starts, ends, longest=None):
    """The span of the highest start_i + end_j with i <= j < i + longest.

    Args:
        starts, ends: scores (n,), -inf or less than all others where no span may start or end.
        longest: int, how many tokens a span may have; None is no limit.

    Returns:
        (first, last + 1), the first of equals.

    Raises:
        ValueError: no scores, two lengths, NaN, or `longest` below 1.

    >>> best_span([0.0, 1.0, 5.0], [3.0, 2.0, 0.0])
    (2, 3)
    >>> best_span([4.0, 0.0, 1.0], [0.0, 0.0, 3.0], longest=2)
    (0, 1)
    """
    starts, ends = np.asarray(starts, "float64"), np.asarray(ends, "float64")
    if starts.ndim != 1 or starts.shape != ends.shape or not len(starts):
        raise ValueError(
            "`starts` and `ends` must be scores of the same tokens, one at least. "
            f"Received: starts.shape={starts.shape}, ends.shape={ends.shape}"
        )
    if longest is not None and longest < 1:
        raise ValueError(f"`longest` must be at least 1. Received: longest={longest}")
    if np.isnan(starts).any() or np.isnan(ends).any():
        raise ValueError("`starts` and `ends` must be numbers. Received: NaN")
    i, j = np.indices((len(starts), len(starts)))
    allowed = (i <= j) & (j < i + (longest or len(starts)))
    scores = np.where(allowed, starts[:, None] + ends, -np.inf)
    first, last = map(int, np.unravel_index(scores.argmax(), scores.shape))
    return first, last + 1


def half_pointer_labels(spans, length, labels):
    """Where spans of each label start and end, for one sigmoid each.

    Args:
        spans: (start, end, label) each.
        length: number of tokens n.
        labels: names of the h labels.

    Returns:
        float32 (n, 2h): columns 2h are the starts of label h, columns 2h + 1 its last tokens.

    Raises:
        ValueError: a span outside of the tokens, or a label that is not in the list.

    >>> half_pointer_labels([(0, 2, "PER")], 3, ["PER"]).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    labels, marks = list(labels), np.zeros((length, 2 * len(labels)), "float32")
    for start, end, label in spans:
        if not 0 <= start < end <= length or label not in labels:
            raise ValueError(
                f"`spans` must lie within the {length} tokens and have labels of {labels}. "
                f"Received: {(start, end, label)}"
            )
        marks[start, 2 * labels.index(label)] = marks[end - 1, 2 * labels.index(label) + 1] = 1
    return marks


def half_pointer_spans(scores, labels, threshold=0.0):
    """The spans of scores arranged as `half_pointer_labels`: a start, and the end nearest after it.

    Args:
        scores: (n, 2h), above the threshold where a span starts or ends.
        labels: names of the h labels.
        threshold: 0 for logits, 0.5 for probabilities.

    Returns:
        List of (start, end, label), ordered.

    Raises:
        ValueError: scores of another shape.

    Source: CasRel, arXiv 1909.03227; kexue.fm/archives/7161.

    >>> half_pointer_spans([[1, -1], [1, 1], [-1, 1]], ["PER"])
    [(0, 2, 'PER'), (1, 2, 'PER')]
    """
    scores = np.asarray(scores)
    if scores.ndim != 2 or scores.shape[1] != 2 * len(labels):
        raise ValueError(
            f"`scores` must be of shape (n, {2 * len(labels)}), a start and an end for each label. "
            f"Received: scores.shape={scores.shape}"
        )
    spans = []
    for h, label in enumerate(labels):
        starts, lasts = (np.flatnonzero(scores[:, 2 * h + i] > threshold) for i in (0, 1))
        places = np.searchsorted(lasts, starts)
        found = [(s, lasts[i]) for s, i in zip(starts, places) if i < len(lasts)]
        spans += [(int(start), int(last) + 1, label) for start, last in found]
    return sorted(spans)
