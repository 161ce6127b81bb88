"""Resize the weights of a checkpoint."""

import numpy as np

from kerasx.checks import invalid


def orthogonally_resize(a, new_shape, window=2):
    """Resize an array by repeating or cutting blocks of entries, and keep its norm.

    To grow, an axis repeats each block of `window` entries, x1 x2 x1 x2 x3 x4 x3 x4, and is cut
    to size; to shrink, it is cut. Orthogonal columns stay orthogonal when repeated.

    Args:
        a: array of any rank.
        new_shape: tuple of int, of the same rank.
        window: int, entries in a block; must divide the size of each axis that grows.

    Returns:
        Array of shape `new_shape`.

    Raises:
        ValueError: the ranks differ, or `window` does not divide the size of a growing axis.

    Source: kexue.fm/archives/8444.

    >>> orthogonally_resize(np.array([3.0, 4.0]), (4,)) * 2**0.5
    array([3., 4., 3., 4.])
    """
    if a.ndim != len(new_shape):
        raise invalid(f"`new_shape` must have rank {a.ndim}, as `a`.", new_shape=new_shape)
    norm = np.linalg.norm(a)
    for axis, (old, new) in enumerate(zip(a.shape, new_shape)):
        if new > old:
            if old % window:
                raise invalid(
                    "`window` must divide the size of each axis that grows.",
                    window=window,
                    shape=a.shape,
                )
            blocks = np.arange(old).reshape(-1, 1, window)
            a = np.take(a, np.tile(blocks, (1, -(-new // old), 1)).ravel(), axis)
        a = np.take(a, np.arange(new), axis)
    return a * (norm / (np.linalg.norm(a) or 1.0))
