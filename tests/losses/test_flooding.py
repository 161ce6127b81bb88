"""Flooding keeps the batch mean from falling below b."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import losses
from kerasx.losses.flooding import flooded
from tests.losses.derivatives import gradient

X = np.array([3.0, 1.0], "float32")


def quadratic(x):
    return 0.5 * ops.sum(ops.square(x))  # 5 at X, with gradient X


@pytest.mark.parametrize("b, sign", [(4.0, 1), (6.0, -1)])
def test_the_gradient_turns_round_below_the_level(b, sign):
    assert float(flooded(quadratic(X), b)) == abs(5 - b) + b
    np.testing.assert_allclose(gradient(lambda x: flooded(quadratic(x), b), X), sign * X)


def test_level_zero_is_the_loss_itself():
    assert float(flooded(ops.array(0.3), 0)) == pytest.approx(0.3)


@pytest.mark.parametrize("step, b", [(1e-1, 4.9), (1e-2, 4.95)])
def test_down_and_up_is_a_gradient_penalty_to_second_order(step, b):
    x = X
    for _ in range(2):  # from 5 down to a loss below b, then up
        x = x - step * gradient(lambda x: flooded(quadratic(x), b), x)
    penalty = X - step**2 / 2 * gradient(lambda x: ops.sum(x**2), X)  # of |∇L|² = |x|²
    np.testing.assert_allclose(x, penalty, rtol=1e-6)


def test_the_mean_of_the_batch_is_flooded_and_not_each_example():
    y, s = np.zeros((2, 1), "float32"), np.array([[1.0], [0.0]], "float32")  # errors 1 and 0
    loss = losses.Flooding(keras.losses.MeanSquaredError(), 0.4)
    assert float(loss(y, s)) == pytest.approx(0.5)  # each for itself would be (1 + 0.8) / 2
    assert (gradient(lambda s: loss(y, s), s)[0] > 0).all()


def test_sample_weights_are_inside_what_is_flooded():
    y, s = np.zeros((2, 1), "float32"), np.array([[1.0], [0.0]], "float32")
    loss = losses.Flooding(keras.losses.MeanSquaredError(), 0.4)
    weights = np.array([0.2, 1.0], "float32")  # a mean of 0.1
    assert float(loss(y, s, weights)) == pytest.approx(0.7)


def test_training_stops_falling_at_the_level():
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    loss = losses.Flooding(keras.losses.MeanSquaredError(), 0.3)
    model.compile(keras.optimizers.SGD(0.05), loss, metrics=["mse"])
    x = np.linspace(-1, 1, 8)[:, None].astype("float32")
    history = model.fit(np.tile(x, (50, 1)), np.tile(3 * x, (50, 1)), 8, 3, verbose=0).history
    assert min(history["loss"]) >= 0.3 - 1e-6
    assert abs(history["mse"][-1] - 0.3) < 0.1


@pytest.mark.parametrize(
    "loss", [keras.losses.MeanSquaredError(reduction=None), "mse"], ids=["per example", "function"]
)
def test_a_loss_without_a_batch_mean_is_refused(loss):
    with pytest.raises(
        ValueError, match="`loss` must be a keras.losses.Loss that returns the mean"
    ):
        losses.Flooding(loss, 0.1)
