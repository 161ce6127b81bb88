"""Gather vectors within each example, in the way that is fast on each backend."""

import keras
from keras import ops

from kerasx.backend.autodiff import take_rows


def take_places(x, places):
    """Gather out[b, j] = x[b, places[b, j]].

    Keras's `take_along_axis` gathers number by number: eight times slower on TensorFlow. On JAX it
    gathers vectors, and keeps a batch that is spread over devices where it is.

    Args:
        x: (b, n, ...).
        places: int32, (b, p), in [0, n).

    Returns:
        (b, p, ...).

    >>> x = ops.reshape(ops.arange(6), (2, 3, 1))
    >>> ops.convert_to_numpy(take_places(x, ops.array([[2, 0], [1, 1]]))).tolist()
    [[[2], [0]], [[4], [4]]]
    """
    if keras.backend.backend() == "jax":
        return ops.take_along_axis(x, ops.reshape(places, (*places.shape, *[1] * (x.ndim - 2))), 1)
    b, n, *rest = ops.shape(x)
    first = n * ops.arange(b, dtype="int32")[:, None]
    return take_rows(ops.reshape(x, (b * n, *rest)), first + places)
