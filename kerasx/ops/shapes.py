"""Move, merge and compare the dimensions of tensors."""

from keras import ops

__all__ = [
    "align",
    "batch_gather",
    "divisible_temporal_padding",
    "flatten",
    "pool1d",
    "require_shape",
    "reshape",
]


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


def require_shape(argument, x, expected, meaning):
    """Raise ValueError unless x has the `expected` shape, where None agrees with any size.

    >>> import numpy as np
    >>> require_shape("y_true", np.ones((2, 3)), (None, 4), "a label for each of the 4 classes")
    Traceback (most recent call last):
    ...
    ValueError: `y_true` must be a label for each of the 4 classes, of shape (None, 4). Received: \
y_true.shape=(2, 3)
    """
    shape, expected = tuple(x.shape), tuple(expected)
    agree = [a is None or b is None or a == b for a, b in zip(shape, expected)]
    if len(shape) != len(expected) or not all(agree):
        raise ValueError(
            f"`{argument}` must be {meaning}, of shape {expected}. "
            f"Received: {argument}.shape={shape}"
        )
