"""Pure tensor functions in keras.ops, and the only place that knows TensorFlow, JAX or PyTorch."""

from kerasx.backend.attention import (
    attend,
    attention,
    attention_normalize,
    attention_scores,
    plain_attention,
)
from kerasx.backend.autodiff import take_rows, value_and_grad
from kerasx.backend.chain import (
    chain_log_partition,
    chain_loss,
    chain_marginals,
    chain_score,
    viterbi,
    viterbi_n_best,
)
from kerasx.backend.compiling import compiled, traced, write_slots
from kerasx.backend.dropout import dropout
from kerasx.backend.filling import fill, room
from kerasx.backend.fused import normalize
from kerasx.backend.losses import sparse_cross_entropy
from kerasx.backend.masks import (
    Mask,
    across_heads,
    anticausal,
    causal,
    half_causal,
    mask_value,
    padding,
    prefix,
    sliding_window,
    unilm,
)
from kerasx.backend.multilabel import (
    multilabel_categorical_crossentropy,
    sparse_multilabel_categorical_crossentropy,
)
from kerasx.backend.ops import (
    align,
    batch_gather,
    divisible_temporal_padding,
    flatten,
    gelu_erf,
    gelu_tanh,
    get_activation,
    leaky_relu,
    piecewise_linear,
    pool1d,
    reshape,
    root_mean_square,
    search_layer,
    sequence_masking,
    sum_above,
    swish,
    widened,
)
from kerasx.backend.positions import (
    apply_rotary_position_embeddings,
    hierarchical_embeddings,
    relative_position_buckets,
    rotary_frequencies,
    sinusoidal_embeddings,
)
from kerasx.backend.recompute import recompute, recompute_grad
from kerasx.backend.scan import previous, scan
from kerasx.backend.train_step import train_step
from kerasx.backend.tree import walk_by_optree
from kerasx.backend.updates import (
    InPlace,
    add_scaled,
    dense,
    mean_square,
    root_ratio,
    value_at_build,
)

__all__ = [
    "InPlace",
    "Mask",
    "across_heads",
    "add_scaled",
    "align",
    "anticausal",
    "apply_rotary_position_embeddings",
    "attend",
    "attention",
    "attention_normalize",
    "attention_scores",
    "batch_gather",
    "causal",
    "chain_log_partition",
    "chain_loss",
    "chain_marginals",
    "chain_score",
    "compiled",
    "dense",
    "divisible_temporal_padding",
    "dropout",
    "fill",
    "flatten",
    "gelu_erf",
    "gelu_tanh",
    "get_activation",
    "half_causal",
    "hierarchical_embeddings",
    "leaky_relu",
    "mask_value",
    "mean_square",
    "multilabel_categorical_crossentropy",
    "normalize",
    "padding",
    "piecewise_linear",
    "plain_attention",
    "pool1d",
    "prefix",
    "previous",
    "recompute",
    "recompute_grad",
    "relative_position_buckets",
    "reshape",
    "room",
    "root_mean_square",
    "root_ratio",
    "rotary_frequencies",
    "scan",
    "search_layer",
    "sequence_masking",
    "sinusoidal_embeddings",
    "sliding_window",
    "sparse_cross_entropy",
    "sparse_multilabel_categorical_crossentropy",
    "sum_above",
    "swish",
    "take_rows",
    "traced",
    "train_step",
    "unilm",
    "value_and_grad",
    "value_at_build",
    "viterbi",
    "viterbi_n_best",
    "widened",
    "write_slots",
]

walk_by_optree()
