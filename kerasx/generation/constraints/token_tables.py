"""What the tables of constraints have in common: checked, stacked, and read inside the loop."""

import numpy as np
from keras import ops

__all__ = ["among", "check_vocabulary", "checked_sequences", "stacked"]


def checked_sequences(name, sequences):
    """The sequences as tuples of ids, each once, in their order.

    Raises:
        ValueError: there are none, or one of them is no list of ids or has no token.
    """
    rows = [tuple(np.ravel(row).tolist()) for row in sequences]
    good = all(row and all(isinstance(i, int) and i >= 0 for i in row) for row in rows)
    if not rows or not good:
        raise ValueError(
            f"`{name}` must be lists of token ids, at least one list and none of them empty. "
            f"Received: {name}={sequences!r:.200}"
        )
    return list(dict.fromkeys(rows))


def check_vocabulary(name, ids, vocab_size):
    """Raise unless the ids are in the model's vocabulary."""
    beyond = [i for i in ids if not 0 <= i < vocab_size]
    if beyond:
        raise ValueError(
            f"`{name}` must be ids in [0, {vocab_size}), the model's vocabulary. "
            f"Received: {beyond[0]}"
        )


def stacked(rows, value=0):
    """Vectors of integers in one int32 array (b, n), `value` behind them; n is a power of two.

    Few sizes, because the decoding loop is compiled for each of them.
    """
    n = 1 << (max(1, *map(len, rows)) - 1).bit_length()
    rows = [np.asarray(row, "int32") for row in rows]
    return np.stack([np.pad(row, (0, n - len(row)), constant_values=value) for row in rows])


def among(ids, where, size):
    """Which ids there are: (b, k, size) booleans, true at `ids` where `where` holds.

    Args:
        ids: int32 in [0, size), (b, k, w) or what broadcasts to it.
        where: boolean (b, k, w).
        size: integer.

    >>> found = among(np.array([[[2, 0]]]), np.array([[[True, False]]]), size=4)
    >>> ops.convert_to_numpy(found).tolist()
    [[[False, False, True, False]]]
    """
    b, k, _ = ops.shape(where)
    row = ops.reshape(ops.arange(b * k, dtype="int32"), (b, k, 1)) * (size + 1)
    index = ops.reshape(row + ops.where(where, ids, size), (-1, 1))  # `size` takes the others
    marks = ops.zeros((b * k * (size + 1),), "int32")
    marks = ops.scatter_update(marks, index, ops.ones_like(index[:, 0], "int32"))
    return ops.cast(ops.reshape(marks, (b, k, size + 1))[..., :size], "bool")
