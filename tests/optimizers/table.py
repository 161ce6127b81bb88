"""The contract table of kerasx.optimizers: one row for each name that makes an optimizer.

`test_contract.py` holds every row to the same tests. A name without a row fails a test.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True)
class Row:
    """What the contract has to know of an optimizer.

    Args:
        name: in kerasx.optimizers.__all__.
        make: keywords -> a new optimizer; it must take `learning_rate` and the keywords of
            keras.optimizers.Optimizer, and have settings of its own for all else.
        reference: (values, gradients) -> values after all steps, in NumPy and float64, for
            `make()`; values is {variable name: array}, gradients a list of the like.
        one_step: (variable name, value, gradient, expected value), worked out by hand, for `make()`.
        rates: the first learning rate for {"parabola", "rosenbrock", "matrix"}, which then falls
            linearly to zero.
        slots: state floats for each float of a (256, 256) kernel, at most.
    """

    name: str
    make: Callable
    reference: Callable
    one_step: tuple
    rates: dict = field(default_factory=dict)
    slots: float = 2.0


ROWS = []
