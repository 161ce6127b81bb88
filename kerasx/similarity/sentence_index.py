"""The nearest texts by WMD or WRD, most of them ruled out by bounds that cost next to nothing."""

from typing import NamedTuple

import numpy as np

from kerasx.similarity.bags import cosine_cost, euclidean_cost, norm_bag, uniform_bag
from kerasx.similarity.transport import transport_cost

__all__ = ["Found", "SentenceIndex", "search"]

# words to bags, the exact costs, the costs of squared distances, the bound of the centroids
_KINDS = {
    "wmd": (uniform_bag, euclidean_cost, np.sqrt, np.sqrt),
    "wrd": (norm_bag, cosine_cost, lambda squares: squares / 2, lambda squares: squares / 2),
}
# what rounding of |x|² + |y|² - 2xy may add to a bound, as a fraction of the largest norm
_SLACK = 1e-6


class Found(NamedTuple):
    indices: np.ndarray  # (k,), of the nearest texts, the nearest first
    distances: np.ndarray  # (k,)
    solved: int  # how many exact problems it took


def search(query, corpus, k=10, distance="wrd", method="exact", **options):
    """The `k` texts of a corpus that are nearest to a query, exactly.

    Args:
        query: (n, d), word vectors.
        corpus: arrays (n_i, d), one a text; or a `SentenceIndex`, which saves the preparation of
            the corpus from the second query on.
        k: how many; all, if there are fewer.
        distance: "wmd" or "wrd".
        method, options: as in `word_movers_distance`.

    Returns:
        `Found(indices, distances, solved)`; of equal distances the first text comes first.

    >>> found = search([[1.0, 0.1]], [[[0.0, 1.0]], [[2.0, 0.0]], [[-1.0, 0.0]]], k=1)
    >>> found.indices, found.solved
    (array([1]), 1)
    """
    index = corpus if isinstance(corpus, SentenceIndex) else SentenceIndex(corpus, distance)
    return index.search(query, k, method, **options)


class SentenceIndex:
    """A corpus prepared for `search`: all word vectors in one array, and a centroid for each text.

    For a query the lower bounds of all texts (centroids and relaxed transport) come from two
    matrix products. Exact problems are solved in the order of the bounds, until a bound is not
    below the k-th distance found.

    Args:
        texts: arrays (n_i, d) of word vectors, one a text, none without words.
        distance: "wmd" or "wrd".

    >>> index = SentenceIndex([[[0.0, 1.0]], [[2.0, 0.0], [1.0, 1.0]]], "wmd")
    >>> index.bounds([[0.0, 0.0]]).round(3)
    array([1.   , 1.707])
    """

    def __init__(self, texts, distance="wrd"):
        if distance not in _KINDS:
            raise ValueError(
                f"`distance` must be one of {list(_KINDS)}. Received: distance={distance!r}"
            )
        self.distance = distance
        self._bag, self._cost, self._of_squares, self._of_centroids = _KINDS[distance]
        bags = [self._bag(text) for text in texts]
        widths = sorted({bag.points.shape[1] for bag in bags})
        if len(widths) != 1:
            raise ValueError(
                "`texts` must be at least one array (n, d), all of one d. "
                f"Received: {len(bags)} texts, d={widths}"
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
        """Lower bounds (texts,) of the distances to a query (n, d)."""
        x, p = self._checked(query)
        squares = ((self._centroids - p @ x) ** 2).sum(1)
        squared = (x**2).sum(1)[:, None] + self._squares - 2 * x @ self._points.T
        cost = self._of_squares(np.maximum(squared, 0))  # (n, words of the corpus)
        there = p @ np.minimum.reduceat(cost, self._starts[:-1], axis=1)
        back = self._sums(self._masses * cost.min(0))
        return np.maximum.reduce([self._of_centroids(squares), there, back])

    def search(self, query, k=10, method="exact", **options):
        """As the function `search`."""
        if not isinstance(k, int) or k < 1:
            raise ValueError(f"`k` must be an integer of at least 1. Received: k={k!r}")
        k, bag = min(k, len(self)), self._checked(query)
        norm = np.sqrt(max(self._squares.max(), (bag.points**2).sum(1).max()))
        bounds = self.bounds(query) - _SLACK * norm
        best, solved = [], 0  # the k nearest so far, (distance, index), in order
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
        """Sums (texts, ...) of what belongs to the words of each text."""
        return np.add.reduceat(values, self._starts[:-1], axis=0)

    def _checked(self, query):
        bag = self._bag(query)
        if bag.points.shape[1] != self._points.shape[1]:
            raise ValueError(
                f"`query` must be vectors of size {self._points.shape[1]}, as in the corpus. "
                f"Received: query of shape {bag.points.shape}"
            )
        return bag
