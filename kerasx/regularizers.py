"""Regularization penalties on weights."""

import keras
from keras import ops

from kerasx import backend

__all__ = ["WEISSI", "weissi"]


def weissi(w, lam1, lam2, epsilon=1e-12):
    """Compute the penalty λ₁ log|W| + λ₂ Σ|W / |W||, where |W| is the Frobenius norm.

    A network of linear, ReLU and max-pooling layers computes the same function when one layer's
    weights are multiplied by γ and another's divided by γ. The sum of these penalties over the
    layers does not change either, while that of L2 does. The gradient of the first term is
    λ₁ W / |W|²: weight decay relative to the scale of W.

    Args:
        w: weights of any shape.
        lam1, lam2: λ₁, λ₂.
        epsilon: added to |W|², so that the penalty is at least ½ λ₁ log ε.

    Returns:
        A scalar.

    Source: arXiv 2008.02965; kexue.fm/archives/7681.

    >>> round(float(weissi(ops.array([3.0, 4.0]), lam1=1.0, lam2=0.0)), 4)  # log 5
    1.6094
    """
    w = backend.widened(w)
    square = ops.sum(ops.square(w)) + epsilon
    total = ops.sum(w * ops.stop_gradient(ops.sign(w)))  # JAX's |w| has a gradient of 1 at 0
    return lam1 / 2 * ops.log(square) + lam2 * total * ops.rsqrt(square)


@keras.saving.register_keras_serializable("kerasx")
class WEISSI(keras.regularizers.Regularizer):
    """The penalty `weissi` as a regularizer of kernels.

    Do not use it for biases, nor for kernels before a normalization layer: the output does not
    depend on their scale, so the first term would shrink them until ε stops it. The defaults are
    not from the paper, which gives no coefficients.

    Args:
        lam1, lam2, epsilon: as in `weissi`.

    >>> layer = keras.layers.Dense(2, kernel_regularizer=WEISSI(lam1=1.0, lam2=0.0))
    >>> layer.build((None, 3))
    >>> len(layer.losses)
    1
    """

    def __init__(self, lam1=1e-4, lam2=1e-4, epsilon=1e-12):
        self.lam1 = lam1
        self.lam2 = lam2
        self.epsilon = epsilon

    def __call__(self, x):
        return weissi(x, self.lam1, self.lam2, self.epsilon)

    def get_config(self):
        return {"lam1": self.lam1, "lam2": self.lam2, "epsilon": self.epsilon}
