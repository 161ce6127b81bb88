"""WEISSI: blind to scales that cancel out, finite at zero."""

import doctest

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import regularizers
from kerasx.regularizers import WEISSI, weissi
from tests.losses.derivatives import gradient

RNG = np.random.default_rng(0)
W = [RNG.normal(size=shape).astype("float32") for shape in ((4, 3), (3, 5))]


def total(weights, lam1=1.0, lam2=1.0):
    return sum(float(weissi(ops.convert_to_tensor(w), lam1, lam2)) for w in weights)


def test_the_value_is_the_formula():
    norms = [np.linalg.norm(w) for w in W]
    wanted = sum(0.3 * np.log(n) + 0.2 * np.abs(w / n).sum() for w, n in zip(W, norms))
    assert total(W, 0.3, 0.2) == pytest.approx(wanted, rel=1e-5)


def test_scales_that_cancel_between_layers_change_nothing_and_l2_changes():
    moved = [8 * W[0], W[1] / 8]
    x = RNG.normal(size=(2, 4)).astype("float32")
    np.testing.assert_allclose(
        np.maximum(x @ moved[0], 0) @ moved[1], np.maximum(x @ W[0], 0) @ W[1], rtol=1e-5
    )
    assert total(moved) == pytest.approx(total(W), rel=1e-5)
    assert sum((w**2).sum() for w in moved) > 2 * sum((w**2).sum() for w in W)


def test_the_second_term_does_not_see_any_scale():
    assert total([100 * W[0]], 0.0) == pytest.approx(total([W[0]], 0.0), rel=1e-5)


def test_the_first_term_is_weight_decay_by_the_square_of_the_norm():
    grad = gradient(lambda w: weissi(w, 1.0, 0.0), W[0])
    np.testing.assert_allclose(grad, W[0] / np.square(W[0]).sum(), rtol=1e-5)


def test_zero_weights_have_a_finite_penalty_and_no_gradient():
    zero = np.zeros((3, 2), "float32")
    assert total([zero]) == pytest.approx(np.log(1e-12) / 2)
    grad = gradient(lambda w: weissi(w, 1.0, 1.0), zero)
    assert np.isfinite(grad).all() and not grad.any()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_weights_are_summed_in_float32(dtype):
    w = np.full((64, 64), 300.0, "float32")  # the sum of squares is above 65504
    got = weissi(ops.cast(w, dtype), 1.0, 0.0)
    assert float(got) == pytest.approx(np.log(300 * 64), rel=1e-2)


def test_its_config_round_trips():
    made = WEISSI(0.3, 0.2, 1e-8)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(again) is WEISSI and again.get_config() == made.get_config()
    assert made.get_config() == {"lam1": 0.3, "lam2": 0.2, "epsilon": 1e-8}


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_a_layer_adds_it_to_the_loss_in_fit(policy):
    inputs = keras.Input((4,))
    layer = keras.layers.Dense(3, kernel_regularizer=WEISSI(0.5, 0.1), dtype=policy)
    model = keras.Model(inputs, layer(inputs))
    jit = keras.backend.backend() != "torch"
    model.compile(keras.optimizers.SGD(0.0), lambda y, p: 0 * ops.sum(p, -1), jit_compile=jit)
    loss = model.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0).history["loss"][0]
    assert loss == pytest.approx(total([layer.get_weights()[0]], 0.5, 0.1), rel=1e-3)


def test_examples_in_docstrings_are_true():
    assert doctest.testmod(regularizers).failed == 0
