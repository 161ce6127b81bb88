"""What optimizers do to variables and gradients."""

import keras
from keras import ops

__all__ = ["dense", "value_at_build"]


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
            return variable.numpy()
    return ops.convert_to_numpy(variable)
