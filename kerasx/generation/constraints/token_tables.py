"""Check and stack the tables of constraints, and read them inside the loop."""

import numpy as np
from keras import ops

from kerasx.checks import invalid


def checked_sequences(name, sequences):
    """Return sequences as tuples of ids, in order, without duplicates.

    Raises:
        ValueError: there are no sequences, or one is no list of ids or has no token.
    """
    rows = [tuple(np.ravel(row).tolist()) for row in sequences]
    good = all(row and all(isinstance(i, int) and i >= 0 for i in row) for row in rows)
    if not rows or not good:
        expected = f"`{name}` must be lists of token ids, at least one list and none of them empty."
        raise invalid(expected, **{name: sequences})
    return list(dict.fromkeys(rows))


def check_vocabulary(name, ids, vocab_size):
    """Raise unless the ids are in the model's vocabulary."""
    beyond = [i for i in ids if not 0 <= i < vocab_size]
    if beyond:
        raise invalid(
            f"`{name}` must be ids in [0, {vocab_size}), the model's vocabulary.", id=beyond[0]
        )


def stacked(rows, value=0):
    """Stack vectors of integers as one int32 array (b, n) with `value` after them.

    n is a power of two: few sizes, because the decoding loop is compiled for each.
    """
    n = 1 << (max(1, *map(len, rows)) - 1).bit_length()
    rows = [np.asarray(row, "int32") for row in rows]
    return np.stack([np.pad(row, (0, n - len(row)), constant_values=value) for row in rows])


def among(ids, where, size):
    """Return booleans (b, k, size), true at the `ids` for which `where` is true.

    Args:
        ids: integers in [0, size), of a shape that broadcasts to (b, k, w).
        where: boolean (b, k, w).
        size: integer.

    >>> found = among(np.array([[[2, 0]]]), np.array([[[True, False]]]), size=4)
    >>> ops.convert_to_numpy(found).tolist()
    [[[False, False, True, False]]]
    """
    b, k, _ = ops.shape(where)
    row = ops.reshape(ops.arange(b * k, dtype="int32"), (b, k, 1)) * (size + 1)
    ids = ops.where(where, ops.cast(ids, "int32"), size)  # other ids go to `size`
    index = ops.reshape(row + ids, (-1, 1))
    marks = ops.zeros((b * k * (size + 1),), "int32")
    marks = ops.scatter_update(marks, index, ops.ones_like(index[:, 0], "int32"))
    return ops.cast(ops.reshape(marks, (b, k, size + 1))[..., :size], "bool")
