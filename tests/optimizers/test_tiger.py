"""Tiger: its rules for each kind of variable, accumulation without a buffer, and bad gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.optimizers import Tiger


def variable(value, name="kernel"):
    return keras.Variable(np.asarray(value, "float32"), name=name)


def steps(optimizer, theta, gradients):
    for g in gradients:
        optimizer.apply([ops.convert_to_tensor(np.asarray(g, "float32"))], [theta])
    return ops.convert_to_numpy(theta)


def change(value, name, **settings):
    """Return θ' - θ of one step on gradients of ones, without decay."""
    settings = {"learning_rate": 0.01, "weight_decay": 0.0, **settings}
    return steps(Tiger(**settings), variable(value, name), [np.ones_like(value)]) - value


@pytest.mark.parametrize("name", ["bias", "beta", "gamma", "scale", "offset"])
def test_names_of_vectors_take_half_the_rate_whatever_their_shape(name):
    for shape in [(3,), (2, 3), (1, 1, 4)]:
        np.testing.assert_allclose(change(np.full(shape, 7.0), name), -0.005, rtol=1e-3)


def test_the_matrix_biases_of_attention_and_the_scale_of_rms_normalization_are_vectors():
    attention = keras.layers.MultiHeadAttention(2, 3)
    attention.build((None, 4, 6), (None, 4, 6))
    norm = keras.layers.RMSNormalization()
    norm.build((None, 6))
    optimizer = Tiger()
    weights = attention.trainable_variables + norm.trainable_variables
    optimizer.build(weights)
    for v, rule in zip(weights, optimizer._rules):
        assert rule.vector == (v.name in ("bias", "scale"))
        assert rule.decay == (0.0 if rule.vector else 0.01)
        assert rule.center == (v.name == "scale")


def test_a_shape_with_one_long_axis_is_a_vector():
    np.testing.assert_allclose(change(np.full((1, 4), 7.0), "weight"), -0.005, rtol=1e-3)


def test_a_matrix_moves_by_the_rate_relative_to_its_size():
    value = np.random.default_rng(0).normal(size=(5, 4))
    moved = change(value, "kernel")
    np.testing.assert_allclose(moved, -0.01 * np.sqrt((value**2).mean()), rtol=1e-4)


def test_each_row_of_an_embedding_has_its_own_scale():
    moved = change(np.outer([1.0, 2.0, 4.0], np.ones(3)), "embeddings")
    np.testing.assert_allclose(moved, np.outer([-0.01, -0.02, -0.04], np.ones(3)), rtol=1e-4)


def test_the_step_does_not_depend_on_the_scale_of_the_gradient():
    value, g = np.ones((3, 2)), np.array([[1.0, -2.0], [3.0, 4.0], [-5.0, 6.0]])
    small = steps(Tiger(), variable(value), [g * 1e-6] * 3)
    np.testing.assert_array_equal(small, steps(Tiger(), variable(value), [g * 1e6] * 3))


@pytest.mark.parametrize("name", ["kernel", "lora_kernel_b", "embeddings"])
def test_zeros_move_unless_the_floor_is_taken_away(name):
    zeros = np.zeros((4, 4))
    np.testing.assert_allclose(change(zeros, name), -0.01 * 1e-3, rtol=1e-5)
    np.testing.assert_array_equal(change(zeros, name, min_rms=0.0), zeros)


def test_lora_learns_from_its_zero_matrix():
    dense = keras.layers.Dense(3)
    dense.build((None, 4))
    dense.enable_lora(2)
    model = keras.Sequential([keras.Input((4,)), dense])
    model.compile(Tiger(1e-2), "mse")
    before = ops.convert_to_numpy(dense.lora_kernel_b)
    model.train_on_batch(np.eye(4), np.ones((4, 3)))
    assert not before.any()
    assert ops.convert_to_numpy(dense.lora_kernel_b).all()


