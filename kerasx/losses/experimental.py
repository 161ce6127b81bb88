"""Losses that are well defined but have not beaten cross-entropy; each says where it fails."""

import math

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.backend import mask_value
from kerasx.losses.base import ScoreLoss, TokenLoss, as_ids
from kerasx.ops.multilabel import log1p_sum_exp
from kerasx.ops.shapes import require_shape

__all__ = [
    "ExactAccuracy",
    "JointCategoricalCrossentropy",
    "exact_accuracy",
    "joint_categorical_crossentropy",
    "joint_soft_categorical_crossentropy",
]


def exact_accuracy(ids, logits, sigma=1.0, margin=None, nodes=64):
    """P(y = argmax(s + σε)), ε standard normal: a smooth accuracy; the loss is one minus it.

    P = E_z Π_{j≠y} Φ(z + d_j), d_j = (s_y - s_j) / σ, an integral in one dimension, which
    Gauss-Hermite quadrature does without sampling. (The paper estimates the orthant probability.)

    The paper standardizes the logits over the batch and lowers σ during training; both are left
    to the caller. Where all z + d_j are far below 0 the gradient fades: from a random start on
    text, kexue.fm/archives/9098 could not reach what cross-entropy reaches.

    Args:
        ids: integers (...).
        logits: (..., v). Takes (..., v, nodes) of memory.
        sigma: σ, the standard deviation of the noise.
        margin: s_y - s_j counts as at most this, or None.
        nodes: points of the quadrature.

    Returns:
        Probabilities (...), float32 or wider.

    Source: EXACT, arXiv 2205.09615; kexue.fm/archives/9098.

    >>> round(float(exact_accuracy(ops.array([0]), ops.zeros((1, 4)))[0]), 5)
    0.25
    """
    s = backend.widened(logits)
    right = ops.one_hot(as_ids(ids, s), s.shape[-1], dtype="bool")
    d = ops.sum(ops.where(right, s, 0), -1, keepdims=True) - s
    d = (d if margin is None else ops.minimum(d, margin)) / sigma
    x, weights = np.polynomial.hermite.hermgauss(nodes)  # ∫ e^-x² f(x) dx, z = √2 x
    z = ops.cast(math.sqrt(2) * x, s.dtype)
    normal = ops.erfc((d[..., None] + z) / -math.sqrt(2)) / 2  # Φ, (..., v, nodes)
    logs = ops.log(ops.maximum(normal, 1e-30))  # a product, in a form that every backend derives
    product = ops.exp(ops.sum(ops.where(right[..., None], 0, logs), -2))
    return ops.sum(product * ops.cast(weights / math.sqrt(math.pi), s.dtype), -1)


@keras.saving.register_keras_serializable("kerasx")
class ExactAccuracy(TokenLoss):
    """1 - `exact_accuracy` for compile: ids (...), logits (..., v). Experimental.

    Args:
        sigma: standard deviation of the noise on the logits.
        margin: the largest difference of logits that counts, or None.
        ignore_class: the id that does not count, or None.
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> round(float(ExactAccuracy()(ops.array([0]), ops.zeros((1, 4)))), 5)
    0.75
    """

    def __init__(self, sigma=1.0, margin=None, ignore_class=None, **kwargs):
        if sigma <= 0:
            raise ValueError(f"`sigma` must be above 0. Received: sigma={sigma}")
        super().__init__(ignore_class, **kwargs)
        self.sigma = sigma
        self.margin = margin

    def compute(self, ids, logits):
        return 1 - exact_accuracy(ids, logits, self.sigma, self.margin)

    def get_config(self):
        return {**super().get_config(), "sigma": self.sigma, "margin": self.margin}


def joint_categorical_crossentropy(y_true, y_pred):
    """Σ_j log(1 + Σ_i Σ_{k≠j} t_ij e^(s_ik - s_ij)): n problems of m classes in one loss.

    The sum over the n problems is inside the logarithm, so a class has the weight of the logarithm
    of its count. m = 2 is `multilabel_categorical_crossentropy` of s_0 - s_1. For hard labels: with
    soft ones its minimum is at no known function of them. Put all problems of a batch
    into one row to balance the classes over the batch; the loss then depends on the batch.

    Args:
        y_true: (..., n, m), one-hot.
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
    """Σ_j log(1 + Σ_i t_ij e^(mean_k s_ik - s_ij)), whose minimum is at t = softmax(s).

    For soft labels only. A hard label asks no more than a score above the mean, not above the
    other scores: (5, 9, -8, -9) with label 0 costs 0.003, though class 1 is predicted.

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
    require_shape("y_true", t, s.shape, "a label for each class of each problem")
    return ops.maximum(s, mask_value(keras.backend.standardize_dtype(s.dtype)) / 4), t


def _log(t):
    return ops.log(ops.where(t > 0, t, 1))


@keras.saving.register_keras_serializable("kerasx")
class JointCategoricalCrossentropy(ScoreLoss):
    """`joint_categorical_crossentropy` for compile: labels and scores (..., n, m). Experimental.

    Args:
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> loss = JointCategoricalCrossentropy()
    >>> round(float(loss([[[1.0, 0.0]]], [[[0.0, 0.0]]])), 4)
    0.6931
    """

    def call(self, y_true, y_pred):
        return joint_categorical_crossentropy(y_true, y_pred)
