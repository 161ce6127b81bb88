"""Adam with and without bias correction."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.optimizers import Adam


def gradients(steps=10, size=1.0):
    random = np.random.default_rng(0)
    return [(size * random.normal(size=(3, 2))).astype("float32") for _ in range(steps)]


def run(optimizer, steps=10, size=1.0):
    theta = keras.Variable(np.ones((3, 2), "float32"))
    for g in gradients(steps, size):
        optimizer.apply([ops.convert_to_tensor(g)], [theta])
    return ops.convert_to_numpy(theta)


def adam(alpha, epsilon, steps=10, size=1.0, beta_1=0.9, beta_2=0.999):
    """Compute Algorithm 1 of arXiv 1412.6980 in float64, from 1."""
    theta, m, v = np.ones((3, 2)), 0, 0
    for t, g in enumerate(gradients(steps, size), 1):
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * np.square(g, dtype="f8")
        m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
        theta = theta - alpha * m_hat / (np.sqrt(v_hat) + epsilon)
    return theta


@pytest.mark.parametrize("size", [1.0, 1e-5, 1e-6, 1e-8])  # of the gradients: ε is 1e-6
def test_with_correction_it_is_the_algorithm_of_the_paper(size):
    expected = adam(0.01, 1e-6, size=size)
    np.testing.assert_allclose(run(Adam(0.01), size=size), expected, rtol=1e-6)
    kerass = run(keras.optimizers.Adam(0.01, epsilon=1e-6), size=size)
    assert (np.abs(kerass - expected).max() > 1e-4) == (size < 1e-4)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_with_correction_it_is_the_adam_of_keras_but_for_epsilon(amsgrad):
    settings = dict(learning_rate=0.01, epsilon=1e-12, amsgrad=amsgrad)
    expected = run(keras.optimizers.Adam(**settings))
    np.testing.assert_allclose(run(Adam(**settings)), expected, rtol=1e-6)


def test_without_correction_the_first_step_is_larger_by_the_ratio_of_the_biases():
    corrected = 1 - run(Adam(0.01), 1)
    plain = 1 - run(Adam(0.01, bias_correction=False), 1)
    np.testing.assert_allclose(plain / corrected, 0.1 / 0.001**0.5, rtol=1e-3)
