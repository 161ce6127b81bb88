"""The small tensor functions of bert4keras, in keras.ops."""

import keras
from keras import ops

from kerasx.backend.masks import mask_value

__all__ = [
    "align",
    "batch_gather",
    "divisible_temporal_padding",
    "flatten",
    "gelu_erf",
    "gelu_tanh",
    "get_activation",
    "leaky_relu",
    "piecewise_linear",
    "pool1d",
    "reshape",
    "root_mean_square",
    "search_layer",
    "sequence_masking",
    "sum_above",
    "swish",
    "widened",
]


@keras.saving.register_keras_serializable("kerasx")
def gelu_erf(x):
    """x Φ(x), with the error function (arXiv 1606.08415; kexue.fm/archives/7309)."""
    return ops.gelu(x, approximate=False)


@keras.saving.register_keras_serializable("kerasx")
def gelu_tanh(x):
    """The tanh approximation of GELU that T5 and GPT-2 were trained with; off by at most 4.8e-4."""
    return ops.gelu(x, approximate=True)


@keras.saving.register_keras_serializable("kerasx")
def swish(x):
    """x σ(x)."""
    return ops.silu(x)


@keras.saving.register_keras_serializable("kerasx")
def leaky_relu(x, alpha=0.2):
    """max(x, αx)."""
    return ops.leaky_relu(x, negative_slope=alpha)


_ACTIVATIONS = {
    "gelu": gelu_erf,
    "gelu_erf": gelu_erf,
    "gelu_tanh": gelu_tanh,
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "swish": swish,
}


def get_activation(identifier):
    """An activation by its name in a configuration file, or the callable itself.

    "gelu" is the exact form; "gelu_new", "gelu_tanh" and "gelu_pytorch_tanh" the tanh form.
    Other names are Keras's.

    >>> get_activation("gelu_new").__name__
    'gelu_tanh'
    """
    if isinstance(identifier, str) and identifier in _ACTIVATIONS:
        return _ACTIVATIONS[identifier]
    return keras.activations.get(identifier)


def align(tensor, axes, ndim=None):
    """Insert axes of size 1 so that dimension i of `tensor` becomes dimension `axes[i]` of `ndim`.

    Args:
        tensor: any tensor.
        axes: increasing integers, one for each dimension; may be negative.
        ndim: dimensions of the result; `max(axes) + 1` by default.

    >>> ops.shape(align(ops.zeros((2, 3)), [0, -1], ndim=4))
    (2, 1, 1, 3)
    """
    ndim = ndim or max(axes) + 1
    axes = [a % ndim for a in axes]
    if len(axes) != len(tensor.shape) or axes != sorted(set(axes)):
        raise ValueError(
            "`axes` must name an increasing place for each dimension of `tensor`. "
            f"Received: axes={axes}, tensor.shape={tuple(tensor.shape)}"
        )
    missing = [i for i in range(ndim) if i not in axes]
    return ops.expand_dims(tensor, missing) if missing else tensor


def reshape(tensor, shape):
    """Reshape, where None in `shape` keeps the dimension at that place.

    >>> ops.shape(reshape(ops.zeros((2, 3, 8)), (None, None, 2, 4)))
    (2, 3, 2, 4)
    """
    sizes = ops.shape(tensor)
    return ops.reshape(tensor, [sizes[i] if s is None else s for i, s in enumerate(shape)])


def flatten(tensor, start=0, end=None):
    """Merge the dimensions start..end (exclusive) into one.

    >>> ops.shape(flatten(ops.zeros((2, 3, 4)), 1))
    (2, 12)
    """
    sizes = ops.shape(tensor)
    end = len(sizes) if end is None else end
    return ops.reshape(tensor, [*sizes[:start], -1, *sizes[end:]])


def sequence_masking(x, mask, value=0, axis=1, bias=None, return_mask=False):
    """Set the padded places of a sequence to `value`.

    Args:
        x: tensor with a batch dimension first and the sequence at `axis`.
        mask: (b, n), true at real tokens, or None (x is returned as it is).
        value: number, or "-inf" / "inf" for the finite extremes of x's dtype.
        axis: the sequence's dimension.
        bias: a tensor that is added to x before masking.
        return_mask: also return the mask, aligned with x.

    >>> import numpy as np
    >>> x = sequence_masking(np.ones((1, 3)), np.array([[1, 1, 0]]), 9.0)
    >>> ops.convert_to_numpy(x).tolist()
    [[1.0, 1.0, 9.0]]
    """
    x = ops.convert_to_tensor(x)
    x = x if bias is None else x + bias
    if mask is None:
        return (x, None) if return_mask else x
    dtype = keras.backend.standardize_dtype(x.dtype)
    if value in ("-inf", "inf"):
        value = mask_value(dtype) * (1 if value == "-inf" else -1)
    mask = align(ops.cast(mask, "bool"), [0, axis], len(x.shape))
    x = ops.where(mask, x, ops.cast(value, dtype))
    return (x, mask) if return_mask else x


