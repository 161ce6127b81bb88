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
SHARED = "callbacks generation layers losses models optimizers parity probing training".split()


def share_out(items):
    """Let a fifth of the tests run on TensorFlow and another on JAX; PyTorch has all of them.

    Compiling takes minutes, and what is tested is written once, in keras.ops. What knows the
    backends, kerasx/backend, is tested whole on each, but for parametrized cases.
    """
    fifth = {"tensorflow": 0, "jax": 1}.get(keras.backend.backend())
    skip = pytest.mark.skip(reason="tried on PyTorch, and a fifth on each other: set KERASX_SLOW=1")
    for item in () if SLOW or fifth is None else items:
        folder = item.path.parent.name
        shared = folder in SHARED or folder == "backend" and hasattr(item, "callspec")
        shared = shared and not item.get_closest_marker("skipif")  # it may run on one of them only
        if shared and zlib.crc32(item.name.encode()) % 5 != fifth:
            item.add_marker(skip)
