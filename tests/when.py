"""What `make test` leaves to `make test-all`."""

import os
import zlib

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
SHARED = ("backend", "generation", "layers", "losses", "models", "parity", "probing", "training")


def share_out(items):
    """Let each case of a parametrized test run on TensorFlow or on JAX; PyTorch has all of them.

    Compiling takes minutes, and what is tested is written once, in keras.ops.
    """
    other = {"tensorflow": 1, "jax": 0}.get(keras.backend.backend())
    skip = pytest.mark.skip(reason="on the other of TensorFlow and JAX: set KERASX_SLOW=1")
    for item in () if SLOW or other is None else items:
        shared = item.path.parent.name in SHARED and hasattr(item, "callspec")
        if shared and zlib.crc32(item.name.encode()) % 2 == other:
            item.add_marker(skip)
