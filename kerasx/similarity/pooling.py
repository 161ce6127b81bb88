"""From the vectors of tokens to one of the sentence."""

import numpy as np

__all__ = ["cls_pooling", "first_last_avg_pooling", "mean_pooling"]


def cls_pooling(hidden):
    """The vector of the first token: (b, n, d) to (b, d).

    >>> cls_pooling([[[1.0], [5.0]]])
    array([[1.]])
    """
    hidden = np.asarray(hidden)
    if hidden.ndim != 3 or not hidden.shape[1]:
        raise ValueError(f"`hidden` must be (b, n, d), n > 0. Received: shape {hidden.shape}")
    return hidden[:, 0]


def mean_pooling(hidden, mask=None):
    """The mean of the vectors of the real tokens: (b, n, d) to (b, d), zeros if there are none.

    Args:
        hidden: (b, n, d).
        mask: (b, n), true for real tokens; None if all are.

    >>> mean_pooling([[[1.0], [5.0], [9.0]]], [[True, True, False]])
    array([[3.]])
    """
    hidden = np.asarray(hidden)
    mask = np.ones(hidden.shape[:2], bool) if mask is None else np.asarray(mask, bool)
    if hidden.ndim != 3 or mask.shape != hidden.shape[:2]:
        raise ValueError(
            "`hidden` must be (b, n, d) and `mask` (b, n). "
            f"Received: shapes {hidden.shape} and {mask.shape}"
        )
    total = np.where(mask[..., None], hidden, 0).sum(1)
    return total / np.maximum(mask.sum(1), 1)[:, None]


def first_last_avg_pooling(first, last, mask=None):
    """The mean over the real tokens of two layers, the first and the last (BERT-flow's choice).

    Args:
        first, last: (b, n, d), outputs of two layers.
        mask: as in `mean_pooling`.

    Source: arXiv 2011.05864; kexue.fm/archives/8069.

    >>> first_last_avg_pooling([[[1.0], [5.0]]], [[[3.0], [3.0]]])
    array([[3.]])
    """
    return (mean_pooling(first, mask) + mean_pooling(last, mask)) / 2
