"""Soft clipping of the norm of the whole gradient."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import ClipsGradients
from kerasx.optimizers.extension import Extension, extend

__all__ = ["extend_with_soft_clipping", "soft_clip"]


def soft_clip(gradients, gamma):
    """g γ / (‖g‖ + γ), ‖g‖ being the norm of all gradients together.

    Between a half of hard clipping, g min(1, γ / ‖g‖), and hard clipping itself. For an
    (L₀, L₁)-smooth function, rate 1 / L₀ and γ = L₀ / L₁ make the step g / (L₀ + L₁ ‖g‖), the
    best there is.

    Args:
        gradients: list of tensors or Nones. gamma: γ > 0.

    Returns:
        A list of the like.

    Source: arXiv 1905.11881; kexue.fm/archives/7469.

    >>> [ops.convert_to_numpy(g).tolist() for g in soft_clip([ops.array([3.0, 4.0])], 5.0)]
    [[1.5, 2.0]]
    """
    return list(_soft_clipped(gradients, gamma))


def _soft_clipped(gradients, gamma):
    """One after the other: on PyTorch a second copy of all gradients would be slow to come by."""
    gradients = [None if g is None else backend.dense(g) for g in gradients]
    present = [ops.cast(g, "float32") for g in gradients if g is not None]
    squares = [backend.mean_square(g) * ops.cast(ops.size(g), "float32") for g in present]
    factor = gamma / (ops.sqrt(sum(squares)) + gamma)
    del present
    for g in gradients:
        yield None if g is None else g * ops.cast(factor, g.dtype)


@keras.saving.register_keras_serializable("kerasx")
class SoftClipping(ClipsGradients, Extension):
    """An optimizer whose gradients are clipped softly, after what the base itself clips.

    Args:
        soft_clipnorm: γ of `soft_clip`, or None for none.
        *args, **kwargs: of the base optimizer.

    Raises:
        ValueError: `soft_clipnorm` is not positive.
    """

    def __init__(self, *args, soft_clipnorm=None, **kwargs):
        super().__init__(*args, **kwargs)
        if soft_clipnorm is not None and not soft_clipnorm > 0:
            raise ValueError(
                "`soft_clipnorm` must be a number > 0, or None for no soft clipping. "
                f"Received: soft_clipnorm={soft_clipnorm}"
            )
        self.soft_clipnorm = soft_clipnorm

    def clip_further(self, gradients):
        norm = self.soft_clipnorm
        return gradients if norm is None else _soft_clipped(gradients, norm)

    def get_config(self):
        return {**super().get_config(), "soft_clipnorm": self.soft_clipnorm}


def extend_with_soft_clipping(BaseOptimizer, name=None):
    """The class of `BaseOptimizer` with one more argument, `soft_clipnorm`: γ of `soft_clip`.

    Args:
        BaseOptimizer: any Keras optimizer class. name: of the new class.

    >>> SGD = extend_with_soft_clipping(keras.optimizers.SGD)
    >>> theta = keras.Variable([0.0, 0.0])
    >>> SGD(1.0, soft_clipnorm=5.0).apply([ops.array([3.0, 4.0])], [theta])
    >>> ops.convert_to_numpy(theta).tolist()
    [-1.5, -2.0]
    """
    return extend(SoftClipping, BaseOptimizer, name)