def batch_gather(params, indices):
    """Gather along axis 1 within each example: out[b, ...] = params[b, indices[b, ...]].

    Args:
        params: (b, n, ...).
        indices: integers (b,) or (b, k).

    >>> import numpy as np
    >>> x = np.array([[1, 2, 3], [4, 5, 6]])
    >>> ops.convert_to_numpy(batch_gather(x, np.array([2, 0]))).tolist()
    [3, 4]
    """
    params, indices = ops.convert_to_tensor(params), ops.cast(indices, "int32")
    single = len(indices.shape) == 1
    index = indices[:, None] if single else indices
    index = align(index, [0, 1], len(params.shape))
    out = ops.take_along_axis(params, ops.broadcast_to(index, _gathered_shape(params, index)), 1)
    return out[:, 0] if single else out


def _gathered_shape(params, index):
    sizes = ops.shape(params)
    return (sizes[0], ops.shape(index)[1], *sizes[2:])


def pool1d(x, pool_size, strides=1, padding="valid", pool_mode="max"):
    """Max or average pooling along the time axis of (b, n, d); `pool_mode` is "max" or "avg".

    >>> ops.shape(pool1d(ops.zeros((2, 6, 3)), pool_size=2, strides=2))
    (2, 3, 3)
    """
    if pool_mode not in ("max", "avg"):
        raise ValueError(f"`pool_mode` must be 'max' or 'avg'. Received: pool_mode={pool_mode!r}")
    pool = ops.max_pool if pool_mode == "max" else ops.average_pool
    return pool(x, pool_size, strides, padding, data_format="channels_last")


def divisible_temporal_padding(x, n):
    """Pad (b, t, d) with zeros at the end until t is a multiple of n.

    >>> ops.shape(divisible_temporal_padding(ops.zeros((1, 5, 2)), 4))
    (1, 8, 2)
    """
    return ops.pad(x, [(0, 0), (0, -ops.shape(x)[1] % n), (0, 0)])


def root_mean_square(x, axis=None, keepdims=False):
    """sqrt(mean(x²)).

    >>> float(root_mean_square(ops.convert_to_tensor([3.0, 4.0, 0.0, 0.0])))
    2.5
    """
    return ops.sqrt(ops.mean(ops.square(x), axis=axis, keepdims=keepdims))


def piecewise_linear(t, schedule, from_zero=True):
    """The piecewise linear function through the points of `schedule`, constant after the last.

    Args:
        t: scalar or tensor of steps.
        schedule: {step: value}, e.g. {1000: 1, 2000: 0.1} rises to 1 and then falls to 0.1.
        from_zero: start from (0, 0) unless the schedule says what happens at 0.

    >>> [float(piecewise_linear(t, {10: 1.0, 20: 0.5})) for t in (0, 5, 10, 15, 30)]
    [0.0, 0.5, 1.0, 0.75, 0.5]
    """
    points = sorted((float(step), float(value)) for step, value in schedule.items())
    if not points:
        raise ValueError("`schedule` must have at least one {step: value}. Received: schedule={}")
    if points[0][0] > 0:
        points.insert(0, (0.0, 0.0 if from_zero else points[0][1]))
    t = ops.cast(t, "float32")
    x = ops.full_like(t, points[0][1])
    for (t0, x0), (t1, x1) in zip(points, points[1:], strict=False):
        x = ops.where(t > t0, x0 + (x1 - x0) * (t - t0) / (t1 - t0), x)
    return ops.where(t > points[-1][0], points[-1][1], x)


def search_layer(inputs, name, exclude_from=None):
    """The layer called `name` among those that a symbolic tensor was computed from.

    Models called as layers are searched as well.

    Args:
        inputs: a symbolic tensor, or a model (then its outputs).
        name: layer name, e.g. "Embedding-Token".
        exclude_from: a set of layers not to look behind.

    Returns:
        The layer, or None.
    """
    tensors = inputs.outputs if hasattr(inputs, "outputs") else [inputs]
    pending, seen = [t._keras_history.operation for t in tensors], set(exclude_from or ())
    while pending:
        layer = pending.pop()
        if layer.name == name:
            return layer
        if layer in seen:
            continue
        seen.add(layer)
        if isinstance(layer, keras.Model):
            pending += [t._keras_history.operation for t in layer.outputs]
        for node in layer._inbound_nodes:
            pending += [t._keras_history.operation for t in node.input_tensors]
    return None


def sum_above(x, keys, bound):
    """Σ x over the last axis where keys > bound, (..., 1).

    PyTorch compares into floats on a CPU, in vector instructions that it has not for booleans:
    a tenth of the time.

    Args:
        x, keys: (..., n).
        bound: (..., 1).

    >>> x, keys, bound = ops.array([1.0, 2.0, 4.0]), ops.array([3.0, 7.0, 5.0]), ops.array([4.0])
    >>> ops.convert_to_numpy(sum_above(x, keys, bound)).tolist()
    [6.0]
    """
    if keras.backend.backend() == "torch":
        return keys.detach().clone().gt_(bound).mul(x).sum(-1, keepdim=True)
    return ops.sum(ops.where(keys > bound, x, 0), axis=-1, keepdims=True)


def widened(x):
    """x as a tensor of float32, or of its own dtype if that is wider.

    >>> widened(ops.ones((2,), "float16")).dtype == widened(ops.ones((2,))).dtype
    True
    """
    x = ops.convert_to_tensor(x)
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
