"""Integrated gradients add up, and are known for a linear model."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.layers import GlobalAveragePooling1D
from kerasx.models import bert_config, build_transformer_model
from kerasx.probing import integrated_gradients

IDS = np.array([[2, 5, 6, 7, 3, 0, 0], [2, 8, 9, 10, 11, 12, 3]], "int32")
INPUTS = [IDS, np.zeros_like(IDS)]
MASKED = np.where(IDS > 4, 4, IDS)


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    config = bert_config(30, 16, 1, max_position=16, initializer_range=0.3)
    bert = build_transformer_model(config)
    scores = keras.layers.Dense(3, name="Scores")(GlobalAveragePooling1D()(bert.output))
    return keras.Model(bert.inputs, scores)


@pytest.mark.parametrize("baseline", [None, MASKED])
def test_attributions_add_up_to_the_difference_of_the_outputs(classifier, baseline):
    found = integrated_gradients(classifier, INPUTS, [1, 2], baseline, steps=16)
    np.testing.assert_allclose(found.tokens.sum(1), found.differences, atol=2e-5)
    assert found.tokens.shape == (2, 7) and not found.tokens[0, 5:].any()  # padding
    after = ops.convert_to_numpy(classifier(INPUTS))[[0, 1], [1, 2]]
    if baseline is not None:
        low = ops.convert_to_numpy(classifier([baseline, INPUTS[1]]))[[0, 1], [1, 2]]
        np.testing.assert_allclose(found.differences, after - low, atol=1e-5)
        unchanged = IDS == baseline
        assert not found.tokens[unchanged].any() and found.tokens[~unchanged].all()


def test_of_a_linear_model_they_are_the_weights_times_the_vectors():
    ids = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(9, 4, embeddings_initializer="normal", name="Words")(ids)
    model = keras.Model(ids, keras.layers.Dense(2, name="Linear")(ops.sum(vectors, 1)))
    x = np.array([[1, 2, 3]])
    table, kernel = model.get_layer("Words").get_weights()[0], model.get_layer("Linear").kernel
    found = integrated_gradients(model, x, 1, steps=1, layer="Words")
    wanted = table[x[0]] @ ops.convert_to_numpy(kernel)[:, 1]
    np.testing.assert_allclose(found.tokens[0], wanted, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    "options, match",
    [
        ({"target": 3}, "`target` must be the number of an output"),
        ({"target": -1}, "`target` must be the number of an output"),
        ({"layer": "Embedding"}, "`layer` must be one of"),
        ({"steps": 0}, "`steps` must be an integer of at least 1"),
        ({"baseline_ids": [1, 2]}, "`baseline_ids` must be ids like"),
    ],
)
def test_bad_arguments_are_refused(classifier, options, match):
    with pytest.raises(ValueError, match=match):
        integrated_gradients(classifier, INPUTS, **{"target": 0, **options})
