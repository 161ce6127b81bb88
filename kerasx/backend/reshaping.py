"""Reshape and flatten by axes; of kerasx.ops and of K."""

import math

from keras import ops

from kerasx.checks import invalid


def reshape(tensor, *args):
    """Reshape a tensor as a whole, or some of its axes, each into a shape of its own.

    Args:
        tensor: any tensor.
        args: the new shape, where None keeps the size of that axis; or pairs
            `shape_1, axis_1, shape_2, axis_2, ...`: each axis becomes the axes of a shape, which
            may hold one -1.

    >>> x = ops.zeros((2, 3, 8))
    >>> ops.shape(reshape(x, (None, None, 2, 4))), ops.shape(reshape(x, (2, -1), 2, (1, 2), 0))
    ((2, 3, 2, 4), (1, 2, 3, 2, 4))
    """
    sizes = ops.shape(tensor)
    if len(args) == 1:
        shape = [sizes[i] if s is None else s for i, s in enumerate(args[0])]
    elif args and len(args) % 2 == 0:
        parts = [[size] for size in sizes]
        for factors, axis in zip(args[::2], args[1::2]):
            parts[axis] = _factors(sizes[axis], factors)
        shape = [size for part in parts for size in part]
    else:
        raise invalid(
            "reshape(tensor, ...) takes a shape, or pairs of a shape and an axis.", args=args
        )
    return ops.reshape(tensor, _without_none(shape))


def flatten(tensor, start=0, end=None):
    """Merge the axes start, ..., end - 1 into one; `end` is the number of axes by default.

    >>> ops.shape(flatten(ops.zeros((2, 3, 4)), 1))
    (2, 12)
    """
    sizes = ops.shape(tensor)
    start, end = (slice(start, end).indices(len(sizes)))[:2]
    if start == 0 and end == len(sizes):
        return ops.reshape(tensor, (-1,))
    return ops.reshape(tensor, [*sizes[:start], -1, *sizes[end:]])


def _factors(size, factors):
    """Return the sizes that an axis becomes, with a number for -1."""
    factors = list(factors)
    if -1 in factors and size is not None:
        factors[factors.index(-1)] = size // math.prod(s for s in factors if s != -1)
    return factors


def _without_none(shape):
    """Return a shape with -1 for the one size that a symbolic tensor does not know."""
    return [-1 if size is None else size for size in shape]
