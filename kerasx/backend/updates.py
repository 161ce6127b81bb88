"""What optimizers do to variables and gradients."""

import keras
from keras import ops

__all__ = ["InPlace", "dense", "value_at_build"]


def dense(gradient, dtype=None):
    """A gradient as a tensor; TensorFlow has those of embeddings as slices, which add up.

    >>> dense(ops.ones((2,))).shape == (2,)
    True
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gradient = tf.convert_to_tensor(gradient)
    return gradient if dtype is None else ops.cast(gradient, dtype)


def value_at_build(variable):
    """The value of a variable as NumPy, also while a TensorFlow graph is being traced.

    >>> value_at_build(keras.Variable([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.init_scope():
            value = variable.numpy()
        return value
    return ops.convert_to_numpy(variable)


class InPlace:
    """A mixin for optimizers that changes variables where they are on PyTorch.

    There a new tensor the size of a kernel costs as much as the arithmetic. The other backends
    compile the step, which does away with it.
    """

    def assign_add(self, variable, value):
        if not _torch_add(variable, 1, value):
            super().assign_add(variable, value)

    def assign_sub(self, variable, value):
        if not _torch_add(variable, -1, value):
            super().assign_sub(variable, value)

    def accumulate(self, slot, decay, x, scale, y=None):
        """slot ← decay · slot + scale · x · y, for scalars decay and scale and an optional y."""
        if keras.backend.backend() == "torch":
            import torch

            with torch.no_grad():
                total = slot.value.mul_(decay)
                total.add_(x, alpha=scale) if y is None else total.addcmul_(x, y, value=scale)
        else:
            self.assign(slot, decay * slot + scale * (x if y is None else x * y))


def _torch_add(variable, sign, value):
    if keras.backend.backend() != "torch":
        return False
    import torch

    with torch.no_grad():
        variable.value.add_(value, alpha=sign)
    return True
