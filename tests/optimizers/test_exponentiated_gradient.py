"""Learning rates learnt by exponentiated gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.optimizers import ExponentiatedGradient


def run(gradients, **settings):
    """Return (θ, ν) after steps from θ = 0."""
    theta = keras.Variable(np.zeros(np.shape(gradients[0]), "float32"))
    optimizer = ExponentiatedGradient(**{"learning_rate": 0.1, "normalize": False, **settings})
    for g in gradients:
        optimizer.apply([ops.convert_to_tensor(np.asarray(g, "float32"))], [theta])
    return ops.convert_to_numpy(theta), np.exp(ops.convert_to_numpy(optimizer._log_rates[0]))


def test_rates_are_the_exponential_of_the_summed_products():
    g = np.random.default_rng(0).normal(size=(9, 4))
    _, nu = run(g, meta_learning_rate=0.2, clip_log_rate=None)
    np.testing.assert_allclose(nu, np.exp(0.2 * (g[:-1] * g[1:]).sum(0)), rtol=1e-5)


def test_constant_gradients_make_rates_grow_exponentially():
    _, nu = run([[2.0]] * 6, meta_learning_rate=0.1)
    np.testing.assert_allclose(nu, np.exp(5 * 0.1 * 4), rtol=1e-5)


def test_alternating_gradients_make_rates_decay_but_stay_positive():
    _, nu = run([[2.0], [-2.0]] * 50, meta_learning_rate=10.0)
    np.testing.assert_allclose(nu, np.exp(-5), rtol=1e-5)


def test_without_meta_learning_it_is_sgd():
    g = np.random.default_rng(0).normal(size=(9, 4))
    theta, nu = run(g, meta_learning_rate=0.0)
    np.testing.assert_array_equal(nu, 1)
    np.testing.assert_allclose(theta, -0.1 * g.sum(0), rtol=1e-5)


def test_normalized_rates_do_not_depend_on_the_scale_of_the_gradient():
    g = np.random.default_rng(0).normal(size=(9, 4))
    for scale in (1e-6, 1e6):
        _, nu = run(g * scale, normalize=True)
        np.testing.assert_allclose(nu, run(g, normalize=True)[1], rtol=1e-5)


def test_zero_gradients_change_nothing():
    theta, nu = run([[0.0, 0.0]] * 3, normalize=True)
    assert (theta.tolist(), nu.tolist()) == ([0, 0], [1, 1])


@pytest.mark.parametrize(
    ("argument", "value"), [("meta_learning_rate", -0.1), ("clip_log_rate", 0.0)]
)
def test_wrong_settings_are_errors(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be a finite .*Received: {argument}="):
        ExponentiatedGradient(**{argument: value})
