"""How alike two texts are: transport distances, sentence vectors; NumPy only, no backend."""

from kerasx.similarity.bags import Bag, relaxed_cost
from kerasx.similarity.plots import plot_transport
from kerasx.similarity.pooling import cls_pooling, first_last_avg_pooling, mean_pooling
from kerasx.similarity.sentence_index import Found, SentenceIndex, search
from kerasx.similarity.spearman import SpearmanEvaluation, cosine_similarities, spearman_correlation
from kerasx.similarity.transport import sinkhorn, transport_cost, transport_plan
from kerasx.similarity.whitening import Whitening, compute_kernel_bias, transform_and_normalize
from kerasx.similarity.wmd import word_centroid_distance, word_movers_distance
from kerasx.similarity.word_vectors import ppmi_vectors
from kerasx.similarity.wrd import word_rotators_bound, word_rotators_distance

__all__ = [
    "Bag",
    "Found",
    "SentenceIndex",
    "SpearmanEvaluation",
    "Whitening",
    "cls_pooling",
    "compute_kernel_bias",
    "cosine_similarities",
    "first_last_avg_pooling",
    "mean_pooling",
    "plot_transport",
    "ppmi_vectors",
    "relaxed_cost",
    "search",
    "sinkhorn",
    "spearman_correlation",
    "transform_and_normalize",
    "transport_cost",
    "transport_plan",
    "word_centroid_distance",
    "word_movers_distance",
    "word_rotators_bound",
    "word_rotators_distance",
]
