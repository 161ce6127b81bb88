"""Texts as weighted bags of word vectors, and the costs of moving one word to another."""

from typing import NamedTuple

import numpy as np

from kerasx.checks import invalid


class Bag(NamedTuple):
    """Points (n, d) and their masses (n,), which sum to 1."""

    points: np.ndarray
    masses: np.ndarray


def uniform_bag(x, weights=None):
    """Return word vectors (n, d) with weights (n,), divided by their sum; 1 / n by default.

    >>> uniform_bag([[1.0], [5.0]]).masses
    array([0.5, 0.5])
    """
    x = _vectors(x)
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, "float64")
    if weights.shape != (len(x),) or (weights < 0).any() or not 0 < weights.sum() < np.inf:
        raise invalid(
            f"The weights of {len(x)} words must be as many finite numbers of at least 0, not all "
            "0.",
            weights=weights,
        )
    return Bag(x, weights / weights.sum())


def norm_bag(x):
    """Return the directions of word vectors (n, d), weighted by their norms.

    A zero vector has the weight 0.

    >>> norm_bag([[0.0, 3.0], [1.0, 0.0]]).masses
    array([0.75, 0.25])
    """
    x = _vectors(x)
    norms = np.linalg.norm(x, axis=1)
    directions = x / np.where(norms > 0, norms, 1)[:, None]
    return Bag(directions, uniform_bag(x, norms).masses)


def euclidean_cost(x, y):
    """Compute the distances (n, m) of points (n, d) and (m, d), exactly 0 for equal points."""
    if x.shape[1] != y.shape[1]:
        raise invalid(
            "The word vectors of both texts must be of one size.", shapes=[x.shape, y.shape]
        )
    return np.stack([np.sqrt(((y - row) ** 2).sum(-1)) for row in x])


def cosine_cost(x, y):
    """Compute 1 - cos, (n, m), of unit vectors (n, d) and (m, d).

    The value is half the squared distance, which is 0 for equal vectors, where 1 - x · y is 1e-16.
    """
    return euclidean_cost(x, y) ** 2 / 2


def _vectors(x):
    x = np.asarray(x, "float64")
    if x.ndim != 2 or not len(x) or not np.isfinite(x).all():
        raise invalid(
            "A text must be finite word vectors (n, d), at least one; leave out empty texts.",
            shape=x.shape,
        )
    return x
