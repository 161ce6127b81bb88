"""Initial values: the distribution they say, and the same on every backend."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.initializers import TruncatedNormal
from kerasx.layers import FeedForward, GlobalPointer, MultiHeadAttention

FIRST = [0.03042660653591156, -0.05515843257308006]


def draw(*args, shape=(300, 1001), **kwargs):
    return ops.convert_to_numpy(TruncatedNormal(*args, **kwargs)(shape))


def test_values_are_those_of_a_normal_within_two_deviations():
    ours = draw(mean=1.0, stddev=0.5, seed=3)
    theirs = keras.initializers.TruncatedNormal(mean=1.0, stddev=0.5, seed=3)(ours.shape)
    levels = np.linspace(0.01, 0.99, 99)
    expected = np.quantile(ops.convert_to_numpy(theirs), levels)
    np.testing.assert_allclose(np.quantile(ours, levels), expected, atol=0.006)
    assert ours.min() > 0 and ours.max() < 2


def test_a_seed_gives_the_same_values_and_each_initializer_others():
    np.testing.assert_array_equal(draw(seed=3), draw(seed=3))
    assert (draw(seed=3) != draw(seed=4)).mean() > 0.99
    assert (draw() != draw()).mean() > 0.99
    # of one backend, and thereby of every other
    np.testing.assert_allclose(draw(seed=3, shape=(2,)), FIRST, rtol=1e-6)


def test_neighbours_are_independent():
    x = draw(seed=5, shape=(400, 256))
    x = x / x.std()
    assert abs((x[:, 1:] * x[:, :-1]).mean()) < 0.02
    assert abs((x[1:] * x[:-1]).mean()) < 0.02


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_dtype_is_the_one_asked_for(dtype):
    x = TruncatedNormal(seed=1)((), dtype)
    assert keras.backend.standardize_dtype(x.dtype) == dtype and ops.shape(x) == ()


def test_a_seed_generator_draws_anew_each_time():
    initializer = TruncatedNormal(seed=keras.random.SeedGenerator(1))
    first, second = (ops.convert_to_numpy(initializer((50,))) for _ in range(2))
    assert (first != second).any() and np.abs(first).max() < 0.11


def test_the_configuration_comes_back():
    initializer = TruncatedNormal(stddev=0.1, seed=7)
    again = keras.initializers.deserialize(keras.initializers.serialize(initializer))
    assert type(again) is TruncatedNormal and again.get_config() == initializer.get_config()


@pytest.mark.parametrize("layer", [MultiHeadAttention(2, 4), FeedForward(6), GlobalPointer(2, 4)])
def test_layers_take_a_function_for_an_initializer(layer):
    config = {**layer.get_config(), "kernel_initializer": lambda shape, dtype=None: ops.ones(shape)}
    made = type(layer)(**config)
    x = ops.ones((1, 3, 8))
    made([x, x, x] if isinstance(layer, MultiHeadAttention) else x)
    kernels = [w for w in made.weights if "kernel" in w.path]
    assert kernels and all(float(ops.min(w)) == float(ops.max(w)) == 1 for w in kernels)
