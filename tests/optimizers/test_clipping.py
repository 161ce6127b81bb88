"""Soft clipping of the whole gradient's norm."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from kerasx.optimizers import extend_with_soft_clipping
from kerasx.optimizers.clipping import soft_clip

SGD = extend_with_soft_clipping(keras.optimizers.SGD)


def clipped(gradients, gamma):
    tensors = [ops.convert_to_tensor(np.asarray(g, "float32")) for g in gradients]
    return [ops.convert_to_numpy(g) for g in soft_clip(tensors, gamma)]


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=4, max_size=4), st.floats(1e-2, 1e3))
@settings(max_examples=15, deadline=None)
def test_it_lies_between_half_of_hard_clipping_and_hard_clipping(values, gamma):
    norm, got = np.linalg.norm(values), clipped([values], gamma)[0]
    hard = min(1, gamma / norm) if norm else 1
    for g, c in zip(values, got):
        assert 0.4999 * hard * abs(g) - 1e-6 <= abs(c) <= 1.0001 * hard * abs(g) + 1e-6


def test_the_norm_is_that_of_all_gradients_and_none_stays_none():
    a, b = clipped([[3.0], [[4.0]]], 5.0)
    assert (a.tolist(), b.tolist()) == ([1.5], [[2.0]])
    assert soft_clip([None, ops.ones((2,))], 1.0)[0] is None


def test_it_makes_the_best_step_of_a_function_that_is_l0_l1_smooth():
    l0, l1, theta = 16.0, 1.0, 3.0
    g = 4 * theta**3
    (got,) = clipped([[g]], l0 / l1)
    np.testing.assert_allclose(got / l0, g / (l0 + l1 * g), rtol=1e-6)


def test_it_descends_where_gradient_descent_explodes():
    """θ⁴ from θ = 6 at rate 1 / 16."""
    soft = keras.Variable([6.0])
    optimizer = SGD(1 / 16, soft_clipnorm=16.0)
    for _ in range(50):
        value = ops.convert_to_numpy(soft)
        optimizer.apply([ops.convert_to_tensor(4 * value**3)], [soft])
        assert abs(ops.convert_to_numpy(soft)[0]) < abs(value[0])
    assert abs(value[0]) < 0.5


def test_limits_are_plain_and_normalized_gradients():
    g = [3.0, 4.0]
    np.testing.assert_allclose(clipped([g], 1e9)[0], g, rtol=1e-6)
    np.testing.assert_allclose(clipped([g], 1e-6)[0] / 1e-6, [0.6, 0.8], rtol=1e-6)


def test_the_base_clips_first():
    theta = keras.Variable([0.0, 0.0])
    SGD(1.0, soft_clipnorm=1.0, global_clipnorm=1.0).apply([ops.array([30.0, 40.0])], [theta])
    np.testing.assert_allclose(ops.convert_to_numpy(theta), [-0.3, -0.4], rtol=1e-6)


def test_without_a_norm_it_is_the_base():
    theta = keras.Variable([0.0, 0.0])
    SGD(1.0).apply([ops.array([30.0, 40.0])], [theta])
    assert ops.convert_to_numpy(theta).tolist() == [-30.0, -40.0]


@pytest.mark.parametrize("gamma", [0, -1.0])
def test_a_norm_that_is_not_positive_is_an_error(gamma):
    with pytest.raises(ValueError, match="`soft_clipnorm` must be .*Received: soft_clipnorm="):
        SGD(1.0, soft_clipnorm=gamma)


def test_an_instance_is_no_base():
    with pytest.raises(ValueError, match="`BaseOptimizer` must be a class"):
        extend_with_soft_clipping(keras.optimizers.SGD(0.1))
