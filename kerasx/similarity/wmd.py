"""Word Mover's Distance: how far the words of one text have to go to be those of another."""

import numpy as np

from kerasx.similarity.bags import euclidean_cost, uniform_bag
from kerasx.similarity.transport import transport_cost

__all__ = ["word_centroid_distance", "word_movers_distance"]


def word_movers_distance(x, y, p=None, q=None, method="exact", **options):
    """min_γ Σ γ_ij ‖x_i - y_j‖, the rows of γ adding up to p and its columns to q.

    A metric on weighted sets of vectors: symmetric, zero for equal sets in any order, and with
    the triangle inequality. (The post's code takes the root of the mean over the d dimensions
    where the formula has the sum: its distances are these divided by √d.)

    Args:
        x: (n, d), the word vectors of one text.
        y: (m, d), those of another.
        p: (n,), weights of the words of `x`; 1 / n each by default. They are divided by their sum.
        q: (m,), those of `y`.
        method: "exact", a linear program; or "sinkhorn", an upper bound for long texts, whose
            options may follow.

    Returns:
        A float of at least 0, in the unit of the vectors.

    Raises:
        ValueError: a text without words, vectors of unequal sizes, weights without a sum.

    Source: Kusner et al., ICML 2015; kexue.fm/archives/7388.

    >>> word_movers_distance([[0.0], [1.0]], [[3.0], [0.0]])
    1.0
    """
    (x, p), (y, q) = uniform_bag(x, p), uniform_bag(y, q)
    return transport_cost(euclidean_cost(x, y), p, q, method, **options)


def word_centroid_distance(x, y, p=None, q=None):
    """‖Σ p_i x_i - Σ q_j y_j‖, never above the Word Mover's Distance.

    Args:
        x, y, p, q: as in `word_movers_distance`.

    >>> word_centroid_distance([[0.0], [1.0]], [[3.0], [0.0]])
    1.0
    """
    (x, p), (y, q) = uniform_bag(x, p), uniform_bag(y, q)
    return float(np.linalg.norm(p @ x - q @ y))
