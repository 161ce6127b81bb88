"""One loss for n classification problems of m classes each. Experimental."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend import mask_value
from kerasx.checks import check_shape
from kerasx.losses.score_loss import ScoreLoss
from kerasx.ops.multilabel import log1p_sum_exp


def joint_categorical_crossentropy(y_true, y_pred):
    """Compute Σ_j log(1 + Σ_i Σ_{k≠j} t_ij e^(s_ik - s_ij)) for n problems i of m classes j.

    The sum over the problems is inside the logarithm, so a frequent class weighs as the logarithm
    of its count. For m = 2 this is `multilabel_categorical_crossentropy` of s_0 - s_1. Put all
    problems of a batch into one row to balance the classes over the batch.

    Args:
        y_true: (..., n, m), one-hot. Soft labels have no known minimum.
        y_pred: (..., n, m) scores without activation. Takes (..., n, m, m) of memory.

    Returns:
        Losses (...), float32 or wider.

    Source: loss 1 of kexue.fm/archives/9158, where it is no better than cross-entropy.

    >>> round(float(joint_categorical_crossentropy([[1.0, 0.0]], [[0.0, 0.0]])), 4)  # log 2
    0.6931
    """
    s, t = _joint(y_true, y_pred)
    differences = s[..., None, :] - s[..., :, None]  # (..., n, j, k)
    other = ops.logical_not(ops.eye(s.shape[-1], dtype="bool"))
    counted = ops.logical_and(other, t[..., None] > 0)
    terms = differences + _log(t)[..., None]
    return ops.sum(log1p_sum_exp(terms, counted, axis=(-3, -1)), -1)


def joint_soft_categorical_crossentropy(y_true, y_pred):
    """Compute Σ_j log(1 + Σ_i t_ij e^(mean_k s_ik - s_ij)), minimal at t = softmax(s).

    For soft labels only: a hard label only asks for a score above the mean, not above the other
    scores. (5, 9, -8, -9) with label 0 costs 0.003 though class 1 is predicted.

    Args:
        y_true: (..., n, m), probabilities.
        y_pred: (..., n, m) scores without activation.

    Returns:
        Losses (...), float32 or wider.

    Source: loss 3 of kexue.fm/archives/9158.

    >>> loss = joint_soft_categorical_crossentropy([[1.0, 0, 0, 0]], [[5.0, 9.0, -8.0, -9.0]])
    >>> round(float(loss), 4)
    0.0032
    """
    s, t = _joint(y_true, y_pred)
    terms = ops.mean(s, -1, keepdims=True) - s + _log(t)
    return ops.sum(log1p_sum_exp(terms, t > 0, axis=-2), -1)


def _joint(y_true, y_pred):
    s = backend.widened(y_pred)
    t = ops.cast(y_true, s.dtype)
    check_shape("y_true", t, s.shape, "a label for each class of each problem")
    return ops.maximum(s, mask_value(keras.backend.standardize_dtype(s.dtype)) / 4), t


def _log(t):
    return ops.log(ops.where(t > 0, t, 1))


@keras.saving.register_keras_serializable("kerasx")
class JointCategoricalCrossentropy(ScoreLoss):
    """Loss class of `joint_categorical_crossentropy`: labels, scores (..., n, m). Experimental.

    Args:
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> loss = JointCategoricalCrossentropy()
    >>> round(float(loss([[[1.0, 0.0]]], [[[0.0, 0.0]]])), 4)
    0.6931
    """

    label_axes = 2

    def call(self, y_true, y_pred):
        return joint_categorical_crossentropy(y_true, y_pred)
