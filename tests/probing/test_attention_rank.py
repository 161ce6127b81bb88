"""Ranks of attention, and the matrices of a model's heads."""

import keras
import numpy as np
import pytest

from kerasx.models import bert_config, build_transformer_model
from kerasx.probing.attention_rank import (
    attention_weights,
    numerical_ranks,
    random_attention,
)

LAYER = "Transformer-0-MultiHeadSelfAttention"
IDS = np.array([[2, 5, 6, 7, 3, 0], [2, 8, 9, 10, 11, 3]], "int32")


def test_a_causal_head_has_full_rank_and_the_product_of_its_diagonal_for_determinant():
    weights = random_attention(48, 4, causal=True, deviation=0.3)
    diagonal = np.log(np.diagonal(weights, axis1=-2, axis2=-1)).sum(-1)
    np.testing.assert_allclose(np.linalg.slogdet(weights)[1], diagonal, rtol=1e-9)
    assert (numerical_ranks(weights) == 48).all()


def test_a_bidirectional_head_of_small_size_has_less():
    weights = random_attention(64, 4, deviation=0.3)
    np.testing.assert_allclose(weights.sum(-1), 1)
    assert (numerical_ranks(weights) < 40).all()
    assert (numerical_ranks(weights, 1e-2) < numerical_ranks(weights)).all()


@pytest.mark.parametrize("application", ["encoder", "lm"])
def test_the_weights_of_a_layer_are_its_softmax(application):
    keras.utils.set_random_seed(0)
    config = bert_config(30, 16, 1, max_position=16, initializer_range=0.5)
    model = build_transformer_model(config, application=application)
    weights = attention_weights(model, [IDS, np.zeros_like(IDS)], LAYER)
    assert weights.shape == (2, 4, 6, 6)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    assert not weights[0, :, :5, 5].any()  # padding
    if application == "lm":
        assert not np.triu(weights, 1).any()

    layer = model.get_layer(LAYER)
    before = keras.Model(model.inputs, layer.input[0])([IDS, np.zeros_like(IDS)])
    q, k = (keras.ops.convert_to_numpy(dense(before)) for dense in (layer.q_dense, layer.k_dense))
    q, k = (x.reshape(2, 6, 4, 4).transpose(0, 2, 1, 3)[1] for x in (q, k))
    e = np.exp(q @ k.transpose(0, 2, 1) / 2)  # of the text without padding
    e = np.tril(e) if application == "lm" else e
    np.testing.assert_allclose(weights[1], e / e.sum(-1, keepdims=True), rtol=1e-4, atol=1e-6)


def test_bad_arguments_are_refused():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="`layer` must be one of"):
        attention_weights(model, [np.ones((1, 3))], "dense")
    with pytest.raises(ValueError, match="`weights` must be"):
        numerical_ranks(np.ones((2, 3)))
    with pytest.raises(ValueError, match="at least 1"):
        random_attention(0, 4)
