"""The contract table of kerasx.optimizers: one row for each name that makes an optimizer.

`test_contract.py` holds every row to the same tests. A name without a row fails a test.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import keras

from kerasx import optimizers
from tests.optimizers import references
from tests.optimizers.references import after

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True)
class Row:
    """An optimizer and its references for the contract.

    Args:
        name: name in kerasx.optimizers.
        make: (**keywords) -> a new optimizer; takes `learning_rate` and the keywords of
            keras.optimizers.Optimizer.
        reference: (values, gradients) -> values after all steps of `make()`, in NumPy and
            float64; values are {variable name: array}, gradients a list of such dicts.
        one_step: (variable name, value, gradient, expected) for `make()`, computed by hand.
        rates: first learning rates for "rosenbrock" and "matrix", which fall linearly to 0.
        slots: upper bound of the state, in floats for each float of a (256, 256) kernel.
        case: tells rows of the same name apart.
    """

    name: str
    make: Callable
    reference: Callable
    one_step: tuple
    rates: dict = field(default_factory=dict)
    slots: float = 2.0
    case: str = ""


def rates(rosenbrock, matrix):
    return {"rosenbrock": rosenbrock, "matrix": matrix}


def make(cls, **settings):
    """Return a function that makes the optimizer, with settings that keywords override."""
    return lambda **changes: cls(**{**settings, **changes})


AmosAdam = optimizers.extend_with_amos(keras.optimizers.Adam)
SoftAdam = optimizers.extend_with_soft_clipping(keras.optimizers.Adam)

ROWS = [
    Row(
        "Adam",
        make(optimizers.Adam, learning_rate=0.01, bias_correction=False),
        partial(after, references.adam, lr=0.01, correct=False),
        # m = 0.2, v = 0.004: 0.01 · 0.2 / √0.004 = 0.0316
        ("kernel", [[1.0, 1.0]], [[2.0, -2.0]], [[0.96837773, 1.03162227]]),
        rates(0.05, 0.05),
        case="without bias correction",
    ),
    Row(
        "Adam",
        make(optimizers.Adam, learning_rate=0.01),
        partial(after, references.adam, lr=0.01),
        ("kernel", [[1.0, 1.0]], [[2.0, -2.0]], [[0.99, 1.01]]),
        rates(0.3, 0.1),
    ),
    Row(
        "Tiger",
        make(optimizers.Tiger, learning_rate=0.01),
        partial(after, references.tiger, lr=0.01),
        # RMS = 5 / √2 · √2 = 5 with equal entries; 5 - 0.05 (±1 + 0.01 · 5)
        ("kernel", [[5.0, 5.0], [5.0, 5.0]], [[1.0, -9.0]] * 2, [[4.9475, 5.0475]] * 2),
        rates(0.1, 0.05),
        slots=1.0,
    ),
    Row(
        "Tiger",
        make(optimizers.Tiger, learning_rate=0.01, grad_accum_steps=2),
        partial(after, references.tiger, lr=0.01, k=2),
        ("bias", [1.0, 2.0], [1.0, 1.0], [1.0, 2.0]),
        rates(0.1, 0.1),
        slots=1.0,
        case="accumulating",
    ),
    Row(
        "AdaFactor",
        make(optimizers.AdaFactor, learning_rate=0.01, min_dim_size_to_factor=2),
        partial(after, references.adafactor, lr=0.01),
        # g² has rank one, so u = sign(g); RMS(θ) = 2
        ("kernel", [[2.0, 2.0], [2.0, 2.0]], [[1.0, -2.0], [3.0, 6.0]], [[1.98, 2.02], [1.98] * 2]),
        rates(0.3, 0.1),
        slots=0.01,
    ),
    Row(
        "AdaFactor",
        make(optimizers.AdaFactor, learning_rate=None, beta1=0.9, min_dim_size_to_factor=2),
        partial(after, references.adafactor, beta1=0.9),
        # the first of moments is a tenth of u, the rate 0.01
        ("bias", [2.0, -2.0], [1.0, -5.0], [1.998, -1.998]),
        rates(0.3, 0.1),
        slots=1.01,
        case="relative step, first moment",
    ),
    Row(
        "extend_with_amos",
        make(AmosAdam, learning_rate=0.01, half_life=20),
        partial(after, references.amos, lr=0.01, half_life=20),
        # σ = 2: 2 ± 0.02 - 0.01² / 2 · 2
        ("kernel", [[2.0, 2.0], [2.0, 2.0]], [[1.0, -7.0]] * 2, [[1.9799, 2.0199]] * 2),
        rates(0.3, 0.1),
        slots=2.01,
    ),
    Row(
        "extend_with_soft_clipping",
        make(SoftAdam, learning_rate=0.01, soft_clipnorm=3.0),
        partial(after, references.soft_clipped_adam, lr=0.01, gamma=3.0),
        ("kernel", [[1.0, 1.0]], [[3.0, -4.0]], [[0.99, 1.01]]),
        rates(0.1, 0.1),
    ),
    Row(
        "ExponentiatedGradient",
        make(optimizers.ExponentiatedGradient, learning_rate=0.1, meta_learning_rate=0.1),
        partial(after, references.exponentiated_gradient, lr=0.1, gamma=0.1),
        ("kernel", [[1.0, 1.0]], [[2.0, -2.0]], [[0.8, 1.2]]),
        rates(0.0005, 0.01),
    ),
]
