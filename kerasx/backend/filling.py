"""Write arrays into variables piece by piece, without a second copy in memory."""

import math
import mmap

import keras
import numpy as np
from keras import ops

from kerasx.backend.keras_internals import layout, release_value
from kerasx.backend.layouts import cut_array

_PIECE = 1 << 19  # elements copied at once


def room(shape, dtype):
    """Allocate a NumPy array of zeros that a backend can take as a tensor without a copy.

    A large one is aligned to a memory page, as JAX requires, and is returned to the system when it
    is freed, where malloc would keep the hole.

    >>> room((2, 3), "float32").tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < 1 << 20 or not hasattr(mmap, "MAP_PRIVATE"):
        return np.zeros(shape, dtype)
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, np.uint8).view(dtype).reshape(shape)


def fill(variable, value, piece=_PIECE, after=lambda: None):
    """Assign a NumPy array to a variable in pieces.

    `variable.assign(value)` would hold a tensor of the whole array in memory, beside the array and
    the old value.

    Args:
        variable: keras.Variable.
        value: array of its shape and of any dtype; it may be a view of a mapped file.
        piece: number of elements copied at once.
        after: called after each piece, to release the part of the file that has been read.

    >>> v = keras.Variable([1.0, 2.0, 3.0])
    >>> fill(v, np.array([4.0, 5.0, 6.0]), piece=2)
    >>> ops.convert_to_numpy(v).tolist()
    [4.0, 5.0, 6.0]
    """
    if layout(variable) is not None:
        _fill_cut(variable, value)
    elif value.size <= piece:
        variable.assign(np.array(value))  # a copy, since JAX may keep the array, and so the file
    else:
        _FILL[keras.backend.backend()](variable, value, _pieces(value, piece, after))
    after()


def _pieces(value, piece, after):
    """Yield (index, part) along the axis of the largest stride: parts contiguous in the file."""
    axis = int(np.argmax(np.abs(value.strides)))
    count, outer = value.shape[axis], tuple(slice(0, n) for n in value.shape[:axis])
    step = max(1, piece * count // value.size)
    for start in range(0, count, step):
        place = (*outer, slice(start, min(start + step, count)))
        yield place, value[place]
        after()


def _fill_tensorflow(variable, value, pieces):
    import tensorflow as tf

    if isinstance(variable.value, tf.distribute.DistributedValues):
        variable.assign(value)
        return
    handle = variable.value.handle
    try:
        for place, part in pieces:
            # Not `variable.assign` of the whole: BERT-base would take 1.56 times its weights in
            # memory while it loads, and takes 1.14 (benchmarks/loading.py). Not
            # `variable.value[...].assign`: it reads the old value, which then must be kept.
            tf.raw_ops.ResourceStridedSliceAssign(
                ref=handle,
                begin=[s.start for s in place],
                end=[s.stop for s in place],
                strides=[1] * len(place),
                value=ops.cast(part, variable.dtype),
            )
    finally:
        # the assignment has turned it on, and each read of the weight would be a copy
        tf.raw_ops.DisableCopyOnRead(resource=handle)


def _fill_torch(variable, value, pieces):
    import torch

    tensor = variable.value.detach()
    if tensor.device.type == "cpu" and tensor.is_contiguous():
        # not Tensor.copy_, which waits for a pool of threads at each piece
        _write(tensor.view(torch.uint8).numpy().view(variable.dtype), pieces)
        return
    for place, part in pieces:
        tensor[place].copy_(ops.convert_to_tensor(np.array(part)))


def _fill_jax(variable, value, pieces):
    """Fill a new array, since those of JAX cannot be changed, after the old one is let go.

    With both at once BERT-base would take 1.20 times its weights in memory while it loads, and
    takes 1.04 (benchmarks/loading.py).
    """
    new = room(value.shape, variable.dtype)
    release_value(variable)
    ops.zeros(())  # JAX lets go of memory that it did not allocate when it is next called
    try:
        _write(new, pieces)
    finally:
        variable.assign(new)


def _fill_cut(variable, value):
    """Fill the part of each device by itself: no device ever holds the whole of a cut weight."""
    release_value(variable)
    variable.assign(cut_array(value, variable.dtype, layout(variable).backend_layout))


def _write(array, pieces):
    for place, part in pieces:
        array[place] = part


_FILL = {"tensorflow": _fill_tensorflow, "jax": _fill_jax, "torch": _fill_torch}
