"""K: the functions of `keras.backend` in Keras 2.3, for scripts that were written for it.

    from kerasx.backend import K, keras

Written out are the functions that have other arguments or another meaning in Keras 3; every other
name is that of keras.ops or keras.backend. They take eager and symbolic tensors of all backends.
A name without an equivalent raises an AttributeError that says what to write instead.

Where a script meets Keras 3 all the same:

- `K.shape` returns a tuple, not a tensor; `K.zeros`, `K.ones` and `K.eye` return tensors, which
  cannot be assigned.
- Random numbers repeat after `keras.utils.set_random_seed`; with an integer `seed` they are the
  same at each call. In a layer's `call` on JAX, pass a `keras.random.SeedGenerator` made in the
  layer's `__init__` as `seed`: numbers without it would be frozen in the compiled step, and Keras
  refuses them.
"""

import functools
import operator

import keras
import numpy as np
from keras import ops, tree

from kerasx.backend.keras_internals import is_training, rnn
from kerasx.backend.legacy_gone import INSTEAD
from kerasx.backend.legacy_losses import (
    binary_crossentropy,
    categorical_crossentropy,
    in_top_k,
    sparse_categorical_crossentropy,
)
from kerasx.backend.legacy_values import (
    arange,
    batch_get_value,
    batch_set_value,
    cast_to_floatx,
    constant,
    count_params,
    dtype,
    eval,
    eye,
    get_value,
    identity,
    int_shape,
    moving_average_update,
    name_scope,
    ndim,
    ones,
    ones_like,
    set_value,
    symbolic,
    update,
    update_add,
    update_sub,
    variable,
    zeros,
    zeros_like,
)
from kerasx.backend.reshaping import flatten, reshape
from kerasx.checks import check_choice, invalid


def __getattr__(name):
    if name in INSTEAD:
        raise AttributeError(f"K.{name} is gone in Keras 3: {INSTEAD[name]}")
    for place in (ops, keras.backend):
        if not name.startswith("_") and hasattr(place, name):
            return getattr(place, name)
    raise AttributeError(f"K has no {name!r}: neither keras.ops nor keras.backend has it.")


# Reductions


def _reduction(operation):
    @functools.wraps(operation)
    def reduced(x, axis=None, keepdims=False):
        axis = tuple(axis) if isinstance(axis, list) else axis
        return operation(x, axis=axis, keepdims=keepdims)

    return reduced


sum = _reduction(ops.sum)
mean = _reduction(ops.mean)
max = _reduction(ops.max)
min = _reduction(ops.min)
std = _reduction(ops.std)
var = _reduction(ops.var)
logsumexp = _reduction(ops.logsumexp)
any = _reduction(lambda x, **axes: ops.any(ops.cast(x, "bool"), **axes))
all = _reduction(lambda x, **axes: ops.all(ops.cast(x, "bool"), **axes))


def prod(x, axis=None, keepdims=False):
    """Multiply along axes; the sizes in a tuple, as K.shape returns it, give a size."""
    if isinstance(x, (tuple, list)):
        return functools.reduce(operator.mul, x, 1)
    return _reduction(ops.prod)(x, axis, keepdims)


def argmax(x, axis=-1):
    """Return the index of the largest element."""
    return ops.argmax(x, axis)


def argmin(x, axis=-1):
    """Return the index of the smallest element."""
    return ops.argmin(x, axis)


def cumsum(x, axis=0):
    """Compute sums up to each element."""
    return ops.cumsum(x, axis)


def cumprod(x, axis=0):
    """Compute products up to each element."""
    return ops.cumprod(x, axis)


def l2_normalize(x, axis=None):
    """Compute x / ‖x‖, where ‖x‖² is at least 1e-12."""
    return x * ops.rsqrt(ops.maximum(sum(ops.square(x), axis, keepdims=True), 1e-12))


# Axes and elements


def concatenate(tensors, axis=-1):
    """Concatenate along the last axis by default; numbers get the dtype of a tensor."""
    dtypes = [x.dtype for x in tensors if hasattr(x, "dtype")]
    if dtypes:
        tensors = [
            x if hasattr(x, "dtype") else ops.convert_to_tensor(x, dtypes[0]) for x in tensors
        ]
    return ops.concatenate(tensors, axis)


