"""What a trained model knows: impacts and trees, attributions, samples, ranks of attention."""

from kerasx.probing.attention_rank import (
    attention_weights,
    log_determinants,
    numerical_ranks,
    random_attention,
)
from kerasx.probing.attributions import Attributions, integrated_gradients
from kerasx.probing.gibbs import gibbs_sample
from kerasx.probing.parsing import parse_constituency, parse_dependencies, segment, split_score
from kerasx.probing.perturbed_masking import impact_matrix, number_of_inputs
from kerasx.probing.plots import (
    format_dependencies,
    format_tree,
    plot_attributions,
    plot_dependencies,
    plot_impacts,
    plot_tree,
)

__all__ = [
    "Attributions",
    "attention_weights",
    "format_dependencies",
    "format_tree",
    "gibbs_sample",
    "impact_matrix",
    "integrated_gradients",
    "log_determinants",
    "number_of_inputs",
    "numerical_ranks",
    "parse_constituency",
    "parse_dependencies",
    "plot_attributions",
    "plot_dependencies",
    "plot_impacts",
    "plot_tree",
    "random_attention",
    "segment",
    "split_score",
]
