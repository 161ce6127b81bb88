"""Make a model wider without changing its outputs."""

import keras
import numpy as np

from kerasx.backend.keras_internals import calls, producer
from kerasx.checks import check_integer, invalid
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
    """Multiply every width of a model by k, with the same outputs.

    Each feature is repeated, x̃ = [x_1, x_1, x_2, x_2, ...] for k = 2. With R, which repeats along
    every widened axis, the new weights are

        tables, γ, β and biases R(w);  kernels R(W) / k;  queries and keys · k^(-1/4)

    so that sums over k copies stay the same, and q̃·k̃ / sqrt(k d) = q·k / sqrt(d) (with k^(-1/2)
    where attention does not divide). Means and variances stay, so every ε stays. The output of the
    last normalization, which meets the token table again, is divided by k.

    The post has x̃ / sqrt(2) instead, which changes ε to ε/k where the input has the factor, but
    not in a masked language model's head. (Its second bias of the feed-forward network, b/2,
    should be b/sqrt(2).)

    The k copies of a feature get equal gradients: without `noise` (or dropout) an elementwise
    optimizer keeps them equal, and the new width has no use. (Copies inside of a query or key head
    differ only after the first step, when the inputs do.)

    Args:
        model: a built builder, or the keras.Model that it built.
        k: int, the factor of the widths.
        by: "head_size" keeps the number of heads, as in the post; "heads" repeats whole heads,
            which is exact for positions inside the heads (rotary, NEZHA's). By default the one
            that is exact for the family.
        noise: unevenness of the k weights that stand for one weight, as a multiple of a kernel's
            standard deviation. Their sum, and so the outputs, stay the same.
        seed: seed of the noise.

    Returns:
        The wider builder; its attribute `model` is the keras.Model.

    Raises:
        ValueError: the model has layers for which no widening is known.

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
        raise invalid(
            "`by` must be 'heads' or, where no position lives in a head, 'head_size'.",
            by=by,
            model=type(builder).__name__,
        )
    check_integer("k", k, least=1)
    wide = rebuilt(builder, **_arguments(builder, k, by))
    factors, rng = _factors(builder, wide, k), np.random.default_rng(seed)
    for name, layer in wide.layers.items():
        values = _widened(builder.layers[name], layer, by, noise, rng)
        layer.set_weights([factors.get(name, 1) * value for value in values])
    return wide


def _check_layers(builder):
    for layer in builder.layers.values():
        if layer.weights and type(layer) not in _KNOWN:
            raise invalid(
                "`model` must have layers for which a widening is known: "
                f"{', '.join(sorted(x.__name__ for x in _KNOWN))}.",
                layer=type(layer).__name__,
            )


def _positions_in_heads(builder):
    """Return whether heads must keep their size: queries and keys are rotated or normalized."""
    attentions = [x for x in builder.layers.values() if isinstance(x, MultiHeadAttention)]
    return builder.p_bias not in (None, "t5_relative") or any(
        x.qk_norm is not None for x in attentions
    )


def _arguments(builder, k, by):
    """Return the builder's arguments that grow, times k; the heads grow in number or in size."""
    heads = ("num_attention_heads", "num_key_value_heads")
    sizes = ("attention_head_size", "attention_key_size")
    names = ("hidden_size", "intermediate_size", "embedding_size")
    names += heads if by == "heads" else sizes
    return {name: k * value for name, value in arguments_of(builder).items() if name in names}


def _factors(builder, wide, k):
    """Return {layer: factor of its weights}, so that token scores do not grow with the width."""
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
    """Return the last layer with weights before a node; raise unless the layer only scales."""
    layer = producer(node.input_tensors[0])
    while not layer.weights:
        layer = producer(calls(layer)[0].input_tensors[0])
    linear = isinstance(layer, keras.layers.Dense) and layer.activation is keras.activations.linear
    if not linear and not (isinstance(layer, LayerNormalization) and layer.scale):
        raise invalid(
            "`model` must have a scale before the scores of its tokens, which is divided by k.",
            layer=f"{type(layer).__name__} {layer.name!r}",
        )
    return layer


def _widened(old, new, by, noise, rng):
    """Return the weights of the wider layer, float32 arrays."""
    values = []
    for weight, wider in zip(old.weights, new.weights):
        *_, part, kind = ["", *weight.path.split("/")]  # such as "q_dense", "kernel"
        value, shape = keras.ops.convert_to_numpy(weight).astype("float64"), tuple(wider.shape)
        blocks = _blocks(old, part, kind, by, len(shape))
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


def _blocks(layer, part, kind, by, axes):
    """Return for each axis of a weight how many features are repeated together: a head, or one."""
    blocks = [1] * axes
    if by != "heads" or not isinstance(layer, MultiHeadAttention):
        return blocks
    if part == "o_dense":
        blocks[0] = layer.head_size if kind == "kernel" else 1
    else:
        blocks[-1] = layer.key_size if part in ("q_dense", "k_dense") else layer.head_size
    return blocks


def _repeat(x, times, axis, block=1):
    """Repeat each run of `block` elements along an axis.

    >>> _repeat(np.array([1, 2, 3, 4]), 2, 0, block=2).tolist()
    [1, 2, 1, 2, 3, 4, 3, 4]
    """
    if times == 1:
        return x
    shape = x.shape
    x = x.reshape(*shape[:axis], -1, block, *shape[axis + 1 :])
    return np.repeat(x, times, axis).reshape(*shape[:axis], times * shape[axis], *shape[axis + 1 :])


def _uneven(kernel, times, block, rng):
    """Draw noise with the kernel's deviation, whose sum over the copies of an input is zero."""
    noise = kernel.std() * rng.standard_normal(kernel.shape)
    copies = noise.reshape(-1, times, block, kernel.shape[-1])
    return (copies - copies.mean(axis=1, keepdims=True)).reshape(kernel.shape)
