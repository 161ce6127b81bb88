"""Functions of K that read, make and assign values."""

import math

import keras
import numpy as np
from keras import ops

from kerasx.checks import invalid


def get_value(x):
    """Return the value of a tensor or variable as a NumPy array or number of its own."""
    if keras.backend.is_keras_tensor(x):
        text = "`x` must have a value: compute a symbolic tensor by keras.Model(inputs, x).predict."
        raise invalid(text, x=x)
    if isinstance(x, keras.Variable) or ops.is_tensor(x):
        return np.array(ops.convert_to_numpy(x))[()]
    return x


eval = get_value


def set_value(x, value):
    """Assign a value to a variable, such as `model.optimizer.learning_rate`."""
    if not hasattr(x, "assign"):
        raise invalid("`x` must be a variable: nothing else can be set.", x=x)
    x.assign(value)


def batch_get_value(tensors):
    """Return the values of a list of tensors."""
    return [get_value(x) for x in tensors]


def batch_set_value(tuples):
    """Assign the values of (variable, value) pairs."""
    for x, value in tuples:
        set_value(x, value)


def update(x, new_x):
    """Assign new_x to a variable and return the variable."""
    x.assign(new_x)
    return x


def update_add(x, increment):
    """Add to a variable and return it."""
    return update(x, x + increment)


def update_sub(x, decrement):
    """Subtract from a variable and return it."""
    return update(x, x - decrement)


def moving_average_update(x, value, momentum):
    """Set a variable x to momentum · x + (1 - momentum) · value and return it."""
    return update(x, ops.add(x * momentum, ops.multiply(value, 1 - momentum)))


def int_shape(x):
    """Return the static shape of x as a tuple of integers and None."""
    return tuple(x.shape)


def ndim(x):
    """Return the number of axes of x."""
    return len(x.shape)


def dtype(x):
    """Return the name of the dtype of x."""
    return keras.backend.standardize_dtype(x.dtype)


def count_params(x):
    """Return the number of elements of x."""
    return math.prod(x.shape)


def variable(value, dtype=None, name=None, constraint=None):
    """Make a variable of the given value, of K.floatx() by default."""
    made = keras.Variable(value, dtype=dtype or keras.backend.floatx(), name=name)
    made.constraint = constraint
    return made


def constant(value, dtype=None, shape=None, name=None):
    """Make a tensor of K.floatx() by default; a number fills `shape`, an array takes it."""
    x = ops.convert_to_tensor(value, dtype or keras.backend.floatx())
    if shape is None:
        return x
    return ops.broadcast_to(x, shape) if ndim(x) == 0 else ops.reshape(x, shape)


def zeros(shape, dtype=None, name=None):
    """Make a tensor of zeros."""
    return ops.zeros(shape, dtype)


def ones(shape, dtype=None, name=None):
    """Make a tensor of ones."""
    return ops.ones(shape, dtype)


def zeros_like(x, dtype=None, name=None):
    """Make zeros of the shape of x."""
    return ops.zeros_like(x, dtype)


def ones_like(x, dtype=None, name=None):
    """Make ones of the shape of x."""
    return ops.ones_like(x, dtype)


def eye(size, dtype=None, name=None):
    """Make an identity matrix."""
    return ops.eye(size, dtype=dtype)


def arange(start, stop=None, step=1, dtype="int32"):
    """Make a range of integers; an empty one where `start` alone is negative."""
    if stop is None and isinstance(start, int) and start < 0:
        start = 0
    return ops.arange(start, stop, step, dtype)


def cast_to_floatx(x):
    """Convert a tensor or array to K.floatx(), as what it is."""
    if isinstance(x, keras.Variable) or keras.backend.is_keras_tensor(x) or ops.is_tensor(x):
        return ops.cast(x, keras.backend.floatx())
    return np.asarray(x, keras.backend.floatx())


def identity(x, name=None):
    """Return x."""
    return x


def symbolic(function):
    """Return the function: as a decorator, as in Keras 2.3."""
    return function


def name_scope(name):
    """Return the context of a name."""
    return keras.name_scope(name)
