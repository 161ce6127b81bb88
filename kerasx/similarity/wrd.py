"""Word Rotator's Distance: as WMD, with norms for weights and angles for distances."""

import numpy as np

from kerasx.similarity.bags import cosine_cost, norm_bag
from kerasx.similarity.transport import transport_cost

__all__ = ["word_rotators_bound", "word_rotators_distance"]


def word_rotators_distance(x, y, method="exact", **options):
    """min_γ Σ γ_ij (1 - cos(x_i, y_j)), where a word weighs as much as its vector is long.

    p_i = ‖x_i‖ / Σ_k ‖x_k‖: short vectors, which frequent words tend to have, count little. From
    0, the same directions, to 2; 1 minus it is a similarity. It does not change when all vectors
    of a text are multiplied by one number, or those of both texts rotated.

    Args:
        x: (n, d), the word vectors of one text.
        y: (m, d), those of another.
        method: "exact", a linear program; or "sinkhorn", an upper bound for long texts, whose
            options may follow.

    Raises:
        ValueError: a text without words or of zeros only, vectors of unequal sizes.

    Source: arXiv 2004.15003; kexue.fm/archives/7388.

    >>> round(word_rotators_distance([[1.0, 0.0], [0.0, 3.0]], [[0.0, 2.0]]), 6)
    0.25
    """
    (x, p), (y, q) = norm_bag(x), norm_bag(y)
    return transport_cost(cosine_cost(x, y), p, q, method, **options)


def word_rotators_bound(x, y):
    """½ ‖Σ x_i / Z - Σ y_j / Z'‖², Z the sum of the norms: never above the distance.

    1 - cos is half the squared distance of unit vectors, and the square of a mean is at most the
    mean of the squares (kexue.fm/archives/7388).

    Args:
        x, y: as in `word_rotators_distance`.

    >>> word_rotators_bound([[1.0, 0.0]], [[0.0, 2.0]])
    1.0
    """
    (x, p), (y, q) = norm_bag(x), norm_bag(y)
    return float(0.5 * np.sum((p @ x - q @ y) ** 2))
