"""The gradient of a function of one tensor, on whichever backend runs."""

import keras
import numpy as np


def gradient(function, x, dtype="float32"):
    """Compute d sum(function(x)) / dx as float32 NumPy; `function` maps a tensor to a tensor."""
    backend = keras.backend.backend()

    def total(t):
        return keras.ops.sum(keras.ops.cast(function(t), "float32"))

    x = keras.ops.convert_to_tensor(np.asarray(x, "float32"))
    x = keras.ops.cast(x, dtype)
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = total(x)
        grad = tape.gradient(loss, x)
    elif backend == "jax":
        import jax

        grad = jax.grad(total)(x)
    else:
        x = x.detach().requires_grad_(True)
        total(x).backward()
        grad = x.grad
    return keras.ops.convert_to_numpy(keras.ops.cast(grad, "float32"))
