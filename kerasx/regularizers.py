"""Penalties on weights."""

import keras
from keras import ops

from kerasx import backend

__all__ = ["WEISSI", "weissi"]


def weissi(w, lam1, lam2, epsilon=1e-12):
    """λ₁ log|W| + λ₂ Σ|W / |W||, |W| the Frobenius norm: blind to scales that cancel out.

    A network of linear, ReLU and max-pooling layers computes the same when one layer's weights
    are multiplied by γ and another's divided by it. Over the layers, the sum of the first term does
    not change then, nor does any second term; that of L2 does, so it regularizes the
    parametrization rather than the function. The gradient of the first term is
    λ₁ W / |W|², weight decay whose strength follows the scale.

    Args:
        w: weights of any shape.
        lam1, lam2: λ₁, λ₂.
        epsilon: added to |W|², so that the penalty is bounded below, by ½ λ₁ log ε.

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
    """`weissi` as a regularizer of kernels; biases are not meant to have it.

    Not before a normalization layer: there the output does not depend on the scale, and the
    first term shrinks the weights until ε stops it. The paper's coefficients are not known to us;
    the defaults are ours.

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
