"""Trees against trees: unlabelled brackets and heads."""

import numpy as np

from kerasx.metrics.spans import set_f1

__all__ = ["bracket_f1", "brackets", "unlabelled_attachment_score"]


def brackets(tree):
    """The spans (start, end) of a tree's inner nodes, end exclusive, as a set.

    Args:
        tree: nested tuples of the numbers 0, 1, ... of the words, in order.

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
    """Micro-averaged score of the constituents of trees, that of the whole sentence left out.

    Args:
        gold, predicted: for each sentence its tree, as in `brackets`.

    Returns:
        A `Score`.

    >>> round(bracket_f1([((0, 1), (2, 3))], [((0, 1), 2, 3)]).f1, 4)
    0.6667
    """
    return set_f1(*([_inner(tree) for tree in trees] for trees in (gold, predicted)))


def _inner(tree):
    spans = brackets(tree)
    return spans - {max(spans, key=lambda s: s[1] - s[0], default=None)}


def unlabelled_attachment_score(gold, predicted):
    """UAS: the share of words, over all sentences, whose head is right.

    Args:
        gold, predicted: for each sentence the heads of its words, (n,); the root's is any number
            below 0.

    Returns:
        A float; 1 if there are no words.

    Raises:
        ValueError: unequal numbers of sentences, or of words in one.

    >>> unlabelled_attachment_score([[1, -1, 1, 2]], [[1, -1, 0, 2]])
    0.75
    """
    if len(gold) != len(predicted):
        raise ValueError(
            "`gold` and `predicted` must be of as many sentences. "
            f"Received: {len(gold)} and {len(predicted)}"
        )
    right = total = 0
    for g, p in zip(gold, predicted):
        g, p = np.maximum(np.asarray(g, int), -1), np.maximum(np.asarray(p, int), -1)
        if g.shape != p.shape:
            raise ValueError(
                "Two trees of one sentence must have as many words. "
                f"Received: {g.size} and {p.size}"
            )
        right, total = right + int((g == p).sum()), total + g.size
    return right / total if total else 1.0
