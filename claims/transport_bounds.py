"""Each lower bound of WMD and WRD spares most linear programs of a search.

The nearest of 400 made-up reviews (or lines of the file KERASX_TEXTS) are searched for 3 others;
vectors of their words, cut by jieba, are counted on all of them. A text whose bound is above the
distance of the k-th nearest needs no linear program. The bounds are that of the centroids (for WRD,
half the squared distance of the centroids of unit vectors), and the cost at which each word moves
to the nearest one, in both directions.
"""

import os

import numpy as np

from claims.running import FAILS, HOLDS, PARTLY
from claims.tools import plot_mean
from kerasx.datasets import generate_reviews
from kerasx.files import read_lines
from kerasx.similarity import SentenceIndex, ppmi_vectors
from kerasx.similarity.bags import norm_bag, uniform_bag
from kerasx.tokenizers import jieba_cut

SOURCE = "kexue.fm/archives/7388; Kusner et al., ICML 2015"
SMALL = {"texts": 30, "queries": 1}
BOUNDS = ("centroids", "nearest words", "both bounds")
KINDS = {  # the bag of a text, and the cost as a function of the squared distance of two words
    "WMD": (uniform_bag, np.sqrt),
    "WRD": (norm_bag, lambda squares: squares / 2),
}


def drawn_texts(n, seed):
    """Return n texts as lists of words."""
    path = os.environ.get("KERASX_TEXTS")
    if path is None:
        texts = [review.text for review in generate_reviews(n, seed)]
    else:
        texts = np.random.default_rng(seed).choice(read_lines(path, str), n, replace=False)
    return [jieba_cut(str(text)[:64]) for text in texts]


def lower_bounds(x, y, kind):
    """Return a lower bound of the distance of two texts by each of BOUNDS."""
    to_bag, as_cost = KINDS[kind]
    (x, p), (y, q) = to_bag(x), to_bag(y)
    cost = as_cost(((x[:, None] - y) ** 2).sum(-1))
    centroids, nearest = as_cost(((p @ x - q @ y) ** 2).sum()), (p @ cost.min(1), q @ cost.min(0))
    return centroids, max(nearest), max(centroids, *nearest)


def searched(corpus, query, kind, k):
    """Return (bounds / distances, share of programs that each bound leaves, programs solved)."""
    index = SentenceIndex(corpus, kind.lower())
    every = index.search(query, len(corpus))
    bounds = np.array([lower_bounds(query, corpus[i], kind) for i in every.indices])
    left = (bounds[:, :, None] <= every.distances).mean(0)  # for each k
    found = index.search(query, k)
    np.testing.assert_allclose(found.distances, every.distances[: len(found.distances)])
    return (bounds / every.distances[:, None]).mean(0), left, found.solved / len(corpus)


def measure(seed, texts=400, queries=3, k=10):
    words = drawn_texts(texts + queries, seed)
    vectors = ppmi_vectors(words)
    rows = [np.stack([vectors[word] for word in row]) for row in words]
    figures, curves = {}, {}
    for kind in KINDS:
        found = [searched(rows[queries:], query, kind, k) for query in rows[:queries]]
        nearness, left, solved = (np.mean(part, 0) for part in zip(*found))
        figures[f"{kind}, programs of the {k} nearest (%)"] = 100 * solved
        for i, name in enumerate(BOUNDS):
            figures[f"{kind}, {name}, bound / distance"] = nearness[i]
            curves[f"{kind}, {name}, programs (%)"] = 100 * left[i, :100]
    return figures | curves


def judge(figures):
    left = {
        name: [figures[f"{kind}, {name}, programs (%)"][:, :10].mean(0)[-1] for kind in KINDS]
        for name in BOUNDS[:2]
    }
    most = [value < 50 for row in left.values() for value in row]
    verdict = HOLDS if all(most) else PARTLY if any(most) else FAILS
    found = "; ".join(f"{name}, {a:.0f}% (WMD) and {b:.0f}% (WRD)" for name, (a, b) in left.items())
    return verdict, f"The 10 nearest texts take this share of the linear programs: {found}."


def draw(picture, figures):
    for axes, kind in zip(picture.subplots(1, 2, sharey=True), KINDS):
        for name in BOUNDS[:2]:
            curves = figures[f"{kind}, {name}, programs (%)"]
            k = np.arange(1, curves.shape[1] + 1)
            plot_mean(axes, k, curves, name)
        axes.set(title=kind, xlabel="nearest texts searched, k", xscale="log")
    picture.axes[0].set(ylabel="linear programs solved (% of the texts)", ylim=(0, 105))
    picture.axes[0].legend(loc="center left")
