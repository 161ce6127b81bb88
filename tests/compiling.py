"""Values of `jit_compile` for tests of training steps, by backend."""

import keras
import pytest

BACKEND = keras.backend.backend()
# values of `jit_compile`; on PyTorch compiling takes minutes of C++
JIT = [False] if BACKEND == "torch" else [False, True]
# on JAX a step without jit compiles each of its operations by itself
WITHOUT_JIT = [pytest.mark.slow("JAX compiles each operation")] if BACKEND == "jax" else []

each_jit = pytest.mark.parametrize(
    "jit_compile", [pytest.param(jit, marks=[] if jit else WITHOUT_JIT) for jit in JIT]
)


def each_jit_of(argument, values, quick):
    """Parametrize with each value and each `jit_compile`; on JAX `quick` runs without jit, too."""
    cases = [
        pytest.param(value, jit, marks=[] if jit or value == quick else WITHOUT_JIT)
        for value in values
        for jit in JIT
    ]
    return pytest.mark.parametrize(f"{argument}, jit_compile", cases)
