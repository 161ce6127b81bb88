"""Clip the norm of the whole gradient softly, in any optimizer."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import ClipsGradients
from kerasx.checks import check_positive
from kerasx.optimizers.extension import Extension, extend


def soft_clip(gradients, gamma):
    """Compute g γ / (‖g‖ + γ), where ‖g‖ is the norm of all gradients together.

    The factor lies between 1/2 and 1 times that of hard clipping, min(1, γ / ‖g‖). For an
    (L₀, L₁)-smooth function, the learning rate 1 / L₀ and γ = L₀ / L₁ give the step
    g / (L₀ + L₁ ‖g‖), which minimises the upper bound of the loss.

    Args:
        gradients: list of tensors or Nones.
        gamma: γ > 0.

    Returns:
        The list of clipped gradients; None stays None.

    Source: arXiv 1905.11881; kexue.fm/archives/7469.

    >>> [ops.convert_to_numpy(g).tolist() for g in soft_clip([ops.array([3.0, 4.0])], 5.0)]
    [[1.5, 2.0]]
    """
    return list(_soft_clipped(gradients, gamma))


def _soft_clipped(gradients, gamma):
    """Yield the clipped gradients one by one, since a second copy of all is slow on PyTorch."""
    gradients = [None if g is None else backend.dense(g) for g in gradients]
    present = [ops.cast(g, "float32") for g in gradients if g is not None]
    squares = [backend.mean_square(g) * ops.cast(ops.size(g), "float32") for g in present]
    factor = gamma / (ops.sqrt(sum(squares)) + gamma)
    del present
    for g in gradients:
        yield None if g is None else g * ops.cast(factor, g.dtype)


@keras.saving.register_keras_serializable("kerasx")
class SoftClipping(ClipsGradients, Extension):
    """Mixin that clips gradients by `soft_clip`; see `extend_with_soft_clipping`."""

    def __init__(self, *args, soft_clipnorm=None, **kwargs):
        super().__init__(*args, **kwargs)
        check_positive(soft_clipnorm=soft_clipnorm)
        self.soft_clipnorm = soft_clipnorm

    def clip_further(self, gradients):
        norm = self.soft_clipnorm
        return gradients if norm is None else _soft_clipped(gradients, norm)

    def get_config(self):
        return {**super().get_config(), "soft_clipnorm": self.soft_clipnorm}


def extend_with_soft_clipping(BaseOptimizer, name=None):
    """Make a class that multiplies all gradients g by γ / (‖g‖ + γ).

    The clipping that BaseOptimizer itself does (`clipnorm`, ...) comes first.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: str, the name of the new class, or None.

    Returns:
        The class, which takes the arguments of BaseOptimizer and `soft_clipnorm`: γ > 0, or None
        for no soft clipping.

    Source: arXiv 1905.11881; kexue.fm/archives/7469.

    >>> SGD = extend_with_soft_clipping(keras.optimizers.SGD)
    >>> theta = keras.Variable([0.0, 0.0])
    >>> SGD(1.0, soft_clipnorm=5.0).apply([ops.array([3.0, 4.0])], [theta])
    >>> ops.convert_to_numpy(theta).tolist()
    [-1.5, -2.0]
    """
    return extend(SoftClipping, BaseOptimizer, name)
