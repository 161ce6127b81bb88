"""Resize the weights of a checkpoint."""

import numpy as np

__all__ = ["orthogonally_resize"]


def orthogonally_resize(a, new_shape, window=2):
    """Resize a weight matrix by repeating or cutting blocks, and keep its norm.

    An axis that grows repeats each block of `window` entries, x1 x2 x1 x2 x3 x4 ..., and is then
    cut; an axis that shrinks is cut. Repeated orthogonal columns stay orthogonal.

    Args:
        a: array.
        new_shape: its new shape, of the same rank.
        window: size of a repeated block; must divide each axis that grows.

    Raises:
        ValueError: another rank, or a growing axis not a multiple of `window`.

    Source: kexue.fm/archives/8444.

    >>> orthogonally_resize(np.array([3.0, 4.0]), (4,)) * 2**0.5
    array([3., 4., 3., 4.])
    """
    if a.ndim != len(new_shape):
        raise ValueError(
            f"`new_shape` must have rank {a.ndim}, as `a`. Received: new_shape={new_shape}"
        )
    norm = np.linalg.norm(a)
    for axis, (old, new) in enumerate(zip(a.shape, new_shape)):
        if new > old:
            if old % window:
                raise ValueError(
                    "`window` must divide each axis that grows. "
                    f"Received: window={window}, axis {axis} of size {old}"
                )
            blocks = np.arange(old).reshape(-1, 1, window)
            a = np.take(a, np.tile(blocks, (1, -(-new // old), 1)).ravel(), axis)
        a = np.take(a, np.arange(new), axis)
    return a * (norm / (np.linalg.norm(a) or 1.0))
