"""EXACT, a smooth accuracy: the probability that noisy scores pick the right class."""

import math

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.checks import check_integer, check_positive
from kerasx.losses.token_loss import TokenLoss, as_ids


def exact_accuracy(ids, logits, sigma=1.0, margin=None, nodes=64):
    """Compute P(y = argmax(s + σε)) for standard normal ε; one minus it is a loss.

    P = E_z Π_{j≠y} Φ(z + d_j), d_j = (s_y - s_j) / σ, is an integral in one dimension, computed
    by Gauss-Hermite quadrature instead of the sampling of the paper.

    The paper standardizes the logits over the batch and lowers σ during training; the caller may
    do both. The gradient fades where all z + d_j are far below 0: from a random start on text,
    kexue.fm/archives/9098 did not reach the accuracy of cross-entropy.

    Args:
        ids: integers (...).
        logits: (..., v). Takes (..., v, nodes) of memory.
        sigma: σ, the standard deviation of the noise.
        margin: upper bound of s_y - s_j, or None.
        nodes: points of the quadrature, at most 370, above which NumPy has no finite weights.

    Returns:
        Probabilities (...), float32 or wider.

    Raises:
        ValueError: `nodes` is not an integer in [1, 371).

    Source: EXACT, arXiv 2205.09615; kexue.fm/archives/9098.

    >>> round(float(exact_accuracy(ops.array([0]), ops.zeros((1, 4)))[0]), 5)
    0.25
    """
    nodes = check_integer("nodes", nodes, least=1, below=371)
    s = backend.widened(logits)
    right = ops.one_hot(as_ids(ids, s), s.shape[-1], dtype="bool")
    d = ops.sum(ops.where(right, s, 0), -1, keepdims=True) - s
    d = (d if margin is None else ops.minimum(d, margin)) / sigma
    x, weights = np.polynomial.hermite.hermgauss(nodes)  # ∫ e^-x² f(x) dx, z = √2 x
    z = ops.cast(math.sqrt(2) * x, s.dtype)
    normal = ops.erfc((d[..., None] + z) / -math.sqrt(2)) / 2  # Φ, (..., v, nodes)
    # the exponential of a sum of logarithms, as not every backend differentiates a product
    logs = ops.log(ops.maximum(normal, 1e-30))
    product = ops.exp(ops.sum(ops.where(right[..., None], 0, logs), -2))
    return ops.sum(product * ops.cast(weights / math.sqrt(math.pi), s.dtype), -1)


@keras.saving.register_keras_serializable("kerasx")
class ExactAccuracy(TokenLoss):
    """Loss class of 1 - `exact_accuracy` for ids (...) and logits (..., v). Experimental.

    Args:
        sigma: standard deviation of the noise on the logits.
        margin: upper bound of the differences of logits, or None.
        ignore_class: the id whose tokens do not count, as in `MaskedCrossEntropy`.
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> round(float(ExactAccuracy()(ops.array([0]), ops.zeros((1, 4)))), 5)
    0.75
    """

    def __init__(self, sigma=1.0, margin=None, **kwargs):
        check_positive(sigma=sigma)
        super().__init__(**kwargs)
        self.sigma = sigma
        self.margin = margin

    def compute(self, ids, logits):
        return 1 - exact_accuracy(ids, logits, self.sigma, self.margin)

    def get_config(self):
        return {**super().get_config(), "sigma": self.sigma, "margin": self.margin}
