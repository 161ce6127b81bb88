"""Continue a block of features by linear differential equations, as heat spreads from it."""

from keras import ops

from kerasx.checks import check_integer
from kerasx.ops.shapes import batch_gather


def extend_linearly(features, matrix, before=0, after=0, axis=1):
    """Continue features along an axis by z(x ± 1) = (I ± A) z(x), from the first and the last.

    This is dz/dx = A z in steps of 1. Along x with A, and then along y with B, it solves the
    steady heat equation z_xx + S z_yy = 0 with S = -A² B⁻², where A and B commute.

    Args:
        features: (b, ..., d), a block of vectors: (b, n, d) or (b, height, width, d).
        matrix: A (d, d).
        before: int, the number of vectors to add before the first.
        after: int, the number of vectors to add after the last.
        axis: int, the axis along which to continue.

    Returns:
        The features, with `before + after` more along the axis.

    >>> z = ops.convert_to_tensor([[[1.0], [2.0]]])
    >>> ops.convert_to_numpy(extend_linearly(z, ops.eye(1), before=1, after=2)).ravel().tolist()
    [0.0, 1.0, 2.0, 4.0, 8.0]

    Source: arXiv 2211.13228; kexue.fm/archives/9359.
    """
    check_integer("before", before, least=0)
    check_integer("after", after, least=0)
    first, last = (ops.take(features, [at], axis) for at in (0, features.shape[axis] - 1))
    parts = [features]
    for _ in range(before):
        first = first - ops.matmul(first, ops.transpose(matrix))
        parts.insert(0, first)
    for _ in range(after):
        last = last + ops.matmul(last, ops.transpose(matrix))
        parts.append(last)
    return ops.concatenate(parts, axis)


def crop(features, starts, size, axis):
    """Return `size` vectors of each example along an axis, from an index of its own on.

    Args:
        features: (b, ..., d). starts: integers (b,). size: int. axis: int, not the first.
    """
    indices = ops.cast(starts, "int32")[:, None] + ops.arange(size, dtype="int32")
    moved = ops.moveaxis(features, axis, 1)
    return ops.moveaxis(batch_gather(moved, indices), 1, axis)
