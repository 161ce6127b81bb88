"""Align, gather, pool and pad along the axes of tensors."""

from keras import ops

from kerasx import backend
from kerasx.checks import check_choice, invalid


def align(tensor, axes, ndim=None):
    """Insert axes of size 1 so that axis i of a tensor becomes axis `axes[i]`.

    Args:
        tensor: any tensor.
        axes: increasing integers, one for each axis of the tensor; may be negative.
        ndim: number of axes of the result; `max(axes) + 1` by default.

    >>> ops.shape(align(ops.zeros((2, 3)), [0, -1], ndim=4))
    (2, 1, 1, 3)
    """
    ndim = ndim or max(axes) + 1
    axes = [a % ndim for a in axes]
    if len(axes) != len(tensor.shape) or axes != sorted(set(axes)):
        shape = {"tensor.shape": tuple(tensor.shape)}
        raise invalid(
            "`axes` must be increasing, one for each axis of `tensor`.", axes=axes, **shape
        )
    missing = [i for i in range(ndim) if i not in axes]
    return ops.expand_dims(tensor, missing) if missing else tensor


def batch_gather(params, indices):
    """Gather along the last axis of the indices, in each example: out[b, j] = params[b, i[b, j]].

    Args:
        params: (b, n, ...).
        indices: integers, or floats of such a value: (b,), (b, k), or (b, ..., n', k), whose axes
            but the last are those of `params`.

    Returns:
        (b, ...) for (b,); else the shape of the indices and the further axes of `params`.

    >>> import numpy as np
    >>> x = np.array([[1, 2, 3], [4, 5, 6]])
    >>> ops.convert_to_numpy(batch_gather(x, np.array([2, 0]))).tolist()
    [3, 4]
    """
    params, indices = ops.convert_to_tensor(params), ops.cast(indices, "int32")
    single = len(indices.shape) == 1
    index = indices[:, None] if single else indices
    axis, ndim = len(index.shape) - 1, len(params.shape)
    if axis >= ndim:
        shapes = {"params.shape": tuple(params.shape), "indices.shape": tuple(indices.shape)}
        raise invalid("`indices` must have no more axes than `params`.", **shapes)
    if axis == 1:
        out = backend.take_places(params, index)
        return out[:, 0] if single else out
    sizes = ops.shape(params)
    gathered = (*sizes[:axis], ops.shape(index)[axis], *sizes[axis + 1 :])
    index = ops.broadcast_to(align(index, range(axis + 1), ndim), gathered)
    return ops.take_along_axis(params, index, axis)


def pool1d(x, pool_size, strides=1, padding="valid", data_format=None, pool_mode="max"):
    """Pool along the time axis of (b, n, d); `pool_mode` is "max" or "avg".

    With `data_format="channels_first"`, time is the last axis.

    >>> ops.shape(pool1d(ops.zeros((2, 6, 3)), pool_size=2, strides=2))
    (2, 3, 3)
    """
    check_choice("pool_mode", pool_mode, ("max", "avg"))
    pool = ops.max_pool if pool_mode == "max" else ops.average_pool
    return pool(x, pool_size, strides, padding, data_format=data_format or "channels_last")


def divisible_temporal_padding(x, n):
    """Pad (b, t, d) with zeros at the end until t is a multiple of n.

    >>> ops.shape(divisible_temporal_padding(ops.zeros((1, 5, 2)), 4))
    (1, 8, 2)
    """
    return ops.pad(x, [(0, 0), (0, -ops.shape(x)[1] % n), (0, 0)])
