"""Wider and deeper models have the same outputs."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import backend
from kerasx.layers import MultiHeadAttention
from kerasx.models import build_transformer_model, deepen, widen
from tests.generation.models import randomize
from tests.models.families import FAMILIES
from tests.models.test_families import batch, outputs, tiny

# weights are moved, in NumPy; what the layers compute has tests on every backend

# families that cannot be, and what the error says
UNWIDENED = {"deberta-v2": "layer='VectorTable'", "gau_alpha": "layer='GatedAttentionUnit'"}
UNDEEPENED = {"albert": "share them", "deberta-v2": "without a convolution"}
T5_SIZES = """vocab_size hidden_size num_hidden_layers num_attention_heads
intermediate_size""".split()
CASES = [(name, FAMILIES[name].applications[-1]) for name in FAMILIES]


def error(model, other, name="bert"):
    """Return the largest difference of two models' outputs at real tokens, relative."""
    tokens, segments = batch(name)
    expected, got = outputs(model, tokens, segments), outputs(other, tokens, segments)
    if expected.ndim == 3:
        real = tokens != FAMILIES[name].pad_id
        expected, got = expected[real], got[real]
    got = got.reshape(*expected.shape, -1)  # the copies of a feature
    return np.abs(got - expected[..., None]).max() / np.abs(expected).max()


def shift_norms(builder):
    """Set scales and offsets far from 1 and 0."""
    rng = np.random.default_rng(3)
    for v in builder.model.trainable_variables:
        if len(v.shape) == 1:
            v.assign(ops.convert_to_numpy(v) + 0.5 * rng.standard_normal(v.shape))
    return builder


@pytest.mark.parametrize("name, application", CASES)
def test_a_wider_model_says_the_same(name, application):
    builder = shift_norms(tiny(name, application))
    if name in UNWIDENED:
        with pytest.raises(ValueError, match=UNWIDENED[name]):
            widen(builder, 2)
        return
    wide = widen(builder, 2, noise=0.5)
    assert wide.hidden_size == 2 * builder.hidden_size
    assert error(builder.model, wide.model, name) < 1e-5


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("by", ["head_size", "heads"])
@pytest.mark.parametrize("activation", ["gelu", "relu", ["gelu", "linear"]])
def test_every_activation_and_epsilon_is_exact(activation, by, k):
    head = {} if isinstance(activation, str) else {"with_mlm": False}
    builder = tiny("bert", "encoder", hidden_act=activation, layer_norm_eps=0.1, **head)
    wide = widen(builder, k, by=by)
    heads = {layer.heads for layer in wide.layers.values() if isinstance(layer, MultiHeadAttention)}
    assert heads == {2 * k if by == "heads" else 2}
    assert error(builder.model, wide.model) < 1e-5


@pytest.mark.parametrize(
    "options",
    [
        {"norm_position": "pre"},
        {"with_nsp": "linear", "with_mlm": False},
        {"embedding_size": 4, "attention_key_size": 6},
        {"segment_vocab_size": 0, "hierarchical_position": 0.3},
        {"residual_attention_scores": True},
    ],
    ids=lambda x: next(iter(x)),
)
def test_every_graph_of_bert_can_be_widened(options):
    builder = shift_norms(tiny("bert", "encoder", **options))
    assert error(builder.model, widen(builder, 2, noise=0.5).model) < 1e-5


def gradients(builder):
    """Return {path: gradient} of a loss without the symmetries of the widening."""
    tokens, segments = batch("bert")
    variables = builder.model.trainable_variables

    def loss(values):
        out, _ = builder.model.stateless_call(
            values, [v.value for v in builder.model.non_trainable_variables], [tokens, segments]
        )
        return ops.mean(ops.square(out - 1.0))

    _, found = backend.value_and_grad(loss)([v.value for v in variables])
    return {v.path: ops.convert_to_numpy(g) for v, g in zip(variables, found)}


@pytest.mark.parametrize("noise, equal", [(0.0, True), (0.5, False)])
def test_copies_have_equal_gradients_unless_their_symmetry_is_broken(noise, equal):
    found = gradients(widen(tiny("bert", "encoder"), 2, by="heads", noise=noise))
    for path, block in [
        ("Embedding-Token/embeddings", 1),
        ("Transformer-0-FeedForward/i0_dense/kernel", 1),
        ("Transformer-1-MultiHeadSelfAttention/q_dense/kernel", 4),
        ("Transformer-1-MultiHeadSelfAttention/v_dense/kernel", 4),
    ]:
        copies = found[path].reshape(len(found[path]), -1, 2, block)
        spread = np.abs(copies[:, :, 0] - copies[:, :, 1]).max() / np.abs(copies).max()
        assert spread < 1e-5 if equal else spread > 1e-2, path


