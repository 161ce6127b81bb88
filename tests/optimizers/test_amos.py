"""Amos's learning rate and decay with the directions of other optimizers."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.optimizers import AmosDecay, ExponentiatedGradient, extend_with_amos

Adam, SGD, Lion = keras.optimizers.Adam, keras.optimizers.SGD, keras.optimizers.Lion


def step(cls, value, gradient, name="kernel", rate=0.01, no_decay=False, **settings):
    """Return θ after one step as a NumPy array."""
    theta = keras.Variable(np.asarray(value, "float32"), name=name)
    optimizer = extend_with_amos(cls)(rate, **settings)
    if no_decay:
        optimizer.exclude_from_weight_decay(var_names=[name])
    optimizer.apply([ops.convert_to_tensor(np.asarray(gradient, "float32"))], [theta])
    return ops.convert_to_numpy(theta)


def pair(shape=(4, 3)):
    return np.random.default_rng(0).normal(size=(2, *shape))


@pytest.mark.parametrize("square", [False, True])
def test_the_decay_is_one_at_first_and_a_half_after_the_half_life(square):
    decay = AmosDecay(70, base=3.0, square=square)
    np.testing.assert_allclose([float(decay(0)), float(decay(70))], [3, 1.5], rtol=1e-6)


def test_the_square_form_is_the_equation():
    p, alpha0 = 0.3, 0.01
    decay = AmosDecay((2**0.5 - 1) / (alpha0 * p), square=True)
    np.testing.assert_allclose(float(decay(500)), (alpha0 * p * 500 + 1) ** -2, rtol=1e-5)


@pytest.mark.parametrize("cls", [Adam, SGD, Lion, ExponentiatedGradient])
def test_the_first_step_of_a_matrix_is_the_rate_relative_to_its_norm(cls):
    value, g = pair()
    moved = step(cls, value, g, no_decay=True) - value
    np.testing.assert_allclose(np.linalg.norm(moved), 0.01 * np.linalg.norm(value), rtol=1e-4)


def test_vectors_have_half_the_rate_at_each_entry():
    moved = step(SGD, np.full(4, 9.0), np.full(4, 3.0), name="bias", no_decay=True)
    np.testing.assert_allclose(moved, 9 - 0.005, rtol=1e-6)


def test_only_the_direction_of_the_base_counts():
    value, g = pair()
    np.testing.assert_allclose(step(SGD, value, g), step(SGD, value, 1e4 * g), rtol=1e-5)


def test_the_decay_is_absolute():
    zero = np.zeros((2, 2))
    moved = step(SGD, zero + 3, zero, rate=0.2, q=2.0)
    np.testing.assert_allclose(moved, 3 - 0.2**2 / 4 * 3, rtol=1e-6)


def test_with_the_current_norm_it_is_lamb():
    theta = keras.Variable(np.ones((3, 2), "float32"), name="kernel")
    optimizer = extend_with_amos(SGD)(0.1, norm="current")
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    expected, random = np.ones((3, 2)), np.random.default_rng(0)
    for _ in range(5):
        g = random.normal(size=(3, 2))
        optimizer.apply([ops.convert_to_tensor(g.astype("float32"))], [theta])
        expected = expected - 0.1 * np.linalg.norm(expected) * g / np.linalg.norm(g)
    np.testing.assert_allclose(ops.convert_to_numpy(theta), expected, rtol=1e-5)


def test_zeros_can_move_and_zero_gradients_do_nothing():
    assert step(SGD, np.zeros((2, 2)), np.ones((2, 2))).all()
    assert not step(SGD, np.zeros((2, 2)), np.zeros((2, 2))).any()


def test_rate_and_decay_fall_together():
    theta = keras.Variable(np.full((2, 2), 3.0, "float32"), name="kernel")
    optimizer = extend_with_amos(SGD)(0.1, half_life=1)
    moves, before = [], 3.0
    for _ in range(2):
        optimizer.apply([ops.ones((2, 2))], [theta])
        after = float(ops.convert_to_numpy(theta)[0, 0])
        moves.append(before - after)
        before = after
    np.testing.assert_allclose(moves[0], 0.1 * 3 + 0.005 * 3, rtol=1e-5)
    np.testing.assert_allclose(moves[1], (0.1 * 3 + 0.005 * (3 - moves[0])) / 2, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "argument"),
    [
        ({"norm": "none"}, "norm"),
        ({"q": 0.0}, "q"),
        ({"half_life": 0}, "half_life"),
        ({"weight_decay": 0.1}, "weight_decay"),
    ],
)
def test_wrong_settings_are_errors(settings, argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be .*Received: {argument}="):
        extend_with_amos(SGD)(0.1, **settings)
