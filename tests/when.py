"""What `make test` leaves to `make test-all`."""

import os

import keras
import pytest

SLOW = bool(os.environ.get("KERASX_SLOW"))
COMPILES = keras.backend.backend() != "torch"

in_test_all = pytest.mark.skipif(not SLOW, reason="a longer check: set KERASX_SLOW=1")
compiled_in_test_all = pytest.mark.skipif(
    COMPILES and not SLOW, reason="minutes on TensorFlow and JAX, which compile: set KERASX_SLOW=1"
)
jax_in_test_all = pytest.mark.skipif(
    keras.backend.backend() == "jax" and not SLOW,
    reason="minutes on JAX, which compiles each operation: set KERASX_SLOW=1",
)
