"""The positions of attention: closed forms, distances alone, given ids."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import layers
from kerasx.ops import sinusoidal_embeddings

N, HEADS, SIZE = 7, 2, 4
X = np.random.default_rng(0).normal(size=(2, N, 8)).astype("float32")
P_BIASES = ["rotary", "rotary_halves", "typical_relative", "t5_relative"]


def position(p_bias, ids=None):
    """Return the tensor that a `p_bias` needs, for the first positions or for given ids (b, n)."""
    draw = keras.initializers.RandomNormal(seed=1)
    if p_bias.startswith("rotary"):
        layer = layers.SinusoidalPositionEmbedding(SIZE, "zero", base=10)
        return layer(X if ids is None else [X, ids])
    if p_bias == "typical_relative":
        layer = layers.RelativePositionEmbedding(7, SIZE, draw)
    else:
        layer = layers.RelativePositionEmbeddingT5(8, HEADS, 6, embeddings_initializer=draw)
    return layer([X, X]) if ids is None else layer([ids, ids], position_ids=True)


def attend(x, p_bias, where):
    attention = layers.MultiHeadAttention(
        HEADS, SIZE, kernel_initializer=keras.initializers.RandomNormal(stddev=0.5, seed=3)
    )
    return ops.convert_to_numpy(attention([x, x, x, where], p_bias=p_bias))


def test_relative_vectors_are_those_of_the_clipped_distance():
    layer = layers.RelativePositionEmbedding(5, 4)
    found = ops.convert_to_numpy(layer([X, X[:, :3]]))[0]
    table = ops.convert_to_numpy(sinusoidal_embeddings(np.arange(5.0), 4))
    for i in range(N):
        for j in range(3):
            np.testing.assert_allclose(found[i, j], table[np.clip(j - i, -2, 2) + 2], atol=1e-6)
    assert not layer.trainable_weights


@pytest.mark.parametrize("p_bias", P_BIASES)
def test_attention_knows_distances_alone(p_bias):
    ids = np.tile(np.arange(N), (2, 1))
    here, there = (attend(X, p_bias, position(p_bias, i)) for i in (ids, ids + 40))
    np.testing.assert_allclose(here, attend(X, p_bias, position(p_bias)), atol=1e-5)
    np.testing.assert_allclose(here, there, atol=1e-4)


@pytest.mark.parametrize("p_bias", P_BIASES)
def test_attention_is_not_blind_to_positions(p_bias):
    ids = np.tile(np.arange(N), (2, 1))
    here, stretched = (attend(X, p_bias, position(p_bias, i)) for i in (ids, 2 * ids))
    assert np.abs(here - stretched).max() > 1e-3


@pytest.mark.parametrize("p_bias", ["typical_relative", "t5_relative"])
def test_relative_attention_is_its_formula(p_bias):
    q, k, v = (np.random.default_rng(i).normal(size=(1, HEADS, N, SIZE)) for i in range(3))
    q, k, v = (ops.convert_to_tensor(x, "float32") for x in (q, k, v))
    where = ops.convert_to_numpy(position(p_bias))
    attention = layers.MultiHeadAttention(HEADS, SIZE)
    relative, bias = (where, None) if p_bias == "typical_relative" else (None, where)
    got, _ = attention.pay_attention_to(q, k, v, bias=bias, relative=relative)
    q, k, v = (ops.convert_to_numpy(x).astype("float64") for x in (q, k, v))
    expected = np.zeros_like(v)
    for h in range(HEADS):
        for i in range(N):
            keys, values = k[0, h].copy(), v[0, h].copy()
            if bias is None:
                keys, values = keys + where[0, i], values + where[0, i]
            scores = keys @ q[0, h, i] / 2 + (0 if bias is None else where[0, h, i])
            weights = np.exp(scores) / np.exp(scores).sum()
            expected[0, h, i] = weights @ values
    np.testing.assert_allclose(ops.convert_to_numpy(got), expected, atol=1e-5)


def test_grouped_queries_are_attention_with_repeated_keys():
    grouped = layers.MultiHeadAttention(4, 2, kv_heads=2)
    whole = layers.MultiHeadAttention(4, 2)
    grouped([X, X, X]), whole([X, X, X])
    for name in ("q_dense", "o_dense"):
        getattr(whole, name).set_weights(getattr(grouped, name).get_weights())
    for name in ("k_dense", "v_dense"):
        kernel, bias = getattr(grouped, name).get_weights()
        repeated = [np.repeat(w.reshape(*w.shape[:-1], 2, 2), 2, axis=-2) for w in (kernel, bias)]
        getattr(whole, name).set_weights([repeated[0].reshape(8, 8), repeated[1].reshape(8)])
    got, expected = (ops.convert_to_numpy(a([X, X, X])) for a in (grouped, whole))
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_normalized_queries_and_keys_do_not_feel_the_scale_of_the_input():
    attention = layers.MultiHeadAttention(HEADS, SIZE, qk_norm=1e-12, use_bias=False)
    attention.build([(None, None, 8)] * 3)
    outputs = [ops.convert_to_numpy(attention([s * X, s * X, X])) for s in (1.0, 10.0)]
    np.testing.assert_allclose(*outputs, atol=1e-5)


def test_an_unknown_kind_of_position_is_refused():
    with pytest.raises(ValueError, match="`p_bias` must be one of .*Received: p_bias='rotatory'"):
        attend(X, "rotatory", X)
    with pytest.raises(ValueError, match="`heads` must be a multiple of `kv_heads`"):
        layers.MultiHeadAttention(4, 2, kv_heads=3)
