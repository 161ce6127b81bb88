"""Cross-entropy for any number of labels (ZLPR), dense and sparse."""

import keras
from keras import ops

from kerasx.backend import mask_value, wide_dtype
from kerasx.checks import check_shape


def log1p_sum_exp(x, counted=True, axis=-1):
    """Compute log(1 + Σ e^x) over an axis, exact for tiny sums: 1 is never added to e^x.

    Args:
        x: floats.
        counted: booleans that broadcast to x; the sum takes these elements.
        axis: axis of the sum.

    Returns:
        Tensor without the axis; 0 where nothing is counted.

    >>> round(float(log1p_sum_exp(ops.array([0.0, 0.0]))), 4), float(log1p_sum_exp(ops.zeros(0)))
    (1.0986, 0.0)
    """
    x = ops.where(counted, x, mask_value(keras.backend.standardize_dtype(x.dtype)))
    if 0 in x.shape:
        return ops.sum(x, axis)  # zeros of the reduced shape: there is nothing to take a maximum of
    return ops.softplus(ops.logsumexp(x, axis))


def multilabel_categorical_crossentropy(y_true, y_pred):
    """Compute the multilabel cross-entropy log(1 + Σ_neg e^s) + log(1 + Σ_pos e^-s).

    A model trained with it predicts the labels with s > 0. With soft labels t in [0, 1] the loss is
    log(1 + Σ (1 - t) e^s) + log(1 + Σ t e^-s), with its minimum at t = σ(2s). The sums are inside
    the logarithms, so many negatives need no weight against few positives.

    Args:
        y_true: (..., c), labels in [0, 1].
        y_pred: (..., c), scores s without activation. A class with the score -inf or
            `kerasx.backend.mask_value(dtype)` is left out, whatever its label.

    Returns:
        Losses (...), float32 or wider.

    Raises:
        ValueError: the shapes differ.

    Source: ZLPR, arXiv 2208.02955; kexue.fm/archives/7359, kexue.fm/archives/9064.

    >>> import numpy as np
    >>> s = np.array([[3.0, -2.0, -4.0]], "float32")
    >>> round(float(multilabel_categorical_crossentropy(np.array([[1, 0, 0]]), s)[0]), 4)
    0.1915
    """
    s, counted = _scores(y_pred)
    check_shape("y_true", ops.convert_to_tensor(y_true), s.shape, "a label for each class")
    t = ops.cast(y_true, s.dtype)
    positive = log1p_sum_exp(_log(t) - s, ops.logical_and(counted, t > 0))
    return positive + log1p_sum_exp(_log(1 - t) + s, ops.logical_and(counted, t < 1))


def sparse_multilabel_categorical_crossentropy(y_true, y_pred, mask_zero=False):
    """Compute `multilabel_categorical_crossentropy` from the ids of the true labels.

    The negatives are summed by themselves, not as all classes minus the positives: in float32 that
    difference is lost once a positive score is about 16 above the negatives.

    Args:
        y_true: integers (..., p), the ids of the true labels; an id given twice counts twice.
        y_pred: (..., c), scores without activation, masked as in the dense form.
        mask_zero: treat id 0 in `y_true` as padding, and class 0 as none.

    Returns:
        Losses (...), float32 or wider.

    Raises:
        ValueError: the shapes differ before the last axis.

    Source: bert4keras; kexue.fm/archives/7359.

    >>> import numpy as np
    >>> s = np.array([[9.0, 3.0, -2.0, -4.0]], "float32")
    >>> loss = sparse_multilabel_categorical_crossentropy(np.array([[1, 0]]), s, mask_zero=True)
    >>> round(float(loss[0]), 4)
    0.1915
    """
    s, counted = _scores(y_pred)
    ids = ops.cast(y_true, "int32")
    check_shape("y_true", ids, (*s.shape[:-1], None), "the ids of the true labels")
    if mask_zero:
        counted = ops.logical_and(counted, ops.arange(ops.shape(s)[-1]) > 0)
    positive = log1p_sum_exp(
        -ops.take_along_axis(s, ids, -1), ops.take_along_axis(counted, ids, -1)
    )
    return positive + log1p_sum_exp(s, _without(counted, ids))


def _scores(y_pred):
    """Return the scores in float32 at least, and which are not masked in their own dtype."""
    y_pred = ops.convert_to_tensor(y_pred)
    dtype = keras.backend.standardize_dtype(y_pred.dtype)
    wide = wide_dtype(dtype)
    s = ops.cast(y_pred, wide)
    return s, s > mask_value(dtype if "float" in dtype else wide)


def _log(t):
    return ops.log(ops.where(t > 0, t, 1))  # elements with t = 0 are not counted


def _without(counted, ids):
    """Return `counted` (..., c), set to False at the ids (..., p)."""
    if 0 in ids.shape:
        return counted
    classes, given = ops.shape(counted)[-1], ops.shape(ids)[-1]
    flat, index = ops.reshape(counted, (-1, classes)), ops.reshape(ids, (-1, given))
    rows = ops.broadcast_to(ops.arange(ops.shape(flat)[0])[:, None], ops.shape(index))
    places = ops.stack([ops.reshape(rows, (-1,)), ops.reshape(index, (-1,))], -1)
    updates = ops.zeros(ops.shape(places)[:1], "bool")
    return ops.reshape(ops.scatter_update(flat, places, updates), ops.shape(counted))