def test_noise_is_the_same_for_the_same_seed():
    builder = tiny("bert", "encoder")
    a, b, c = (widen(builder, 2, noise=0.5, seed=s).model.get_weights() for s in (1, 1, 2))
    assert all((x == y).all() for x, y in zip(a, b))
    assert any((x != y).any() for x, y in zip(a, c))


@pytest.mark.parametrize("arguments", [{"k": 0}, {"k": 1.5}, {"k": 2, "by": "depth"}])
def test_a_wrong_width_is_refused(arguments):
    with pytest.raises(ValueError, match="`(k|by)` must be"):
        widen(tiny("bert", "encoder"), **arguments)


def test_nezha_is_widened_by_heads_alone():
    with pytest.raises(ValueError, match="`by` must be 'heads'"):
        widen(tiny("nezha", "encoder"), 2, by="head_size")


@pytest.mark.parametrize("name, application", CASES)
def test_a_deeper_model_says_the_same(name, application):
    builder = shift_norms(tiny(name, application))
    if name in UNDEEPENED:
        with pytest.raises(ValueError, match=UNDEEPENED[name]):
            deepen(builder, [1])
        return
    n = builder.num_hidden_layers
    deep = deepen(builder, [1, n, n])
    assert deep.num_hidden_layers == n + 3
    assert error(builder.model, deep.model, name) < 1e-5


@pytest.mark.parametrize("norm_position", ["pre", "post"])
@pytest.mark.parametrize("positions", [[0], [2], [0, 0, 1, 1, 2]])
def test_blocks_can_be_put_anywhere(norm_position, positions):
    builder = shift_norms(tiny("bert", "lm", norm_position=norm_position))
    deep = deepen(builder, positions)
    assert error(builder.model, deep.model) < 1e-5


@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_a_new_block_learns(norm_position):
    deep = deepen(tiny("bert", "encoder", norm_position=norm_position), [1])
    found = gradients(deep)
    assert np.abs(found["Transformer-1-FeedForward/o_dense/kernel"]).max() > 1e-4
    assert np.abs(found["Transformer-1-MultiHeadSelfAttention/o_dense/kernel"]).max() > 1e-4


@pytest.mark.parametrize(
    "options, positions, message",
    [
        ({}, [3], "`positions` must be ints in"),
        ({}, [-1], "`positions` must be ints in"),
        ({"embedding_size": 4}, [0], "a mapping follows"),
        ({"residual_attention_scores": True}, [1], "scores would add up"),
    ],
)
def test_what_cannot_be_the_identity_is_refused(options, positions, message):
    with pytest.raises(ValueError, match=message):
        deepen(tiny("bert", "encoder", **options), positions)


def test_a_model_is_as_good_as_its_builder_and_another_one_is_refused():
    model = build_transformer_model(None, **FAMILIES["bert"].options())
    assert error(model, widen(model, 2).model) < 1e-5
    with pytest.raises(ValueError, match="must be a builder or the very model it built"):
        widen(keras.Model(model.inputs, keras.layers.Dense(2)(model.output)), 2)
    condition = keras.Input((3,))
    conditional = build_transformer_model(
        None,
        layer_norm_cond=condition,
        additional_input_layers=condition,
        **FAMILIES["bert"].options(),
    )
    with pytest.raises(ValueError, match="no conditional layer normalizations"):
        widen(conditional, 2)


def test_a_block_whose_place_makes_it_special_stays_there():
    with pytest.raises(ValueError, match="must leave each block the layers that it has"):
        deepen(tiny("modernbert", "encoder"), [0])


@pytest.mark.parametrize("by", ["heads", "head_size"])
@pytest.mark.parametrize("version", ["t5.1.0", "t5.1.1"])
def test_t5_is_widened_with_its_scale_of_scores(version, by):
    sizes = {k: FAMILIES["bert"].options()[k] for k in T5_SIZES}
    builder = build_transformer_model(
        None, model=version, with_lm="linear", return_keras_model=False, **sizes
    )
    randomize(builder.model, 1)
    wide = widen(builder, 2, by=by, noise=0.3)
    ids = [np.array([[5, 3, 9, 1, 0]]), np.array([[0, 4, 6]])]
    expected, got = (ops.convert_to_numpy(x.model(ids)) for x in (builder, wide))
    assert np.abs(got - expected).max() < 1e-5 * np.abs(expected).max()
    with pytest.raises(ValueError, match="one half"):
        deepen(builder, [1])
