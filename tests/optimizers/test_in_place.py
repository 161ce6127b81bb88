"""Updates in place equal the plain ones."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.optimizers import Adam


def numbers(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("float32")


@pytest.fixture
def adam():
    return Adam(0.1)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-6), ("bfloat16", 2e-2)])
@pytest.mark.parametrize("shape", [(), (0,), (3, 4)])
@pytest.mark.parametrize("scale", [None, 0.25, ops.array(0.25)])
def test_assign_sub(adam, shape, dtype, tolerance, scale):
    before, x = numbers(*shape), numbers(*shape) + 1
    variable = keras.Variable(before, dtype=dtype)
    scale = scale if scale is None or isinstance(scale, float) else ops.cast(scale, dtype)
    adam.assign_sub(variable, ops.cast(x, dtype), scale)
    expected = before - (1 if scale is None else 0.25) * x
    found = ops.convert_to_numpy(ops.cast(variable, "float32"))
    np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.parametrize("scale", [None, 3.0])
@pytest.mark.parametrize("squared", [False, True])
def test_accumulate(adam, scale, squared):
    before, x = numbers(3, 4), numbers(4, 3).T + 1
    slot = keras.Variable(before)
    adam.accumulate(slot, 0.75, ops.array(x), ops.array(x) if squared else None, scale=scale)
    expected = 0.75 * before + (0.25 if scale is None else scale) * (x * x if squared else x)
    np.testing.assert_allclose(ops.convert_to_numpy(slot), expected, rtol=1e-6, atol=1e-6)
