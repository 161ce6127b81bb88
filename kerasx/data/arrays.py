"""Small helpers on NumPy arrays."""

import numpy as np


def to_array(*args):
    """Arrays of the arguments: one array for one argument, else a list.

    >>> to_array([1, 2], [3])
    [array([1, 2]), array([3])]
    """
    arrays = [np.array(a) for a in args]
    return arrays[0] if len(args) == 1 else arrays


def softmax(x, axis=-1):
    """exp(x) over its sum along `axis`, computed without overflow.

    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    x = np.asarray(x)
    x = np.exp(x - x.max(axis=axis, keepdims=True))
    return x / x.sum(axis=axis, keepdims=True)


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
