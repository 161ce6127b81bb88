"""A wider model that says the same."""

import keras
import numpy as np

from kerasx.backend.keras_internals import calls, producer
from kerasx.layers import (
    BiasAdd,
    Embedding,
    FeedForward,
    LayerNormalization,
    MultiHeadAttention,
    PositionEmbedding,
    RelativePositionEmbedding,
    RelativePositionEmbeddingT5,
)
from kerasx.models.builder_arguments import arguments_of, builder_of, rebuilt

__all__ = ["widen"]

_KNOWN = (
    BiasAdd,
    Embedding,
    FeedForward,
    LayerNormalization,
    MultiHeadAttention,
    PositionEmbedding,
    RelativePositionEmbedding,
    RelativePositionEmbeddingT5,
    keras.layers.Dense,
)


def widen(model, k, by=None, noise=0.0, seed=0):
    """Every width times k, the same outputs.

    Each feature is repeated, x̃ = [x_1, x_1, x_2, x_2, ...] for k = 2, and with R, which repeats
    along every widened axis,

        tables, γ, β and biases R(w);  kernels R(W) / k;  queries and keys · k^(-1/4)

    so that sums over k copies are what they were, and q̃·k̃ / sqrt(k d) = q·k / sqrt(d) (k^(-1/2)
    where attention does not divide). Means and variances are unchanged, so every ε stays. What
    meets the token table again, the output of the last normalization, is divided by k.

    The post has x̃ / sqrt(2) instead, and then ε has to become ε/k wherever the input has that
    factor; in a masked language model's head it has not. (Its second bias of the feed-forward
    network, b/2, should be b/sqrt(2).) Without the factor every ε and every activation stays.

    The k copies of a feature get equal gradients: without `noise` (or dropout) an elementwise
    optimizer never tells them apart, and the new width stays unused. (The copies inside of a query
    or key head part only after the first step, when the inputs have.)

    Args:
        model: a built builder, or the keras.Model that it built.
        k: how many times as wide.
        by: "head_size" keeps the number of heads, as in the post; "heads" repeats whole heads,
            which is exact for positions that live in a head (rotary, NEZHA's). By default what is
            exact for the family.
        noise: how unevenly the k weights that meet the k copies share what was one weight, as a
            multiple of a kernel's standard deviation. Their sum stays: so do the outputs.
        seed: of the noise.

    Returns:
        The wider builder; its `.model` is the keras.Model.

    Raises:
        ValueError: the model has layers of which no widening is known.

    Source: kexue.fm/archives/8444.

    >>> from kerasx.models import BERT
    >>> bert = BERT(30, 8, 1, 2, 16, with_mlm="linear")
    >>> bert.build()
    >>> wide, tokens = widen(bert, 2, noise=0.1), [np.array([[2, 5, 7]]), np.zeros((1, 3), "int32")]
    >>> bool(keras.ops.max(abs(wide.model(tokens) - bert.model(tokens))) < 1e-5)
    True
    """
    builder = builder_of(model)
    _check_layers(builder)
    in_heads = _positions_in_heads(builder)
    by = by or ("heads" if in_heads else "head_size")
    if by not in ("heads", "head_size") or (by == "head_size" and in_heads):
        raise ValueError(
            "`by` must be 'heads' or, where no position lives in a head, 'head_size'. "
            f"Received: by={by!r} for a {type(builder).__name__}"
        )
    if not isinstance(k, int) or k < 1:
        raise ValueError(f"`k` must be an int of at least 1. Received: k={k}")
    wide = rebuilt(builder, **_arguments(builder, k, by))
    factors, rng = _factors(builder, wide, k), np.random.default_rng(seed)
    for name, layer in wide.layers.items():
        values = _layer(builder.layers[name], layer, by, noise, rng)
        layer.set_weights([factors.get(name, 1) * value for value in values])
    return wide


def _check_layers(builder):
    for layer in builder.layers.values():
        if layer.weights and type(layer) not in _KNOWN:
            raise ValueError(
                "`model` must have layers of which a widening is known: "
                f"{', '.join(sorted(x.__name__ for x in _KNOWN))}. "
                f"Received: a {type(layer).__name__}"
            )


