"""Low-rank adaptation (LoRA): train small factors instead of kernels, then merge them."""

import re

import keras

from kerasx.backend.keras_internals import all_layers, forget_variable, stored_kernel
from kerasx.checks import check_integer

# the projections of attentions and of feed-forward networks
KERNELS = r"(Attention|FeedForward)\S*/\w+_dense$"


def enable_lora(model, rank, layers=KERNELS, alpha=None):
    """Add factors A (n, r) and B (r, m) to kernels W of dense layers, and freeze all else.

    The layers compute with W + (α / r) A B. B starts at zero, so the outputs do not change. Layers
    added on top of the model stay trainable. Call this before the model, or a model on top of it,
    is compiled. `kerasx.optimizers.lora_plus` lets B learn faster than A. `model.save` merges the
    factors in the saved file.

    Args:
        model: a built keras.Model.
        rank: r, at least 1.
        layers: regular expression for the paths of dense layers, such as
            "Transformer-3-MultiHeadSelfAttention/q_dense"; by default all projections of
            attentions and feed-forward networks. The paper has "[qv]_dense$".
        alpha: α, the rank by default.

    Returns:
        The paths of the adapted layers.

    Raises:
        ValueError: no dense layer has a matching path, one is adapted already, or r < 1.

    Source: arXiv 2106.09685; kexue.fm/archives/9590.

    >>> from kerasx.models import BERT
    >>> bert = BERT(30, 8, 1, 2, 16)
    >>> bert.build()
    >>> enable_lora(bert.model, rank=2, layers="[qv]_dense$")[0]
    'Transformer-0-MultiHeadSelfAttention/q_dense'
    >>> sum(v.shape[0] * v.shape[1] for v in bert.model.trainable_variables)  # 2 (8 + 8) each
    64
    """
    check_integer("rank", rank, least=1)
    every = _dense_layers(model)
    chosen = [dense for dense in every if re.search(layers, dense.path)]
    adapted = [dense.path for dense in every if dense.lora_enabled]
    if adapted or not chosen:
        raise ValueError(  # with all paths, of which `layers` must match some
            "`model` must not be adapted yet (`merge_lora` makes it plain), and `layers` must "
            f"match dense layers of it. Received: layers={layers!r}, adapted={adapted}, "
            f"dense layers={[dense.path for dense in every]}"
        )
    frozen = list(model.trainable_variables)
    for variable in frozen:
        variable.trainable = False
    for dense in chosen:
        dense.enable_lora(rank, lora_alpha=alpha)
        dense.lora_frozen = tuple(v.path for v in frozen)
    _forget_compiled(model)
    return [dense.path for dense in chosen]


def merge_lora(model):
    """Add the factors of `enable_lora` to the kernels; the outputs do not change.

    Frozen variables become trainable again. Compile the model again before further training.

    Args:
        model: a keras.Model that `enable_lora` adapted, or a model on top of it.

    Raises:
        ValueError: the model is not adapted.
    """
    adapted = [dense for dense in _dense_layers(model) if dense.lora_enabled]
    if not adapted:
        raise ValueError("`model` must be adapted by `enable_lora`. Received: a plain model")
    frozen = {path for dense in adapted for path in dense.lora_frozen}
    for dense in adapted:
        stored_kernel(dense).assign(dense.kernel)  # the property adds (α / r) A B
        dense.lora_kernel_b.assign(
            keras.ops.zeros(dense.lora_kernel_b.shape)
        )  # for graphs traced before
        for variable in (dense.lora_kernel_a, dense.lora_kernel_b):
            forget_variable(dense, variable)
        dense.lora_kernel_a = dense.lora_kernel_b = dense.lora_rank = dense.lora_alpha = None
        dense.lora_frozen = ()
        dense.lora_enabled = False
    for variable in model.variables:
        if variable.path in frozen:
            variable.trainable = True
    _forget_compiled(model)


def _dense_layers(model):
    """Return the dense layers of a model, in the order of their paths."""
    found = [x for x in all_layers(model) if isinstance(x, keras.layers.Dense)]
    return sorted(found, key=lambda dense: [*re.split(r"(\d+)", dense.path)])


def _forget_compiled(model):
    """Drop compiled functions, which were traced with the former layers."""
    model.train_function = model.test_function = model.predict_function = None
