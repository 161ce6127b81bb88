"""Find spans from one score for each start and one for each end."""

import numpy as np

from kerasx.checks import check_integer, check_shape, invalid
from kerasx.spans.alignment import check_within


def best_span(starts, ends, longest=None):
    """Find the span with the highest start_i + end_j where i <= j < i + longest.

    Args:
        starts, ends: scores of shape (n,); -inf, or below all other scores, for tokens at which no
            span may start or end.
        longest: int, the largest number of tokens of a span; None for no limit.

    Returns:
        (first, last + 1); the first of the best spans.

    Raises:
        ValueError: no scores, two lengths, NaN, or `longest` below 1.

    >>> best_span([0.0, 1.0, 5.0], [3.0, 2.0, 0.0])
    (2, 3)
    >>> best_span([4.0, 0.0, 1.0], [0.0, 0.0, 3.0], longest=2)
    (0, 1)
    """
    starts, ends = np.asarray(starts, "float64"), np.asarray(ends, "float64")
    if starts.ndim != 1 or starts.shape != ends.shape or not len(starts):
        raise invalid(
            "`starts` and `ends` must be scores of the same tokens, one at least.",
            starts=starts,
            ends=ends,
        )
    if longest is not None:
        check_integer("longest", longest, least=1)
    if np.isnan(starts).any() or np.isnan(ends).any():
        raise invalid("`starts` and `ends` must be numbers, not NaN.", starts=starts, ends=ends)
    i, j = np.indices((len(starts), len(starts)))
    allowed = (i <= j) & (j < i + (longest or len(starts)))
    scores = np.where(allowed, starts[:, None] + ends, -np.inf)
    first, last = map(int, np.unravel_index(scores.argmax(), scores.shape))
    return first, last + 1


def half_pointer_labels(spans, length, labels):
    """Make the targets of half pointers: binary labels for the starts and the ends of spans.

    Args:
        spans: list of (start, end, label) in tokens.
        length: number of tokens n.
        labels: list of the h labels.

    Returns:
        float32 array (n, 2h): column 2i is 1 at the first tokens of spans of label i, column
        2i + 1 at their last tokens.

    Raises:
        ValueError: a span outside of the tokens, or a label that is not in the list.

    >>> half_pointer_labels([(0, 2, "PER")], 3, ["PER"]).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    labels, marks = list(labels), np.zeros((length, 2 * len(labels)), "float32")
    for start, end, label in spans:
        check_within((start, end, label), length)
        if label not in labels:
            raise invalid(f"`spans` must have labels of {labels}.", label=label)
        marks[start, 2 * labels.index(label)] = marks[end - 1, 2 * labels.index(label) + 1] = 1
    return marks


def half_pointer_spans(scores, labels, threshold=0.0):
    """Decode half pointers: each start is joined to the nearest end that does not precede it.

    Args:
        scores: array (n, 2h) arranged as by `half_pointer_labels`.
        labels: list of the h labels.
        threshold: a token with a higher score is a start or an end; 0 for logits, 0.5 for
            probabilities.

    Returns:
        Sorted list of (start, end, label).

    Raises:
        ValueError: scores of another shape.

    Source: CasRel, arXiv 1909.03227; kexue.fm/archives/7161.

    >>> half_pointer_spans([[1, -1], [1, 1], [-1, 1]], ["PER"])
    [(0, 2, 'PER'), (1, 2, 'PER')]
    """
    scores = np.asarray(scores)
    check_shape("scores", scores, (None, 2 * len(labels)), "a start and an end for each label")
    spans = []
    for h, label in enumerate(labels):
        starts, lasts = (np.flatnonzero(scores[:, 2 * h + i] > threshold) for i in (0, 1))
        places = np.searchsorted(lasts, starts)
        found = [(s, lasts[i]) for s, i in zip(starts, places) if i < len(lasts)]
        spans += [(int(start), int(last) + 1, label) for start, last in found]
    return sorted(spans)
