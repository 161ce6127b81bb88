"""Pure tensor functions in keras.ops: attention, masks, positions, chains of tags, activations."""

from kerasx.backend import flatten, reshape
from kerasx.ops.activations import gelu_erf, gelu_tanh, get_activation, leaky_relu, swish
from kerasx.ops.attention import attend, attention, attention_normalize, attention_scores
from kerasx.ops.chain import (
    chain_log_partition,
    chain_loss,
    chain_marginals,
    chain_score,
    previous,
    viterbi,
    viterbi_n_best,
)
from kerasx.ops.dropout import dropout
from kerasx.ops.extension import crop, extend_linearly
from kerasx.ops.masks import (
    Mask,
    across_heads,
    anticausal,
    causal,
    half_causal,
    padding,
    prefix,
    same_document,
    sequence_masking,
    sliding_window,
    unilm,
)
from kerasx.ops.multilabel import (
    multilabel_categorical_crossentropy,
    sparse_multilabel_categorical_crossentropy,
)
from kerasx.ops.numbers import piecewise_linear, root_mean_square
from kerasx.ops.positions import (
    apply_rotary_position_embeddings,
    hierarchical_embeddings,
    relative_position_buckets,
    rotary_frequencies,
    sinusoidal_embeddings,
)
from kerasx.ops.shapes import (
    align,
    batch_gather,
    divisible_temporal_padding,
    pool1d,
)

# names for users; the rest serves the other rooms
__all__ = [
    "Mask",
    "across_heads",
    "align",
    "anticausal",
    "apply_rotary_position_embeddings",
    "attention",
    "attention_normalize",
    "batch_gather",
    "causal",
    "divisible_temporal_padding",
    "extend_linearly",
    "flatten",
    "gelu_erf",
    "gelu_tanh",
    "get_activation",
    "half_causal",
    "leaky_relu",
    "multilabel_categorical_crossentropy",
    "padding",
    "piecewise_linear",
    "pool1d",
    "prefix",
    "reshape",
    "root_mean_square",
    "same_document",
    "sequence_masking",
    "sinusoidal_embeddings",
    "sliding_window",
    "sparse_multilabel_categorical_crossentropy",
    "swish",
    "unilm",
    "viterbi",
]
