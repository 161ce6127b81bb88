"""Trees against trees: unlabelled bracket F1 and attachment score."""

import numpy as np

__all__ = ["bracket_f1", "unlabelled_attachment_score"]


def bracket_f1(predicted, gold):
    """F1 of the spans of constituents over all sentences, 2 hits / (predicted + gold).

    Args:
        predicted: for each sentence its constituents, (start, end); repeats count once. Leave out
            the span of the whole sentence, or not, in both alike.
        gold: the same.

    Returns:
        A float from 0 to 1; 1 if there is nothing to find and nothing was found.

    >>> bracket_f1([{(0, 2), (0, 3)}], [{(1, 3), (0, 3)}])
    0.5
    """
    predicted, gold = ([set(map(tuple, spans)) for spans in trees] for trees in (predicted, gold))
    _same_number(predicted, gold)
    hits = sum(len(p & g) for p, g in zip(predicted, gold))
    total = sum(map(len, predicted)) + sum(map(len, gold))
    return 2 * hits / total if total else 1.0


def unlabelled_attachment_score(predicted, gold):
    """UAS: the share of words, over all sentences, whose head is right.

    Args:
        predicted: for each sentence the heads of its words, (n,); the root's is any number below 0.
        gold: the same.

    >>> unlabelled_attachment_score([[1, -1, 1]], [[1, -1, 0]])
    0.6666666666666666
    """
    _same_number(predicted, gold)
    right = total = 0
    for p, g in zip(predicted, gold):
        p, g = np.maximum(np.asarray(p, int), -1), np.maximum(np.asarray(g, int), -1)
        if p.shape != g.shape:
            raise ValueError(
                "Two trees of one sentence must have as many words. "
                f"Received: {p.size} and {g.size}"
            )
        right, total = right + int((p == g).sum()), total + p.size
    return right / total if total else 1.0


def _same_number(predicted, gold):
    if len(predicted) != len(gold):
        raise ValueError(
            "`predicted` and `gold` must be of as many sentences. "
            f"Received: {len(predicted)} and {len(gold)}"
        )