def test_weight_decay_leaves_out_vectors_and_what_is_excluded():
    zero = np.zeros((2, 2))
    assert (
        steps(Tiger(0.1), variable(zero + 2), [zero]) == np.float32(2 - 0.1 * 2 * 0.01 * 2)
    ).all()
    assert (steps(Tiger(0.1), variable(zero + 2, "bias"), [zero]) == 2).all()
    optimizer = Tiger(0.1)
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    assert (steps(optimizer, variable(zero + 2), [zero]) == 2).all()


@pytest.mark.parametrize("name", ["kernel", "bias", "embeddings"])
def test_accumulation_equals_the_mean_gradient_without_another_slot(name):
    random = np.random.default_rng(1)
    value, k = random.normal(size=(4, 3)), 3
    gradients = random.normal(size=(4 * k, 4, 3))
    many, one = Tiger(grad_accum_steps=k), Tiger()
    got = steps(many, variable(value, name), gradients)
    means = gradients.reshape(4, k, 4, 3).mean(1)
    np.testing.assert_allclose(got, steps(one, variable(value, name), means), rtol=1e-6)
    assert len(many.variables) == len(one.variables) == 3  # iteration, rate, momentum


def test_parameters_rest_between_updates():
    theta, optimizer = variable([1.0, 2.0], "bias"), Tiger(0.1, grad_accum_steps=3)
    for t in range(1, 7):
        before = ops.convert_to_numpy(theta)
        moved = (steps(optimizer, theta, [[1.0, 1.0]]) != before).any()
        assert moved == (t % 3 == 0)


def test_equal_betas_make_it_lion_on_vectors():
    random = np.random.default_rng(3)
    gradients = random.normal(size=(20, 6))
    lion = keras.optimizers.Lion(0.005, beta_1=0.9, beta_2=0.9)
    expected = steps(lion, variable(np.ones(6), "bias"), gradients)
    got = steps(Tiger(0.01, beta=0.9), variable(np.ones(6), "bias"), gradients)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(("name", "center"), [("kernel", 0), ("gamma", 1), ("scale", 1)])
def test_a_bad_gradient_shrinks_its_variable_and_keeps_the_momentum(name, center, bad):
    theta, optimizer = variable(np.full((2, 2), 3.0), name), Tiger(0.0, shrink_ratio=0.9)
    steps(optimizer, theta, [np.ones((2, 2))])
    momentum = ops.convert_to_numpy(optimizer._momenta[0])
    got = steps(optimizer, theta, [[[bad, 1.0], [1.0, 1.0]]])
    np.testing.assert_allclose(got, (3 - center) * 0.9 + center, rtol=1e-6)
    np.testing.assert_array_equal(ops.convert_to_numpy(optimizer._momenta[0]), momentum)


def test_a_bad_gradient_of_one_variable_leaves_the_others_alone():
    thetas, optimizer = [variable([1.0, 1.0], "bias"), variable([1.0, 1.0], "beta")], Tiger(0.1)
    optimizer.apply([ops.array([np.nan, 1.0]), ops.array([1.0, 1.0])], thetas)
    np.testing.assert_allclose(ops.convert_to_numpy(thetas[1]), 0.95, rtol=1e-6)


def test_the_schedule_counts_micro_steps_and_survives_json():
    optimizer = Tiger(0.1, lr_schedule={"2": 1, 4: "0.5"}, grad_accum_steps=2)
    assert optimizer.get_config()["lr_schedule"] == {2: 1.0, 4: 0.5}
    theta = variable([1.0], "bias")
    # updates at micro-steps 1, 3, 5 with factors 0.5, 0.75, 0.5
    got = [steps(optimizer, theta, [[1.0]] * 2)[0] for _ in range(3)]
    np.testing.assert_allclose(got, [0.975, 0.9375, 0.9125], rtol=1e-6)


@pytest.mark.parametrize("k", [0, -1, 1.5])
def test_fewer_than_one_micro_batch_is_an_error(k):
    with pytest.raises(ValueError, match="`grad_accum_steps` must be an integer of at least 1"):
        Tiger(grad_accum_steps=k)
