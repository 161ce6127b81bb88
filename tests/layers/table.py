"""One row for each public layer: how to make it, what to call it on, and what it promises."""

from dataclasses import dataclass, field
from functools import partial

import keras
import numpy as np

from kerasx import layers

HEADS = {"heads": 2, "head_size": 3, "key_size": 4, "out_dim": 5}


@keras.saving.register_keras_serializable("kerasx.tests")
class MeanSquare(layers.Loss):
    """A Loss that can be called: the mean square of all its floating inputs."""

    def compute_loss(self, inputs, mask=None):
        flat = [keras.ops.cast(x, "float32") for x in keras.tree.flatten(inputs)]
        return sum(keras.ops.mean(keras.ops.square(x)) for x in flat)


@dataclass
class Row:
    """A layer under contract.

    make: (**common keyword arguments) -> layer.
    inputs: (b, n, rng) -> an array or a list of arrays.
    call: keyword arguments of the call.
    masks: whether the layer's numbers depend on the Keras mask; then a fully masked example
        promises zero gradient.
    time: which inputs have the sequence at axis 1; None if padding is not this layer's business.
    alone: whether an example is treated the same alone as within a batch.
    trains: whether it is used in training, and its weights by what it returns.
    loud: how many times larger than normal its inputs may be in half precision.
    errors: (bad call, part of the message) pairs; a bad call takes nothing.
    """

    make: callable
    inputs: callable
    call: dict = field(default_factory=dict)
    masks: bool = False
    time: tuple | None = (0,)
    alone: bool = True
    trains: bool = True
    loud: int = 100
    errors: tuple = ()


def sequence(b, n, rng, size=4):
    return rng.normal(size=(b, n, size)).astype("float32")


def ids(b, n, rng):
    return rng.integers(1, 7, (b, n)).astype("int32")


def _two(b, n, rng):
    return [sequence(b, n, rng), sequence(b, n, rng)]


def _three(b, n, rng):
    return [sequence(b, n, rng, 8), sequence(b, n, rng, 8), sequence(b, n, rng, 8)]


def _disentangled(b, n, rng):
    return [*_three(b, n, rng), rng.normal(size=(b, 4, 8)).astype("float32")]


def _scored(b, n, rng):
    return [ids(b, n, rng), sequence(b, n, rng, 8)]


def _conditioned(b, n, rng):
    return [sequence(b, n, rng), rng.normal(size=(b, 3)).astype("float32")]


def _block(b, n, rng):
    return [sequence(b, min(n, 2), rng), rng.integers(0, 5, (b, 1)).astype("int32")]


def _cached(b, n, rng):
    keys, values = rng.normal(size=(b, 2, n, 4)), rng.normal(size=(b, 2, n, 3))
    allowed = np.broadcast_to(np.tri(n, dtype="bool"), (b, 1, n, n)).copy()
    return [sequence(b, n, rng, 8), keys.astype("float32"), values.astype("float32"), allowed]


def _cached_attention(**common):
    attention = layers.MultiHeadAttention(
        **HEADS, dtype=common.get("dtype"), name="attention-to-cache"
    )
    attention.build([(None, None, 8)] * 3)
    return layers.CachedAttention(attention, **common)


def _projected_keys(**common):
    attention = _cached_attention(**common).attention
    return layers.ProjectedKeys(attention, **common)


def _of_pairs(layer, **more):
    """Return the row of a layer whose scores are products of its inputs, and so `loud`."""
    make = partial(layer, 2, 4, tril_mask=False)
    return Row(make, sequence, masks=True, time=None, loud=30, **more)


def _refuses(cls, match, *args, **kwargs):
    return lambda: cls(*args, **kwargs), match


