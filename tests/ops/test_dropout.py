"""Dropout: exact factors, a mask that the seed's state decides, the rate asked for."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import backend
from kerasx.ops import dropout
from tests.gradients import gradient


def drop(x, rate, seed=7):
    return dropout(ops.convert_to_tensor(x), rate, keras.random.SeedGenerator(seed))


def numbers(x):
    return ops.convert_to_numpy(ops.cast(x, "float32"))


@pytest.mark.parametrize("shape", [(0,), (1,), (3,), (5, 7), (2, 3, 4)])
def test_elements_are_zero_or_multiplied_by_one_over_the_probability_to_stay(shape):
    x = np.random.default_rng(0).uniform(1, 2, shape).astype("float32")
    y, r = numbers(drop(x, 0.3)), round(0.3 * 65536)
    assert y.shape == shape
    np.testing.assert_allclose(y[y != 0], x[y != 0] * (65536 / (65536 - r)), rtol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_of_zeros_is_the_rate_at_even_and_odd_places(rate):
    y = numbers(drop(np.ones(200_000, "float32"), rate))
    deviation = (rate * (1 - rate) / 100_000) ** 0.5
    for places in (y[::2], y[1::2], y[:100_000]):
        assert abs((places == 0).mean() - rate) < 5 * deviation
    both = ((y[::2] == 0) & (y[1::2] == 0)).mean()
    assert abs(both - rate**2) < 5 * (rate**2 * (1 - rate**2) / 100_000) ** 0.5


def test_the_same_state_draws_the_same_mask_and_the_next_state_another():
    x, seed = np.ones(1000, "float32"), keras.random.SeedGenerator(3)
    state = ops.convert_to_numpy(seed.state.value).copy()
    first, second = (numbers(dropout(x, 0.5, seed)) for _ in range(2))
    seed.state.assign(state)
    again = numbers(dropout(x, 0.5, seed))
    assert (first == again).all() and (first != second).any()


@pytest.mark.parametrize("seeds", [(1, 2), (7, 7 + 2**16), (3, 1_000_006)])
def test_other_seeds_draw_independent_masks(seeds):
    first, second = (numbers(drop(np.ones(100_000, "float32"), 0.5, s)) == 0 for s in seeds)
    assert abs((first & second).mean() - 0.25) < 5 * (0.25 * 0.75 / 100_000) ** 0.5


def test_compiled_and_eager_draw_the_same_mask():
    x, layer = np.ones((4, 5), "float32"), keras.layers.Dropout(0.5, seed=3)
    state = ops.convert_to_numpy(layer.seed_generator.state.value).copy()
    run = backend.compiled(lambda x: dropout(x, 0.5, layer.seed_generator), [layer])
    compiled = numbers(run(x))
    layer.seed_generator.state.assign(state)
    assert (compiled == numbers(dropout(x, 0.5, layer.seed_generator))).all()


def test_the_gradient_is_the_mask():
    x = np.ones((3, 5), "float32")
    np.testing.assert_array_equal(gradient(lambda t: drop(t, 0.4), x), numbers(drop(x, 0.4)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_keeps_its_dtype_and_draws_the_mask_of_float32(dtype):
    x = np.full(64, 3.0, "float32")
    y = drop(ops.cast(x, dtype), 0.1)
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    exact = numbers(ops.cast(drop(x, 0.1), dtype))
    np.testing.assert_array_equal(numbers(y), exact)


def test_rates_zero_and_one_keep_and_drop_all():
    x = np.ones(9, "float32")
    assert (numbers(drop(x, 0.0)) == 1).all() and (numbers(drop(x, 1.0)) == 0).all()


def test_a_rate_out_of_range_is_refused():
    with pytest.raises(ValueError, match="`rate` must be a finite number of at least 0, of"):
        drop(np.ones(2, "float32"), 1.5)
