"""Arithmetic on variables and gradients for optimizers, in place where that saves a pass.

Outside of XLA each tensor that an expression makes is written to memory and read again, which for
a kernel costs as much as the arithmetic. `python -m benchmarks.optimizers` compares the steps.
"""

import keras
from keras import ops

from kerasx.backend.replica_optimizers import assign_where_replicas_meet


def dense(gradient, dtype=None):
    """Convert a gradient to a dense tensor; TensorFlow gives those of embeddings as IndexedSlices.

    >>> dense(ops.ones((2,))).shape == (2,)
    True
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gradient = tf.convert_to_tensor(gradient)
    return gradient if dtype is None else ops.cast(gradient, dtype)


def mean_square(x, axis=None):
    """Compute the mean of x² without a tensor of the squares.

    Args:
        x: floats.
        axis: tuple of axes, which are kept with length one; None for a scalar over all axes.

    >>> float(mean_square(ops.array([3.0, 4.0])))
    12.5
    """
    axes = tuple(range(len(x.shape))) if axis is None else axis
    if keras.backend.backend() == "torch" and len(x.shape) > 1 and len(x.shape) - 1 in axes:
        import torch

        # row by row, since one long float32 sum would lose four digits
        with torch.no_grad():
            rows = torch.linalg.vector_norm(ops.convert_to_tensor(x), dim=-1, keepdim=True)
            return (rows**2 / x.shape[-1]).mean(axes, keepdim=axis is not None)
    if keras.backend.backend() == "tensorflow" and axis is None:
        import tensorflow as tf

        # the summed slices of an embedding have no static shape
        return tf.nn.l2_loss(x) * (2 / tf.maximum(tf.cast(tf.size(x), x.dtype), 1))
    return ops.mean(ops.square(x), axis, keepdims=axis is not None)


def value_at_build(variable):
    """Return the value of a variable as NumPy, also while a TensorFlow graph is being traced.

    >>> value_at_build(keras.Variable([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.init_scope():
            value = variable.numpy()
        return value
    return ops.convert_to_numpy(variable)


def add_scaled(x, a, y):
    """Compute x + a y, on PyTorch with one new tensor instead of two.

    Args:
        x, y: tensors of one shape.
        a: number, or tensor that broadcasts to this shape.

    >>> x, y = ops.array([1.0, 2.0]), ops.array([10.0, 20.0])
    >>> ops.convert_to_numpy(add_scaled(x, 0.5, y)).tolist()
    [6.0, 12.0]
    """
    if keras.backend.backend() != "torch":
        return x + a * y
    import torch

    with torch.no_grad():
        x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
        is_tensor = isinstance(a, torch.Tensor)
        return torch.addcmul(x, y, a) if is_tensor else torch.add(x, y, alpha=a)


def root_ratio(m, v, epsilon):
    """Compute m / (√v + ε), on PyTorch with one new tensor instead of three.

    >>> float(root_ratio(ops.array(6.0), ops.array(4.0), 1.0))
    2.0
    """
    if keras.backend.backend() != "torch":
        return m / (ops.sqrt(v) + epsilon)
    import torch

    with torch.no_grad():
        root = torch.sqrt(ops.convert_to_tensor(v)).add_(epsilon)
        return torch.div(ops.convert_to_tensor(m), root, out=root)


class InPlace:
    """A mixin for optimizers whose updates on PyTorch make no tensor the size of a variable."""

    def assign(self, variable, value):
        if not assign_where_replicas_meet(variable, value):
            super().assign(variable, value)

    def assign_add(self, variable, value):
        if _torch_add(variable, value, 1) or assign_where_replicas_meet(variable, value, add=True):
            return
        super().assign_add(variable, value)

    def assign_sub(self, variable, value, scale=None):
        """Assign variable - scale · value to the variable, for a scalar scale, by default 1."""
        if not _torch_add(variable, value, -1 if scale is None else -scale):
            super().assign_sub(variable, value if scale is None else scale * value)

    def accumulate(self, slot, decay, x, y=None, scale=None, bound=None):
        """Assign decay · slot + scale · x · y to a slot, such as a moment of the gradients.

        Args:
            slot: variable.
            decay: scalar.
            x, y: tensors like the slot; without y it counts as 1.
            scale: scalar; 1 - decay by default.
            bound: clip the result to [-bound, bound]; None for no clipping.
        """
        average, scale = scale is None, 1 - decay if scale is None else scale
        if keras.backend.backend() == "torch":
            _torch_accumulate(slot.value, decay, x, y, scale, average, bound)
            return
        x = x if y is None else x * y
        if keras.backend.backend() == "tensorflow" and average and bound is None:
            self.assign_sub(slot, slot - x, scale)
        else:
            self.assign(slot, _bounded_sum(decay * slot, scale * x, bound))


def _torch_accumulate(total, decay, x, y, scale, average, bound):
    import torch

    with torch.no_grad():
        if average and y is None:
            total.lerp_(x, scale)
        else:
            total = total if decay == 1 else total.mul_(decay)
            total.add_(x, alpha=scale) if y is None else total.addcmul_(x, y, value=scale)
        if bound is not None:
            total.clamp_(-bound, bound)


def _bounded_sum(x, step, bound):
    if bound is None:
        return x + step
    if keras.backend.backend() == "jax":
        # XLA would compute an outer clip anew wherever it is used, from copies of its operands
        return x + ops.clip(step, -bound - x, bound - x)
    return ops.clip(x + step, -bound, bound)


def _torch_add(variable, value, scale):
    """Add scale · value in place on PyTorch; return whether it was done."""
    if keras.backend.backend() != "torch":
        return False
    import torch

    with torch.no_grad():
        if isinstance(scale, torch.Tensor):
            variable.value.addcmul_(value, scale)
        else:
            variable.value.add_(value, alpha=scale)
    return True