TABLE = {
    "Add": Row(layers.Add, _two, time=(0, 1)),
    "AttentionMask": Row(
        lambda **k: layers.AttentionMask("unilm", **k),
        lambda b, n, rng: rng.integers(0, 2, (b, n)).astype("int32"),
        time=None,
        errors=(
            _refuses(layers.AttentionMask, "`kind` must be", "causel"),
            _refuses(layers.AttentionMask, "`heads` for 'half_causal' only", "half_causal"),
            _refuses(layers.AttentionMask, "`width` must be given", "window"),
        ),
    ),
    "BatchConcat": Row(layers.BatchConcat, _two, time=None, alone=False),
    "BatchSplit": Row(
        lambda **k: layers.BatchSplit(2, **k),
        sequence,
        time=None,
        alone=False,
        errors=(_refuses(layers.BatchSplit, "`parts` must be an integer of at least 1", 0),),
    ),
    "BiasAdd": Row(layers.BiasAdd, sequence),
    "BinaryRandomChoice": Row(layers.BinaryRandomChoice, _two, time=(0, 1)),
    "CachedAttention": Row(_cached_attention, _cached, call={"index": 0}, time=None, trains=False),
    "Concatenate1D": Row(layers.Concatenate1D, _two, time=None),
    "ConditionalRandomField": Row(
        lambda **k: layers.ConditionalRandomField(2, np.ones((5, 5)), **k),
        sequence,
        masks=True,
        trains=False,
        errors=(
            (
                lambda: layers.ConditionalRandomField(allowed=np.ones((4, 4)))(np.ones((1, 2, 4))),
                "`allowed` must be of shape",
            ),
        ),
    ),
    "CrossEntropy": Row(lambda **k: layers.CrossEntropy([1], **k), _scored, time=None),
    "DisentangledAttention": Row(
        lambda **k: layers.DisentangledAttention(**HEADS, position_buckets=2, max_distance=6, **k),
        _disentangled,
        call={"p_bias": "disentangled"},
        masks=True,
        time=(0, 1, 2),
        errors=(
            _refuses(
                layers.DisentangledAttention, "`pos_att_type` must be", 2, 3, pos_att_type=["p2p"]
            ),
            (
                lambda: layers.DisentangledAttention(2, 3)(
                    [np.ones((1, 2, 6))] * 4, p_bias="rotary"
                ),
                "`p_bias` must be one of",
            ),
        ),
    ),
    "Biaffine": _of_pairs(layers.Biaffine),
    "Dropout": Row(lambda **k: layers.Dropout(0.5, **k), sequence),
    "EfficientGlobalPointer": _of_pairs(layers.EfficientGlobalPointer),
    "Embedding": Row(
        lambda **k: layers.Embedding(7, 4, mask_zero=True, **k),
        ids,
        errors=(
            (
                lambda: layers.Embedding(7, 4)(np.ones((1, 2), "int32"), mode="densely"),
                "`mode` must be one of 'embedding', 'dense'",
            ),
        ),
    ),
    "FeedForward": Row(lambda **k: layers.FeedForward(6, ["gelu", "linear"], **k), sequence),
    "FirstToken": Row(
        layers.FirstToken,
        sequence,
        errors=((lambda: layers.FirstToken()(np.ones((1, 0, 2))), "must have a first token"),),
    ),
    "GatedAttentionUnit": Row(
        lambda **k: layers.GatedAttentionUnit(6, 3, normalization="softmax_plus", **k),
        sequence,
        masks=True,
        loud=10,  # it is cubic in its input, and 100³ is no float16
        errors=(
            (
                lambda: layers.GatedAttentionUnit(6, 3)(np.ones((1, 2, 4)), p_bias="turned"),
                "`p_bias` must be one of",
            ),
        ),
    ),
    "GlobalAveragePooling1D": Row(layers.GlobalAveragePooling1D, sequence, masks=True),
    "GlobalMaxPooling1D": Row(layers.GlobalMaxPooling1D, sequence, masks=True),
    "GlobalPointer": _of_pairs(
        layers.GlobalPointer,
        errors=(_refuses(layers.GlobalPointer, "`head_size` must be even", 2, 3),),
    ),
    "LayerNormalization": Row(
        lambda **k: layers.LayerNormalization(conditional=True, hidden_units=5, **k), _conditioned
    ),
    "Loss": Row(
        lambda **k: MeanSquare(output_axis=[1], **k),
        _two,
        time=None,
        errors=((lambda: layers.Loss()(np.ones((1, 2))), "must be overridden"),),
    ),
    "LinearExtension": Row(
        lambda **k: layers.LinearExtension(6, keras.initializers.RandomNormal(0.1, seed=1), **k),
        _block,
        time=None,
        errors=(
            _refuses(layers.LinearExtension, r"`sizes\[1\]` must be", (4, 0)),
            (lambda: layers.LinearExtension((4, 4))(np.ones((1, 5, 4, 2))), "must be a block"),
            (lambda: layers.LinearExtension(4)(np.ones((1, 2, 2, 2))), "must be a block"),
        ),
    ),
    "MaskedConv1D": Row(
        lambda **k: layers.MaskedConv1D(5, 3, padding="same", **k), sequence, masks=True
    ),
    "MaximumEntropyMarkovModel": Row(
        lambda **k: layers.MaximumEntropyMarkovModel(2, 3, **k), sequence, masks=True, trains=False
    ),
    "MultiHeadAttention": Row(
        lambda **k: layers.MultiHeadAttention(**HEADS, **k),
        _three,
        masks=True,
        time=(0, 1, 2),
        errors=(
            (
                lambda: layers.MultiHeadAttention(2, 3, normalization="softmaxplus")(
                    [np.ones((1, 2, 6))] * 3
                ),
                "`method` must be one of 'softmax'",
            ),
        ),
    ),
    "PositionEmbedding": Row(
        lambda **k: layers.PositionEmbedding(8, 4, embeddings_initializer="normal", **k),
        sequence,
        errors=(
            _refuses(layers.PositionEmbedding, "`merge_mode` must be", 8, 4, merge_mode="sum"),
            _refuses(layers.PositionEmbedding, "`hierarchical` must be", 8, 4, hierarchical=2),
            (lambda: layers.PositionEmbedding(8, 4)(np.ones((1, 9, 4))), "at most 8 tokens"),
        ),
    ),
    "ProjectedKeys": Row(_projected_keys, _three, time=None, trains=False),
    "RelativePositionEmbedding": Row(
        lambda **k: layers.RelativePositionEmbedding(5, 4, trainable=True, **k),
        _two,
        time=None,
        alone=False,
        errors=(_refuses(layers.RelativePositionEmbedding, "`input_dim` must be odd", 4, 4),),
    ),
    "RelativePositionEmbeddingT5": Row(
        lambda **k: layers.RelativePositionEmbeddingT5(8, 2, embeddings_initializer="normal", **k),
        _two,
        time=None,
        alone=False,
    ),
    "ScaleOffset": Row(layers.ScaleOffset, sequence),
    "TalkingHeadsAttention": Row(
        lambda **k: layers.TalkingHeadsAttention(**HEADS, **k), _three, masks=True, time=(0, 1, 2)
    ),
    "SinusoidalPositionEmbedding": Row(
        lambda **k: layers.SinusoidalPositionEmbedding(4, **k),
        sequence,
        errors=(
            _refuses(layers.SinusoidalPositionEmbedding, "`merge_mode` must be", 4, "sum"),
            _refuses(layers.SinusoidalPositionEmbedding, "`dim` must be even", 5),
        ),
    ),
    "VectorTable": Row(lambda **k: layers.VectorTable(6, 4, **k), sequence, time=None, alone=False),
}
