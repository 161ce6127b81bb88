"""Compare syntax trees by their brackets or by the heads of their words, without labels."""

import numpy as np

from kerasx.checks import check_same_length
from kerasx.metrics.spans import set_f1


def brackets(tree):
    """Return the spans of the inner nodes of a tree.

    Args:
        tree: nested tuples or lists of the indices 0, 1, ... of the words, in order.

    Returns:
        Set of (start, end), where `end` is exclusive.

    >>> sorted(brackets(((0, 1), 2)))
    [(0, 2), (0, 3)]
    """
    found = set()

    def span(node):
        if not isinstance(node, (list, tuple)):
            return node, node + 1
        parts = [span(child) for child in node]
        found.add((parts[0][0], parts[-1][1]))
        return parts[0][0], parts[-1][1]

    span(tree)
    return found


def bracket_f1(gold, predicted):
    """Compute the micro-averaged F1 of constituents; the whole sentence does not count.

    Args:
        gold, predicted: sequences of n trees, as in `brackets`.

    Returns:
        A `Score` (see `set_f1`).

    >>> round(bracket_f1([((0, 1), (2, 3))], [((0, 1), 2, 3)]).f1, 4)
    0.6667
    """
    return set_f1(*([_inner(tree) for tree in trees] for trees in (gold, predicted)))


def _inner(tree):
    spans = brackets(tree)
    return spans - {max(spans, key=lambda s: s[1] - s[0], default=None)}


def unlabelled_attachment_score(gold, predicted):
    """Compute the share of words with the right head (UAS), over all sentences.

    Args:
        gold, predicted: sequences with the heads of the words of each sentence, int (n,); the
            head of the root is any negative number.

    Returns:
        float in [0, 1]; 1 if there are no words.

    Raises:
        ValueError: the numbers of sentences differ, or the numbers of words in a sentence.

    >>> unlabelled_attachment_score([[1, -1, 1, 2]], [[1, -1, 0, 2]])
    0.75
    """
    check_same_length(gold=gold, predicted=predicted)
    right = total = 0
    for g, p in zip(gold, predicted):
        check_same_length(gold=g, predicted=p)
        g, p = np.maximum(np.asarray(g, int), -1), np.maximum(np.asarray(p, int), -1)
        right, total = right + int((g == p).sum()), total + g.size
    return right / total if total else 1.0
