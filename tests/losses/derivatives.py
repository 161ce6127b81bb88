"""Compute values and gradients of a function of one tensor, compiled as a whole on JAX.

Otherwise JAX compiles each operation for each shape, which takes a second per gradient.
"""

import keras
import numpy as np
from keras import ops

from tests import gradients


def value_and_gradient(function, x, dtype="float32"):
    """Return function(x) and d sum(function(x)) / dx as float32 NumPy arrays."""
    x = ops.cast(ops.convert_to_tensor(np.asarray(x, "float32")), dtype)
    if keras.backend.backend() != "jax":
        value = ops.convert_to_numpy(ops.cast(function(x), "float32"))
        return value, gradients.gradient(
            function, ops.convert_to_numpy(ops.cast(x, "float32")), dtype
        )
    import jax

    def total(x):
        value = ops.cast(function(x), "float32")
        return ops.sum(value), value

    (_, value), grad = jax.jit(jax.value_and_grad(total, has_aux=True))(x)
    return np.array(value), np.array(grad, "float32")


def gradient(function, x, dtype="float32"):
    """Return d sum(function(x)) / dx as a float32 NumPy array."""
    return value_and_gradient(function, x, dtype)[1]
