"""Outputs of the layers, against NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import layers


def to_numpy(x):
    return ops.convert_to_numpy(x)


def test_padding_is_masked_wherever_it_is():
    layer = layers.Embedding(5, 4, mask_zero=True)
    mask = layer.compute_mask(ops.convert_to_tensor([[0, 0, 3, 0], [1, 2, 0, 0]]))
    assert to_numpy(mask).tolist() == [[False, False, True, False], [True, True, False, False]]


def test_the_dense_mode_of_an_embedding_is_its_transposed_table():
    layer, x = layers.Embedding(5, 4), np.random.normal(size=(2, 3, 4)).astype("float32")
    layer.build()
    table = to_numpy(layer.embeddings)
    np.testing.assert_allclose(to_numpy(layer(x, mode="dense")), x @ table.T, atol=1e-5)


@pytest.mark.parametrize("zero_mean", [True, False])
@pytest.mark.parametrize("unit_variance", [True, False])
def test_layer_normalization_is_its_formula(zero_mean, unit_variance):
    layer = layers.LayerNormalization(zero_mean, unit_variance, epsilon=1e-6)
    x = np.random.normal(2, 3, size=(2, 3, 8)).astype("float32")
    layer(x)
    beta, gamma = np.random.normal(size=(2, 8))
    layer.set_weights([beta, gamma])
    expected = x - x.mean(-1, keepdims=True) if zero_mean else x
    if unit_variance:
        expected = expected / np.sqrt((expected**2).mean(-1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(to_numpy(layer(x)), gamma * expected + beta, atol=1e-4)


@pytest.mark.parametrize("rank", [2, 3])
def test_a_condition_moves_scale_and_offset(rank):
    layer = layers.ScaleOffset(conditional=True)
    x = np.random.normal(size=(2, 3, 4)).astype("float32")
    c = np.random.normal(size=(2, 3, 5)[: rank - 1] + (5,)).astype("float32")
    c = c if rank == 3 else c[:, :5]
    assert (to_numpy(layer([x, c])) == x).all()  # both kernels start at zero
    w_beta, w_gamma = np.random.normal(size=(2, 5, 4)).astype("float32")
    layer.set_weights([np.zeros(4), np.ones(4), w_beta, w_gamma])
    moved = c if rank == 3 else c[:, None]
    expected = x * (1 + moved @ w_gamma) + moved @ w_beta
    np.testing.assert_allclose(to_numpy(layer([x, c])), expected, atol=1e-4)


@pytest.mark.parametrize("known", [True, False])
def test_an_average_without_a_mask_divides_by_the_length(known):
    x = np.random.normal(size=(2, 7, 3)).astype("float32")
    tokens = keras.Input((7 if known else None, 3))
    model = keras.Model(tokens, layers.GlobalAveragePooling1D()(tokens))
    np.testing.assert_allclose(model.predict(x, verbose=0), x.mean(1), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_an_average_over_many_tokens_is_exact_in_half_precision(dtype):
    x = ops.full((1, 3000, 2), 40.0, dtype)
    pooled = layers.GlobalAveragePooling1D(dtype=dtype)(x, mask=ops.ones((1, 3000), "bool"))
    assert (to_numpy(ops.cast(pooled, "float32")) == 40).all()


def test_scores_of_a_tied_table_have_the_dtype_that_they_declare():
    table = layers.Embedding(7, 4, dtype="mixed_float16")
    tokens = keras.Input((None,), dtype="int32")
    scores = table(keras.layers.Identity(dtype="float32")(table(tokens)), mode="dense")
    assert scores.dtype == "float16"
    found = keras.Model(tokens, scores)(np.ones((1, 3), "int32"))
    assert keras.backend.standardize_dtype(found.dtype) == "float16"


def test_masked_pooling_is_over_real_tokens():
    x = np.random.normal(size=(2, 5, 3)).astype("float32")
    mask = np.array([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], "bool")
    mean = to_numpy(layers.GlobalAveragePooling1D()(x, mask=ops.convert_to_tensor(mask)))
    top = to_numpy(layers.GlobalMaxPooling1D()(x, mask=ops.convert_to_tensor(mask)))
    np.testing.assert_allclose(mean[0], x[0, :3].mean(0), atol=1e-6)
    np.testing.assert_allclose(top[0], x[0, :3].max(0))
    assert (mean[1] == 0).all() and (top[1] == 0).all()
    turned = ops.convert_to_tensor(x.swapaxes(1, 2))
    for pooling, expected in [
        (layers.GlobalAveragePooling1D, mean),
        (layers.GlobalMaxPooling1D, top),
    ]:
        layer = pooling("channels_first")
        got = layer(turned, mask=ops.convert_to_tensor(mask))
        np.testing.assert_allclose(to_numpy(got), expected, atol=1e-6)
        assert layer(keras.Input((3, None))).shape == (None, 3)


@pytest.mark.parametrize("batch", [1, 4, 5])
def test_splitting_and_joining_a_batch_changes_nothing(batch):
    x = np.random.normal(size=(batch, 2)).astype("float32")
    parts = layers.BatchSplit(2)(x)
    assert [len(p) for p in parts] == [-(-batch // 2), batch // 2]
    assert (to_numpy(layers.BatchConcat()(parts)) == x).all()


def test_a_batch_is_split_by_sizes_and_several_tensors_at_once():
    x, y = np.random.normal(size=(2, 9, 2)).astype("float32")
    layer = layers.BatchSplit([1, 2, 1])
    parts = layer([x, y])
    assert [len(p) for p in parts] == [2, 4, 3] * 2
    assert (to_numpy(layers.BatchConcat()(parts[3:])) == y).all()
    inputs = [keras.Input((2,)), keras.Input((2,))]
    model = keras.Model(inputs, layer(inputs))
    assert [p.shape for p in model.outputs] == [(None, 2)] * 6
    assert [len(p) for p in model.predict([x, y], verbose=0)] == [2, 4, 3] * 2
    assert layers.BatchSplit.from_config(layer.get_config()).parts == [1, 2, 1]
    with pytest.raises(ValueError, match="`parts` must be a list of sizes"):
        layers.BatchSplit([])


def test_arguments_of_position_embeddings_stand_in_the_order_of_bert4keras():
    x, places = np.zeros((1, 3, 4), "float32"), np.array([[2.0, 0.0, 1.0]])
    learned = layers.PositionEmbedding(8, 4, "add", None, "identity", True)
    assert to_numpy(learned([x, places]))[0].argmax(-1).tolist() == [2, 0, 1]
    sinusoids = layers.SinusoidalPositionEmbedding(4, "zero", True)([x, places])
    np.testing.assert_allclose(to_numpy(sinusoids)[0, :, 0], np.sin([2, 0, 1]), atol=1e-6)


def test_masks_pass_through_merging_layers():
    ids = keras.Input((None,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True, embeddings_initializer="ones")(ids)
    plain = keras.layers.Embedding(9, 4, embeddings_initializer="ones")(ids)
    doubled = layers.Concatenate1D()([layers.Add()([plain, x]), plain])  # 2 2 ... 1 1 ...
    twice = layers.BatchConcat()([doubled, doubled])
    average = layers.GlobalAveragePooling1D()
    model = keras.Model(ids, [average(doubled), average(twice)])
    one, two = model(np.array([[5, 0, 0], [5, 6, 0]]))
    np.testing.assert_allclose(to_numpy(one)[:, 0], [(2 + 3) / 4, (4 + 3) / 5], atol=1e-6)
    np.testing.assert_allclose(to_numpy(two)[:, 0], [1.25, 1.4, 1.25, 1.4], atol=1e-6)


def test_a_gated_network_multiplies_its_branches():
    layer, x = layers.FeedForward(6, ["relu", "linear"]), np.random.normal(size=(2, 3, 4))
    layer(x)
    weights = [np.random.normal(size=w.shape) for w in layer.weights]
    layer.set_weights(weights)
    w1, b1, w2, b2, w3, b3 = weights
    expected = np.maximum(x @ w1 + b1, 0) * (x @ w2 + b2) @ w3 + b3
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-3)
