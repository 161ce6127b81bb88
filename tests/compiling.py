"""Values of `jit_compile` for tests of training steps, by backend."""

import keras
import pytest

BACKEND = keras.backend.backend()
# values of `jit_compile`: TensorFlow has its graph and XLA; JAX without jit would compile one
# operation after the other, which no `fit` does unless told; on PyTorch it is minutes of C++
JIT = {"tensorflow": [False, True], "jax": [True], "torch": [False]}[BACKEND]
each_jit = pytest.mark.parametrize("jit_compile", JIT)
