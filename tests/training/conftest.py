"""Float64 where the backend has it."""

import keras
import pytest

from tests.training.models import FLOAT64


@pytest.fixture
def floats64():
    """Use float64 within the test, where the backend has it."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    if FLOAT64:
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])
