"""Adam with and without bias correction."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.optimizers import Adam


def run(optimizer, steps=10):
    theta = keras.Variable(np.ones((3, 2), "float32"))
    random = np.random.default_rng(0)
    for _ in range(steps):
        g = random.normal(size=(3, 2)).astype("float32")
        optimizer.apply([ops.convert_to_tensor(g)], [theta])
    return ops.convert_to_numpy(theta)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_with_correction_it_is_the_adam_of_keras(amsgrad):
    settings = dict(learning_rate=0.01, epsilon=1e-6, amsgrad=amsgrad)
    expected = run(keras.optimizers.Adam(**settings))
    np.testing.assert_allclose(run(Adam(**settings)), expected, rtol=1e-6)


def test_without_correction_the_first_step_is_larger_by_the_ratio_of_the_biases():
    corrected = 1 - run(Adam(0.01), 1)
    plain = 1 - run(Adam(0.01, bias_correction=False), 1)
    np.testing.assert_allclose(plain / corrected, 0.1 / 0.001**0.5, rtol=1e-3)
