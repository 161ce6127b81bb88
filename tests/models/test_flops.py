"""Counted operations are those of the formulas, and of the models inside of a model."""

import keras
import pytest

from kerasx.models import (
    build_transformer_model,
    electra_generator,
    electra_pretraining,
    score_places,
)
from kerasx.models.flops import count_flops, count_tokens

pytestmark = pytest.mark.once
V, D, L, H, F, E = 50, 16, 3, 4, 40, 8
B, N, P = 2, 12, 3


def ids(*shape):
    return keras.KerasTensor(shape, "int32")


def model(name, **options):
    sizes = {"hidden_size": D, "num_hidden_layers": L, "num_attention_heads": H}
    sizes |= {"vocab_size": V, "intermediate_size": F}
    return build_transformer_model(None, model=name, **sizes, **options)


def blocks(d=D, f=F, layers=L):
    return layers * (2 * B * N * (4 * d * d + 2 * d * f) + 4 * B * N * N * d)


def test_a_masked_language_model_scores_few_places():
    bert = model("bert", with_mlm="linear")
    inputs = [ids(B, N), ids(B, N)]
    assert count_flops(bert, inputs) == blocks() + 2 * B * N * D * (D + V)
    found = count_flops(score_places(bert), [*inputs, ids(B, P)])
    assert found == blocks() + 2 * B * P * D * (D + V)
    assert count_tokens(bert, inputs) == B * N


def test_gates_and_shared_heads():
    options = {"num_key_value_heads": 2, "hidden_act": "silu", "final_activation": "linear"}
    one = 2 * B * N * (2 * D * D + 2 * D * D // 2 + 3 * D * F) + 4 * B * N * N * D
    assert count_flops(model("llama", **options), [ids(B, N)]) == L * one + 2 * B * N * D * V


def test_a_decoder_reads_two_sequences():
    t5, m = model("t5.1.0"), 5
    inputs = [ids(B, N), ids(B, m)]
    own = 2 * B * m * (4 * D * D + 2 * D * F) + 4 * B * m * m * D
    cross = 2 * B * (m + N) * 2 * D * D + 4 * B * m * N * D
    assert count_flops(t5, inputs) == blocks() + L * (own + cross) + 2 * B * m * D * V
    assert count_tokens(t5, inputs) == B * (N + m)


def test_a_model_in_a_model_is_counted():
    electra = model("electra", with_discriminator="linear", embedding_size=E)
    joined = electra_pretraining(electra, electra_generator(electra, fraction=1 / 2))
    inputs = [ids(B, N), ids(B, N), ids(B, P), ids(B, P), keras.KerasTensor((B, P))]
    d, f = D // 2, F // 2
    generator = blocks(d, f) + 2 * B * P * (d * E + E * V)  # its width is that of the embeddings
    discriminator = blocks() + 2 * B * N * (E * D + D * D + D)
    assert count_flops(joined, inputs) == generator + discriminator
    assert count_tokens(joined, inputs) == B * N
