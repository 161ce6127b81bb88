"""Texts as weighted bags of word vectors, what it costs to move a word, and a lower bound."""

from typing import NamedTuple

import numpy as np

__all__ = ["Bag", "cosine_cost", "euclidean_cost", "norm_bag", "relaxed_cost", "uniform_bag"]


class Bag(NamedTuple):
    points: np.ndarray  # (n, d)
    masses: np.ndarray  # (n,), of sum 1


def uniform_bag(x, weights=None):
    """Word vectors (n, d) as they are, with the weights divided by their sum; 1 / n by default.

    >>> uniform_bag([[1.0], [5.0]]).masses
    array([0.5, 0.5])
    """
    x = _vectors(x)
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, "float64")
    if weights.shape != (len(x),) or (weights < 0).any() or not 0 < weights.sum() < np.inf:
        raise ValueError(
            f"The weights of {len(x)} words must be as many finite numbers of at least 0, not all "
            f"0. Received: {weights}"
        )
    return Bag(x, weights / weights.sum())


def norm_bag(x):
    """The directions of word vectors (n, d), weighted by their norms. A zero vector weighs nothing.

    >>> norm_bag([[0.0, 3.0], [1.0, 0.0]]).masses
    array([0.75, 0.25])
    """
    x = _vectors(x)
    norms = np.linalg.norm(x, axis=1)
    directions = x / np.where(norms > 0, norms, 1)[:, None]
    return Bag(directions, uniform_bag(x, norms).masses)


def euclidean_cost(x, y):
    """Distances (n, m) of points (n, d) and (m, d), exactly 0 for equal ones."""
    _same_size(x, y)
    return np.stack([np.sqrt(((y - row) ** 2).sum(-1)) for row in x])


def cosine_cost(x, y):
    """1 - cos, (n, m), of unit vectors (n, d) and (m, d).

    Computed as half the squared distance, so that it is 0, not 1e-16, for equal ones.
    """
    return euclidean_cost(x, y) ** 2 / 2


def relaxed_cost(cost, p, q):
    """max(Σ p_i min_j c_ij, Σ q_j min_i c_ij): at most the cost of the best transport.

    Each word goes to the nearest one, however much goes there already: one of the two conditions
    on the plan is dropped, and the better of the two bounds is kept.

    Args:
        cost: (n, m).
        p: (n,), q: (m,).

    Source: Kusner et al., ICML 2015.

    >>> relaxed_cost(np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    1.0
    """
    return float(max(p @ cost.min(1), q @ cost.min(0)))


def _vectors(x):
    x = np.asarray(x, "float64")
    if x.ndim != 2 or not len(x) or not np.isfinite(x).all():
        raise ValueError(
            "A text must be finite word vectors (n, d), at least one; leave out empty texts. "
            f"Received: an array of shape {x.shape}"
        )
    return x


def _same_size(x, y):
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            "The word vectors of both texts must be of one size. "
            f"Received: shapes {x.shape} and {y.shape}"
        )