def expand_dims(x, axis=-1):
    """Insert an axis of size 1."""
    return ops.expand_dims(x, axis)


def permute_dimensions(x, pattern):
    """Permute the axes."""
    return ops.transpose(x, pattern)


def repeat(x, n):
    """Repeat (b, d) to (b, n, d)."""
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


def repeat_elements(x, rep, axis):
    """Repeat each element along an axis."""
    return ops.repeat(x, rep, axis)


def reverse(x, axes):
    """Reverse the order along one or more axes."""
    return ops.flip(x, tuple(axes) if isinstance(axes, list) else axes)


def batch_flatten(x):
    """Flatten each example."""
    return ops.reshape(x, (-1, prod(tuple(x.shape[1:]))))


def temporal_padding(x, padding=(1, 1)):
    """Pad (b, n, d) with zeros along time."""
    return ops.pad(x, [(0, 0), tuple(padding), (0, 0)])


def gather(reference, indices):
    """Take rows; indices may be floats, as the ids of old models."""
    return ops.take(reference, ops.cast(indices, "int32"), axis=0)


def one_hot(indices, num_classes):
    """Encode indices, which may be floats, as ones among zeros."""
    return ops.one_hot(ops.cast(indices, "int32"), num_classes)


def where(condition, x, y):
    """Select from x where the condition is not 0, else from y; all broadcast."""
    return ops.where(ops.cast(condition, "bool"), x, y)


def switch(condition, then_expression, else_expression):
    """Select by a scalar or by (b, ...), which broadcasts along the further axes.

    The expressions are tensors or functions without arguments; in a symbolic graph both are called.
    """
    condition, branches = ops.cast(condition, "bool"), (then_expression, else_expression)
    functions = callable(then_expression) and callable(else_expression)
    if functions and ndim(condition) == 0 and not keras.backend.is_keras_tensor(condition):
        return ops.cond(condition, *branches)
    a, b = (branch() if callable(branch) else branch for branch in branches)
    missing = len(getattr(a, "shape", ())) - ndim(condition)
    if ndim(condition) and missing > 0:
        condition = ops.expand_dims(condition, tuple(range(-missing, 0)))
    return ops.where(condition, a, b)


def dot(x, y):
    """Multiply along the last axis of x and the one before the last of y."""
    return ops.tensordot(x, y, axes=[[-1], [-2 if len(y.shape) > 1 else -1]])


def batch_dot(x, y, axes=None):
    """Multiply the examples of x and y along one axis each; (b, 1) for two matrices."""
    rank_x, rank_y = len(x.shape), len(y.shape)
    if axes is None:
        axes = (rank_x - 1, rank_y - 1 if rank_y == 2 else rank_y - 2)
    i, j = (axes, axes) if isinstance(axes, int) else axes
    of_x, of_y = list("bcdefg"[:rank_x]), list("bmnopq"[:rank_y])
    shared = of_y[j] = of_x[i]
    kept = "".join(axis for axis in of_x + of_y[1:] if axis != shared)
    out = ops.einsum(f"{''.join(of_x)},{''.join(of_y)}->{kept}", x, y)
    return ops.expand_dims(out, -1) if kept == "b" else out


# Elementwise functions


def pow(x, a):
    """Compute x to the power a."""
    return ops.power(x, a)


def sqrt(x):
    """Compute the square root of max(x, 0)."""
    return ops.sqrt(ops.maximum(x, 0))


def clip(x, min_value, max_value):
    """Clip to [min_value, max_value], where None is no bound."""
    x = x if min_value is None else ops.maximum(x, min_value)
    return x if max_value is None else ops.minimum(x, max_value)


def relu(x, alpha=0.0, max_value=None, threshold=0.0):
    """Compute the ReLU with a slope below its threshold and a maximum."""
    return keras.activations.relu(x, alpha, max_value, threshold)


def hard_sigmoid(x):
    """Compute x / 5 + 1/2, clipped to [0, 1]; Keras 3's own has the slope 1/6."""
    return ops.clip(0.2 * x + 0.5, 0, 1)


