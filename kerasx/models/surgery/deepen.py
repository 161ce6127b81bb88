"""Make a model deeper without changing its outputs."""

import re

import numpy as np

from kerasx.checks import invalid
from kerasx.layers import LayerNormalization
from kerasx.models.builder_arguments import builder_of, rebuilt

_BLOCK = re.compile(r".*?Transformer-(\d+)-.*")


def deepen(model, positions):
    """Insert new blocks that compute the identity, to be trained.

    A new block starts as a copy of the block before it, with output projections of zero. Where
    normalizations come first, x + f(Norm(x)) = x. Where they come last, the block before ends in
    x = γ ⊙ z + β with a normalized z, and Norm(x + 0) would undo γ and β; but Norm(z) = z with
    scale 1 and offset 0. So γ and β move from the last normalization before the new block to the
    last one in it, and all normalizations between get scale 1 and offset 0 (exact except for ε:
    z has variance v / (v + ε)).

    Args:
        model: a built builder, or the keras.Model that it built.
        positions: list of int, the old blocks before which to insert a new one, from 0 to
            num_hidden_layers (after the last); a position given twice gets two blocks.

    Returns:
        The deeper builder; its attribute `model` is the keras.Model.

    Raises:
        ValueError: a position is out of range, or a new block cannot be the identity.

    Source: the pre-norm case, arXiv 2401.02415 (LLaMA Pro).

    >>> from kerasx.models import BERT
    >>> bert = BERT(30, 8, 2, 2, 16)
    >>> bert.build()
    >>> deep = deepen(bert, [1, 2])
    >>> deep.num_hidden_layers
    4
    """
    builder = builder_of(model)
    _check(builder, positions)
    order = _order(builder.num_hidden_layers, positions)
    changes = {"num_hidden_layers": len(order)}
    if getattr(builder, "layer_types", None):
        changes["layer_types"] = [builder.layer_types[i] for i, _ in order]
    deep = rebuilt(builder, **changes)
    for name, layer in deep.layers.items():
        _copy(builder, name, layer, order)
    for index, (_, new) in enumerate(order):
        if new:
            _make_identity(deep, index)
    return deep


def _check(builder, positions):
    n = builder.num_hidden_layers
    if any(not isinstance(p, int) or not 0 <= p <= n for p in positions):
        raise invalid(f"`positions` must be ints in [0, {n}].", positions=positions)
    if getattr(builder, "norm_position", None) == "deepnorm":
        raise ValueError("`model` must be without DeepNorm, whose constants depend on the depth.")
    if hasattr(builder, "num_decoder_layers"):
        raise invalid(
            "`model` must be no encoder-decoder nor one half of it: the positions do not say "
            "which half they mean.",
            model=type(builder).__name__,
        )
    if builder.residual_attention_scores:
        raise ValueError("`model` must be without residual_attention_scores: scores would add up.")
    if getattr(builder, "conv_kernel_size", 0):
        raise ValueError("`model` must be without a convolution beside its first block.")
    if not any(_BLOCK.fullmatch(name) for name in builder.layers):
        raise ValueError(
            f"`model` must have blocks with separate weights; the blocks of a "
            f"{type(builder).__name__} share them: build it with a larger num_hidden_layers."
        )


def _order(n, positions):
    """Return (old block, whether the block is a copy) for each block of the deeper model."""
    order = []
    for i in range(n + 1):
        order += [(max(i - 1, 0), True)] * positions.count(i)
        order += [(i, False)] * (i < n)
    return order


def _copy(builder, name, layer, order):
    """Copy the weights of the old layer, where there is one."""
    block, new = _BLOCK.fullmatch(name), False
    if block is not None:
        index, new = order[int(block[1])]
        name = name[: block.start(1)] + str(index) + name[block.end(1) :]
    if name in builder.layers:
        layer.set_weights(builder.layers[name].get_weights())
    elif layer.weights and not new:
        raise ValueError(
            f"`positions` must leave each block the layers that it has: a {type(builder).__name__} "
            f"has no layer {name!r}. Received: new blocks before block {block[1]}"
        )


def _layers_of(builder, index):
    """Return the layers of a block, in the order of the graph."""
    found = [(_BLOCK.fullmatch(name), layer) for name, layer in builder.layers.items()]
    return [layer for block, layer in found if block and int(block[1]) == index]


def _make_identity(builder, index):
    """Set the weights of a block so that it returns its input."""
    layers = _layers_of(builder, index)
    for layer in layers:
        if hasattr(layer, "o_dense"):
            layer.o_dense.set_weights([w * 0 for w in layer.o_dense.get_weights()])
    if isinstance(layers[-1], LayerNormalization):
        before = _norm_before(builder, index)
        layers[-1].set_weights(before.get_weights())
        norms = [x for x in layers[:-1] if isinstance(x, LayerNormalization)]
        for norm in [before, *norms]:
            norm.set_weights([np.full(w.shape, "gamma" in w.path) for w in norm.weights])


def _norm_before(builder, index):
    """Return the normalization whose output is a block's input."""
    if index:
        return _layers_of(builder, index - 1)[-1]
    if builder.embedding_size != builder.hidden_size:
        raise ValueError(
            "`positions` must not hold 0 where a mapping follows the embeddings: its outputs are "
            "not normalized."
        )
    return builder.layers[builder.prefixed("Embedding-Norm")]
