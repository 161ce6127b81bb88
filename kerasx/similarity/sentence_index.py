"""Search the nearest texts by WMD or WRD; cheap lower bounds rule out most texts."""

from typing import NamedTuple

import numpy as np

from kerasx.checks import check_choice, check_integer, invalid
from kerasx.similarity.bags import cosine_cost, euclidean_cost, norm_bag, uniform_bag
from kerasx.similarity.transport import transport_cost

# function of words that returns a bag, cost of two bags, cost of squared distances, distance of
# the centroids as a function of its square
_KINDS = {
    "wmd": (uniform_bag, euclidean_cost, np.sqrt, np.sqrt),
    "wrd": (norm_bag, cosine_cost, lambda squares: squares / 2, lambda squares: squares / 2),
}
# rounding error of |x|² + |y|² - 2xy in a bound, relative to the largest norm
_SLACK = 1e-6


class Found(NamedTuple):
    """Result of a search, the nearest text first."""

    indices: np.ndarray  # (k,)
    distances: np.ndarray  # (k,)
    solved: int  # number of texts whose distance was computed exactly


def search(query, corpus, k=10, distance="wrd", method="exact", **options):
    """Find the `k` texts of a corpus that are nearest to a query.

    The result is that of an exhaustive search.

    Args:
        query: (n, d), the word vectors of a text.
        corpus: list of arrays (n_i, d), the word vectors of the texts; or a `SentenceIndex`, which
            is faster from the second query on.
        k: int, number of texts; all, if the corpus has fewer.
        distance: "wmd" for `word_movers_distance`, or "wrd" for `word_rotators_distance`.
        method, options: as in `word_movers_distance`.

    Returns:
        A tuple with the fields indices (k,), distances (k,) and solved, the number of texts whose
        distance was computed exactly. Texts at equal distances are in the order of the corpus.

    >>> found = search([[1.0, 0.1]], [[[0.0, 1.0]], [[2.0, 0.0]], [[-1.0, 0.0]]], k=1)
    >>> found.indices, found.solved
    (array([1]), 1)
    """
    index = corpus if isinstance(corpus, SentenceIndex) else SentenceIndex(corpus, distance)
    return index.search(query, k, method, **options)


class SentenceIndex:
    """A corpus of texts that is prepared for searches by transport distances.

    Two matrix products give three lower bounds of the distance of each text to the query: the
    distance of the centroids, and the cost at which each word of one text moves to its nearest
    word of the other, in both directions. Exact distances are computed in the order of the bounds
    until a bound exceeds the k-th distance found.

    Args:
        texts: list of arrays (n_i, d), the word vectors of each text, n_i > 0.
        distance: as in `search`.

    Source: Kusner et al., ICML 2015; kexue.fm/archives/7388.

    >>> index = SentenceIndex([[[0.0, 1.0]], [[2.0, 0.0], [1.0, 1.0]]], "wmd")
    >>> index.bounds([[0.0, 0.0]]).round(3)
    array([1.   , 1.707])
    """

    def __init__(self, texts, distance="wrd"):
        self.distance = check_choice("distance", distance, _KINDS)
        self._bag, self._cost, self._of_squares, self._of_centroids = _KINDS[distance]
        bags = [self._bag(text) for text in texts]
        widths = sorted({bag.points.shape[1] for bag in bags})
        if len(widths) != 1:
            raise invalid(
                "`texts` must be at least one array (n, d), all of one d.",
                texts=len(bags),
                d=widths,
            )
        self._points = np.concatenate([bag.points for bag in bags])
        self._masses = np.concatenate([bag.masses for bag in bags])
        sizes = [len(bag.points) for bag in bags]
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._squares = (self._points**2).sum(1)
        self._centroids = self._sums(self._masses[:, None] * self._points)

    def __len__(self):
        return len(self._starts) - 1

    def bounds(self, query):
        """Compute the largest lower bound of the distance of each text to a query (n, d)."""
        x, p = self._checked(query)
        squares = ((self._centroids - p @ x) ** 2).sum(1)
        squared = (x**2).sum(1)[:, None] + self._squares - 2 * x @ self._points.T
        cost = self._of_squares(np.maximum(squared, 0))  # (n, words of the corpus)
        there = p @ np.minimum.reduceat(cost, self._starts[:-1], axis=1)
        back = self._sums(self._masses * cost.min(0))
        return np.maximum.reduce([self._of_centroids(squares), there, back])

    def search(self, query, k=10, method="exact", **options):
        """Find the nearest texts; arguments and return value are those of the function `search`."""
        k, bag = min(check_integer("k", k, least=1), len(self)), self._checked(query)
        norm = np.sqrt(max(self._squares.max(), (bag.points**2).sum(1).max()))
        bounds = self.bounds(query) - _SLACK * norm
        best, solved = [], 0  # sorted (distance, index) of the k nearest texts so far
        for i in np.argsort(bounds, kind="stable"):
            if len(best) == k and bounds[i] > best[-1][0]:
                break
            solved += 1
            best = sorted([*best, (self._exact(bag, i, method, options), int(i))])[:k]
        indices, distances = np.array([i for _, i in best]), np.array([d for d, _ in best])
        return Found(indices, distances, solved)

    def _exact(self, bag, i, method, options):
        part = slice(self._starts[i], self._starts[i + 1])
        cost = self._cost(bag.points, self._points[part])
        return transport_cost(cost, bag.masses, self._masses[part], method, **options)

    def _sums(self, values):
        """Sum values of words (words, ...) over each text, to (texts, ...)."""
        return np.add.reduceat(values, self._starts[:-1], axis=0)

    def _checked(self, query):
        bag = self._bag(query)
        if bag.points.shape[1] != self._points.shape[1]:
            raise invalid(
                f"`query` must be vectors of size {self._points.shape[1]}, as in the corpus.",
                shape=bag.points.shape,
            )
        return bag