def bias_add(x, bias, data_format=None):
    """Add a bias to the channels, which are the last axis or the one after the batch."""
    first = (data_format or keras.backend.image_data_format()) == "channels_first"
    trailing = len(x.shape) - 2 if first and len(bias.shape) == 1 else 0
    return x + (ops.reshape(bias, (-1, *[1] * trailing)) if trailing else bias)


def batch_normalization(x, mean, var, beta, gamma, axis=-1, epsilon=1e-3):
    """Normalize by the given mean and variance."""
    return ops.batch_normalization(x, mean, var, axis, beta, gamma, epsilon)


def stop_gradient(variables):
    """Return tensors without gradient; a list for a list."""
    return tree.map_structure(ops.stop_gradient, variables)


# Random numbers


def random_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Draw normal numbers."""
    return keras.random.normal(shape, mean, stddev, dtype, seed)


def random_uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Draw uniform numbers; whole ones, less than `maxval`, where the dtype is of integers."""
    if dtype and "int" in dtype:
        return keras.random.randint(shape, int(minval), int(maxval), dtype, seed)
    return keras.random.uniform(shape, minval, maxval, dtype, seed)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Draw normal numbers within two standard deviations."""
    return keras.random.truncated_normal(shape, mean, stddev, dtype, seed)


def random_binomial(shape, p=0.0, dtype=None, seed=None):
    """Draw 1 with probability p, else 0."""
    drawn = keras.random.uniform(shape, seed=seed) < p
    return ops.cast(drawn, dtype or keras.backend.floatx())


random_bernoulli = random_binomial


def dropout(x, level, noise_shape=None, seed=None):
    """Drop elements at a rate, always."""
    return keras.random.dropout(x, level, noise_shape, seed)


# Phases, functions, loops


def in_train_phase(x, alt, training=None):
    """Return x while the model trains, else alt; functions without arguments are called.

    Without `training`, that of the running call counts, whether or not the layer asks for it.
    """
    chosen = x if (is_training() if training is None else training) else alt
    return chosen() if callable(chosen) else chosen


def in_test_phase(x, alt, training=None):
    """Return x while the model does not train, else alt."""
    return in_train_phase(alt, x, training)


def function(inputs, outputs, updates=None, name=None):
    """Return a function of arrays that computes symbolic outputs, without training."""
    if updates:
        raise invalid("`updates` must be empty: assign in a layer's `call`.", updates=updates)
    model = keras.Model(inputs, outputs, name=name)
    lone = isinstance(outputs, list) and len(outputs) == 1  # Keras 3 returns it without the list

    def run(values):
        values = [np.asarray(x) for x in values] if isinstance(inputs, list) else values
        computed = tree.map_structure(get_value, model(values, training=False))
        return [computed] if lone and not isinstance(computed, list) else computed

    return run


def map_fn(fn, elems, name=None, dtype=None):
    """Apply a function to each example and stack the results."""
    return ops.map(fn, elems)


def foldl(fn, elems, initializer=None, name=None):
    """Compute fn(...fn(fn(a, x_1), x_2)..., x_n); without `initializer`, a is the first."""
    if initializer is None:
        initializer, elems = elems[0], elems[1:]

    def step(total, x):
        total = fn(total, x)
        return total, total

    return ops.scan(step, initializer, elems)[0]


def foldr(fn, elems, initializer=None, name=None):
    """Compute `foldl` from the end."""
    return foldl(fn, ops.flip(elems, 0), initializer)


def conv1d(x, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolve (b, n, d) with a kernel (width, d, e); "causal" padding stands before."""
    if padding == "causal":
        before = dilation_rate * (kernel.shape[0] - 1)
        x, padding = ops.pad(x, [(0, 0), (before, 0), (0, 0)]), "valid"
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(x, kernel, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """Convolve images."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def pool2d(x, pool_size, strides=(1, 1), padding="valid", data_format=None, pool_mode="max"):
    """Pool images by "max" or "avg"."""
    check_choice("pool_mode", pool_mode, ("max", "avg"))
    pool = ops.max_pool if pool_mode == "max" else ops.average_pool
    return pool(x, pool_size, strides, padding, data_format)
