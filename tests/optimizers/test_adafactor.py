"""AdaFactor: the factored second moment, clipping and the parameter scale."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.optimizers import AdaFactor
from kerasx.optimizers.adafactor import factored_axes


def run(gradients, value, name="kernel", **settings):
    theta = keras.Variable(np.asarray(value, "float32"), name=name)
    optimizer = AdaFactor(**{"min_dim_size_to_factor": 2, **settings})
    for g in gradients:
        optimizer.apply([ops.convert_to_tensor(np.asarray(g, "float32"))], [theta])
    return ops.convert_to_numpy(theta), optimizer


def floats(optimizer):
    return sum(int(np.prod(v.shape)) for v in optimizer.variables[2:])


def test_state_of_a_matrix_is_a_row_and_a_column():
    optimizer = AdaFactor()
    optimizer.build([keras.Variable(np.zeros((1024, 4096), "float32"), name="kernel")])
    assert floats(optimizer) == 5120


def test_kernels_of_attention_are_factored_over_their_two_longest_axes():
    assert factored_axes((768, 12, 64), 32) == (0, 2)
    assert factored_axes((12, 64, 768), 32) == (1, 2)
    _, optimizer = run([np.ones((6, 2, 4))], np.ones((6, 2, 4)), min_dim_size_to_factor=4)
    assert floats(optimizer) == 6 * 2 + 2 * 4


def test_each_slice_of_the_other_axes_is_factored_on_its_own():
    random = np.random.default_rng(0)
    gradients = random.normal(size=(5, 6, 2, 4))
    settings = dict(clipping_threshold=None, multiply_by_parameter_scale=False)
    whole, _ = run(gradients, np.ones((6, 2, 4)), min_dim_size_to_factor=4, **settings)
    for i in range(2):
        part, _ = run(gradients[:, :, i], np.ones((6, 4)), **settings)
        np.testing.assert_allclose(whole[:, i], part, rtol=1e-6)


@pytest.mark.parametrize("shape", [(5,), (1, 5), (3, 5)])
def test_vectors_and_small_matrices_keep_a_full_second_moment(shape):
    _, optimizer = run([np.ones(shape)], np.ones(shape), min_dim_size_to_factor=4)
    assert floats(optimizer) == np.prod(shape)


def test_factoring_is_exact_for_a_square_of_rank_one():
    g = np.outer([1.0, 2.0, -3.0], [4.0, -5.0])
    factored, _ = run([g, 2 * g, -g], np.ones((3, 2)), learning_rate=0.1)
    full, _ = run([g, 2 * g, -g], np.ones((3, 2)), learning_rate=0.1, min_dim_size_to_factor=9)
    np.testing.assert_allclose(factored, full, rtol=1e-5)


def test_row_and_column_keep_the_marginals_of_the_square():
    g = np.random.default_rng(0).normal(size=(5, 4))
    _, optimizer = run([g], np.ones((5, 4)))
    row, column = [ops.convert_to_numpy(s) for s in optimizer._second_moments[0]]
    v = row * column / row.mean()
    np.testing.assert_allclose(v.sum(0), (g**2).sum(0), rtol=1e-5)
    np.testing.assert_allclose(v.sum(1), (g**2).sum(1), rtol=1e-5)


def test_the_scale_of_the_loss_does_not_matter():
    gradients = np.random.default_rng(0).normal(size=(5, 4, 3))
    small, _ = run(gradients * 1e-6, np.ones((4, 3)))
    large, _ = run(gradients * 1e6, np.ones((4, 3)))
    np.testing.assert_allclose(small, large, rtol=1e-5)


def test_zeros_move_by_the_rate_times_epsilon2():
    moved, _ = run([np.ones((3, 3))], np.zeros((3, 3)), learning_rate=1e-3)
    np.testing.assert_allclose(moved, -1e-6, rtol=1e-5)


def test_zero_gradients_move_nothing():
    moved, _ = run([np.zeros((3, 3))] * 2, np.ones((3, 3)), learning_rate=0.1)
    np.testing.assert_array_equal(moved, 1)


def test_without_a_rate_the_step_is_relative_and_falls():
    value, gradients = np.full((2, 2), 2.0), [np.ones((2, 2))]
    moved, optimizer = run(gradients, value, learning_rate=None)
    np.testing.assert_allclose(moved, 2 - 0.01 * 2, rtol=1e-6)
    assert optimizer.get_config()["learning_rate"] is None
    assert float(optimizer._learning_rate(39_999)) == pytest.approx(0.005)
    moved, _ = run(gradients, value, learning_rate=None, multiply_by_parameter_scale=False)
    np.testing.assert_allclose(moved, 2 - 0.05 * 0.01, rtol=1e-6)


def test_excluded_variables_have_no_parameter_scale():
    settings = dict(learning_rate=0.1, exclude_from_parameter_scale=["kern"])
    moved, _ = run([np.ones((2, 2))], np.full((2, 2), 5.0), **settings)
    np.testing.assert_allclose(moved, 4.9, rtol=1e-6)


def test_the_first_moment_costs_a_slot_only_where_it_is_wanted():
    _, optimizer = run([np.ones((4, 4))], np.ones((4, 4)), beta1=0.9)
    assert floats(optimizer) == 16 + 8


def test_a_given_beta2_is_constant():
    _, optimizer = run([[1.0, 1.0]], [1.0, 1.0], beta2=0.9, name="bias")
    np.testing.assert_allclose(ops.convert_to_numpy(optimizer._second_moments[0][0]), 0.1, 1e-5)
