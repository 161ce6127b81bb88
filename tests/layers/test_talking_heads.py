"""Talking heads, and heads whose keys are larger than their values, against NumPy."""

import numpy as np
import pytest
from keras import ops

from kerasx import layers
from kerasx.ops import attention_scores

HEADS, SIZE, N = 4, 3, 6


def example(layer_class=layers.TalkingHeadsAttention, **options):
    """Return (layer with random weights, its inputs)."""
    rng = np.random.default_rng(0)
    x = ops.convert_to_tensor(rng.normal(size=(2, N, 5)).astype("float32"))
    layer = layer_class(HEADS, SIZE, **options)
    layer([x, x, x])
    for w in layer.weights:
        w.assign(rng.normal(size=w.shape))
    return layer, [x, x, x]


def by_hand(layer, inputs, mixing, allowed=True, bias=0.0):
    q, k, v = (ops.convert_to_numpy(x) for x in layer.project(*inputs))
    scores = q @ k.swapaxes(-1, -2) / layer.key_size**0.5
    scores = np.einsum("ij,bjnm->binm", mixing, scores) + bias
    weights = np.exp(scores - scores.max(-1, keepdims=True)) * allowed
    weights /= weights.sum(-1, keepdims=True)
    o = (weights @ v).transpose(0, 2, 1, 3).reshape(2, N, HEADS * SIZE)
    kernel, bias = (ops.convert_to_numpy(w) for w in layer.o_dense.weights)
    return o @ kernel + bias


def test_scores_are_mixed_before_bias_and_mask():
    layer, inputs = example()
    causal = ops.convert_to_tensor(np.tri(N, dtype=bool)[None, None])
    bias = np.random.default_rng(1).normal(size=(1, HEADS, N, N)).astype("float32")
    got = layer([*inputs, causal, ops.convert_to_tensor(bias)], a_bias=True)
    expected = by_hand(
        layer, inputs, ops.convert_to_numpy(layer.mixing), np.tri(N, dtype=bool), bias
    )
    np.testing.assert_allclose(ops.convert_to_numpy(got), expected, atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"kv_heads": 2}, {"return_attention_scores": True}])
def test_with_the_identity_it_is_plain_attention(options):
    layer, inputs = example(**options)
    layer.mixing.assign(np.eye(HEADS))
    plain = layers.MultiHeadAttention(HEADS, SIZE, **options)
    plain(inputs)
    plain.set_weights(layer.get_weights()[1:])
    for ours, theirs in zip(layer_outputs(layer, inputs), layer_outputs(plain, inputs)):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def layer_outputs(layer, inputs):
    outputs = layer(inputs)
    return [ops.convert_to_numpy(x) for x in (outputs if isinstance(outputs, list) else [outputs])]


def test_its_own_mixing_is_the_identity():
    layer = layers.TalkingHeadsAttention(HEADS, SIZE)
    layer.build([(None, N, 5)] * 3)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.mixing), np.eye(HEADS))


def test_mixing_lifts_the_rank_of_the_scores_above_the_size_of_a_key():
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=(2, 1, HEADS, 20, SIZE))
    scores = ops.convert_to_numpy(attention_scores(*map(ops.convert_to_tensor, (q, k))))
    mixed = np.einsum("ij,bjnm->binm", rng.normal(size=(HEADS, HEADS)), scores)
    assert np.linalg.matrix_rank(scores[0, 0], tol=1e-4) == SIZE
    assert np.linalg.matrix_rank(mixed[0, 0], tol=1e-4) == HEADS * SIZE


def test_a_key_size_of_the_head_size_is_plain_attention():
    layer, inputs = example(layers.MultiHeadAttention, key_size=SIZE)
    plain = layers.MultiHeadAttention(HEADS, SIZE)
    plain(inputs)
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        ops.convert_to_numpy(layer(inputs)), ops.convert_to_numpy(plain(inputs))
    )


def test_larger_keys_are_their_formula():
    layer, inputs = example(layers.MultiHeadAttention, key_size=2 * SIZE)
    assert layer.q_dense.units == layer.k_dense.units == 2 * layer.v_dense.units
    expected = by_hand(layer, inputs, np.eye(HEADS))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(inputs)), expected, atol=1e-4)
