"""Pool the vectors of tokens into a vector of the sentence."""

import numpy as np

from kerasx.checks import invalid


def cls_pooling(hidden):
    """Return the vector (b, d) of the first token of hidden states (b, n, d).

    >>> cls_pooling([[[1.0], [5.0]]])
    array([[1.]])
    """
    hidden = np.asarray(hidden)
    if hidden.ndim != 3 or not hidden.shape[1]:
        raise invalid("`hidden` must be (b, n, d), n > 0.", shape=hidden.shape)
    return hidden[:, 0]


def mean_pooling(hidden, mask=None):
    """Compute the mean of the vectors of all tokens that are not padding.

    Args:
        hidden: (b, n, d), the vectors of the tokens.
        mask: bool (b, n), False for padding; None if there is no padding.

    Returns:
        (b, d); zeros for a sentence of padding only.

    >>> mean_pooling([[[1.0], [5.0], [9.0]]], [[True, True, False]])
    array([[3.]])
    """
    hidden = np.asarray(hidden)
    mask = np.ones(hidden.shape[:2], bool) if mask is None else np.asarray(mask, bool)
    if hidden.ndim != 3 or mask.shape != hidden.shape[:2]:
        shapes = {"hidden.shape": hidden.shape, "mask.shape": mask.shape}
        raise invalid("`hidden` must be (b, n, d) and `mask` (b, n).", **shapes)
    total = np.where(mask[..., None], hidden, 0).sum(1)
    return total / np.maximum(mask.sum(1), 1)[:, None]


def first_last_avg_pooling(first, last, mask=None):
    """Compute the mean of the vectors of all tokens in the first and the last layer.

    Args:
        first, last: (b, n, d), the outputs of the two layers.
        mask: as in `mean_pooling`.

    Returns:
        (b, d).

    Source: arXiv 2011.05864; kexue.fm/archives/8069.

    >>> first_last_avg_pooling([[[1.0], [5.0]]], [[[3.0], [3.0]]])
    array([[3.]])
    """
    return (mean_pooling(first, mask) + mean_pooling(last, mask)) / 2