def _positions_in_heads(builder):
    attentions = [x for x in builder.layers.values() if isinstance(x, MultiHeadAttention)]
    return builder.p_bias not in (None, "t5_relative") or any(
        x.qk_norm is not None for x in attentions
    )


def _arguments(builder, k, by):
    """The arguments that grow."""
    heads = ("num_attention_heads", "num_key_value_heads")
    sizes = ("attention_head_size", "attention_key_size")
    names = ("hidden_size", "intermediate_size", "embedding_size")
    names += heads if by == "heads" else sizes
    return {name: k * value for name, value in arguments_of(builder).items() if name in names}


def _factors(builder, wide, k):
    """{name: factor} of the layers whose outputs are products with a token table, or rescaled."""
    factors = {}
    for name, layer in builder.layers.items():
        scores = [x for x in calls(layer) if x.arguments.kwargs.get("mode") == "dense"]
        rescaled = isinstance(layer, keras.layers.Rescaling)
        if scores or rescaled:
            source = _scale_before((scores or calls(layer))[0])
            factor = layer.scale / wide.layers[name].scale if rescaled else 1 / k
            factors[source.name] = factors.get(source.name, 1) * factor
    return factors


def _scale_before(node):
    """The layer with weights before this place of the graph; its weights must be a scale."""
    layer = producer(node.input_tensors[0])
    while not layer.weights:
        layer = producer(calls(layer)[0].input_tensors[0])
    linear = isinstance(layer, keras.layers.Dense) and layer.activation is keras.activations.linear
    if not linear and not (isinstance(layer, LayerNormalization) and layer.scale):
        raise ValueError(
            "`model` must have a scale before the scores of its tokens, one to be divided by k. "
            f"Received: {type(layer).__name__} {layer.name!r}"
        )
    return layer


def _layer(old, new, by, noise, rng):
    """The weights of the wider layer."""
    values = []
    for weight, wider in zip(old.weights, new.weights):
        *_, part, kind = ["", *weight.path.split("/")]
        value, shape = keras.ops.convert_to_numpy(weight).astype("float64"), tuple(wider.shape)
        blocks = [1] * len(shape)
        if by == "heads" and isinstance(old, MultiHeadAttention):
            size = {"q_dense": old.key_size, "k_dense": old.key_size}.get(part, old.head_size)
            blocks[0 if part == "o_dense" else -1] = size
        if by == "heads" and part == "o_dense" and kind == "bias":
            blocks = [1]
        times = shape[0] // value.shape[0]
        for axis, block in enumerate(blocks):
            value = _repeat(value, shape[axis] // value.shape[axis], axis, block)
        if kind == "kernel":
            value = value / times + noise * _uneven(value / times, times, blocks[0], rng)
        if by == "head_size" and part in ("q_dense", "k_dense"):
            k = new.key_size / old.key_size
            value = value * k ** (-1 / 4 if old.attention_scale else -1 / 2)
        values.append(value.astype("float32"))
    return values


def _repeat(x, times, axis, block=1):
    """Each run of `block` along the axis `times` times.

    >>> _repeat(np.array([1, 2, 3, 4]), 2, 0, block=2).tolist()
    [1, 2, 1, 2, 3, 4, 3, 4]
    """
    if times == 1:
        return x
    shape = x.shape
    x = x.reshape(*shape[:axis], -1, block, *shape[axis + 1 :])
    return np.repeat(x, times, axis).reshape(*shape[:axis], times * shape[axis], *shape[axis + 1 :])


def _uneven(kernel, times, block, rng):
    """Noise whose sum over the copies of an input is zero, as large as the kernel."""
    noise = kernel.std() * rng.standard_normal(kernel.shape)
    copies = noise.reshape(-1, times, block, kernel.shape[-1])
    return (copies - copies.mean(axis=1, keepdims=True)).reshape(kernel.shape)
