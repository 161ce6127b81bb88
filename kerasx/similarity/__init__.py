"""Compare texts by transport distances and by sentence vectors; NumPy only, no backend."""

from kerasx.similarity.distances import word_movers_distance, word_rotators_distance
from kerasx.similarity.plots import plot_transport
from kerasx.similarity.pooling import cls_pooling, first_last_avg_pooling, mean_pooling
from kerasx.similarity.sentence_index import SentenceIndex, search
from kerasx.similarity.spearman import SpearmanEvaluation, spearman_correlation
from kerasx.similarity.transport import transport_cost, transport_plan
from kerasx.similarity.whitening import Whitening
from kerasx.similarity.word_vectors import ppmi_vectors

__all__ = [
    "SentenceIndex",
    "SpearmanEvaluation",
    "Whitening",
    "cls_pooling",
    "first_last_avg_pooling",
    "mean_pooling",
    "plot_transport",
    "ppmi_vectors",
    "search",
    "spearman_correlation",
    "transport_cost",
    "transport_plan",
    "word_movers_distance",
    "word_rotators_distance",
]
