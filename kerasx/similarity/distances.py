"""Distances of texts as the cost of moving the words of one text to the words of the other."""

from kerasx.similarity.bags import cosine_cost, euclidean_cost, norm_bag, uniform_bag
from kerasx.similarity.transport import transport_cost


def word_movers_distance(x, y, p=None, q=None, method="exact", **options):
    """Compute the Word Mover's Distance of two texts.

        WMD = min_γ Σ γ_ij ‖x_i - y_j‖, where γ has the row sums p and the column sums q

    It is a metric on weighted sets of vectors. (The code of the post takes the root of the mean
    over the d dimensions where the formula has the sum: it gives this distance divided by √d.)

    Args:
        x: (n, d), the word vectors of a text.
        y: (m, d), the word vectors of another text.
        p: (n,), weights of the words of `x`, which are divided by their sum; 1 / n by default.
        q: (m,), weights of the words of `y`; 1 / m by default.
        method: "exact", a linear program; or "sinkhorn", an upper bound that is faster for long
            texts.
        options: arguments of `kerasx.similarity.transport.sinkhorn`.

    Returns:
        float, at least 0, in the unit of the vectors.

    Raises:
        ValueError: a text has no words, the vectors differ in size, or the weights sum to 0.

    Source: Kusner et al., ICML 2015; kexue.fm/archives/7388.

    >>> word_movers_distance([[0.0], [1.0]], [[3.0], [0.0]])
    1.0
    """
    (x, p), (y, q) = uniform_bag(x, p), uniform_bag(y, q)
    return transport_cost(euclidean_cost(x, y), p, q, method, **options)


def word_rotators_distance(x, y, method="exact", **options):
    """Compute the Word Rotator's Distance of two texts.

        WRD = min_γ Σ γ_ij (1 - cos(x_i, y_j)), with row sums p_i = ‖x_i‖ / Σ_k ‖x_k‖ and
        column sums q_j = ‖y_j‖ / Σ_k ‖y_k‖

    Short vectors, which frequent words tend to have, count little. 1 - WRD is a similarity. The
    distance stays the same if a text is multiplied by a number or both texts are rotated.

    Args:
        x: (n, d), the word vectors of a text.
        y: (m, d), the word vectors of another text.
        method, options: as in `word_movers_distance`.

    Returns:
        float in [0, 2]; 0 for equal directions.

    Raises:
        ValueError: a text has no words or only zero vectors, or the vectors differ in size.

    Source: arXiv 2004.15003; kexue.fm/archives/7388.

    >>> round(word_rotators_distance([[1.0, 0.0], [0.0, 3.0]], [[0.0, 2.0]]), 6)
    0.25
    """
    (x, p), (y, q) = norm_bag(x), norm_bag(y)
    return transport_cost(cosine_cost(x, y), p, q, method, **options)
