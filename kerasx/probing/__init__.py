"""Probe trained models: impacts and trees, attributions, samples, ranks of attention."""

from kerasx.probing.attention_rank import attention_weights, numerical_ranks
from kerasx.probing.attributions import integrated_gradients
from kerasx.probing.gibbs import gibbs_sample
from kerasx.probing.parsing import parse_constituency, parse_dependencies, segment
from kerasx.probing.perturbed_masking import impact_matrix
from kerasx.probing.plots import (
    format_dependencies,
    format_tree,
    plot_attributions,
    plot_dependencies,
    plot_impacts,
    plot_tree,
)

__all__ = [
    "attention_weights",
    "format_dependencies",
    "format_tree",
    "gibbs_sample",
    "impact_matrix",
    "integrated_gradients",
    "numerical_ranks",
    "parse_constituency",
    "parse_dependencies",
    "plot_attributions",
    "plot_dependencies",
    "plot_impacts",
    "plot_tree",
    "segment",
]
