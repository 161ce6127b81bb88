"""Layers that look rows up in a table give Keras's optimizers the gradient they expect."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import layers

X = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
IDS = np.array([[1, 1, 1, 2, 2, 3], [3, 1, 0, 1, 2, 1]], "int32")


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(
    "make, inputs, used",
    [
        (lambda: layers.Embedding(5, 4), IDS, [1, 2, 3]),
        (lambda: layers.PositionEmbedding(5, 4, custom_position_ids=True), [X, IDS], [1, 2, 3]),
        (
            lambda: layers.RelativePositionEmbedding(7, 4, "uniform", trainable=True),
            [X, X],
            range(7),
        ),
        (lambda: layers.RelativePositionEmbeddingT5(8, 4, 4), [X, X], [0, 1, 2, 3, 5, 6, 7]),
    ],
)
def test_an_optimizer_of_keras_sees_a_repeated_id_once(make, inputs, used, eager):
    """RMSprop without memory steps by the sign of the gradient, however often a row is used."""
    layer = make()
    symbolic = keras.tree.map_structure(lambda x: keras.Input(x.shape[1:], dtype=x.dtype), inputs)
    outputs = layer(symbolic)
    outputs = keras.layers.Lambda(lambda x: ops.mean(x, axis=(1, 2))[:1])(outputs)
    model = keras.Model(symbolic, outputs)
    rate = 0.5
    model.compile(keras.optimizers.RMSprop(rate, rho=0, epsilon=1e-12), "mse", run_eagerly=eager)
    before = ops.convert_to_numpy(layer.weights[0])
    model.train_on_batch(inputs, np.ones((1, *outputs.shape[1:]), "float32"))
    steps = np.abs(ops.convert_to_numpy(layer.weights[0]) - before)
    expected = np.zeros_like(steps)
    expected[list(used)] = rate  # of the first example, which alone has a loss
    np.testing.assert_allclose(steps, expected, rtol=1e-4)
