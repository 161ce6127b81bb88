"""Tell the training step the divisor of a mean loss, by which it weighs the batch.

Batches add up to a larger one if each counts as often as its mean loss had terms: tokens, weights
or examples. Only the loss knows this number, and Keras has no way for it to return two values.
"""

import contextlib
import contextvars

from keras import ops

_REPORTED = contextvars.ContextVar("reported_divisors", default=None)


@contextlib.contextmanager
def reported_divisors():
    """Return the list to which `report_divisor` appends within this context."""
    token = _REPORTED.set([])
    try:
        yield _REPORTED.get()
    finally:
        _REPORTED.reset(token)


def report_divisor(compute):
    """Tell the training step, if one is listening, that a mean loss is divided by `compute()`.

    >>> with reported_divisors() as divisors:
    ...     report_divisor(lambda: 3.0)
    >>> divisors
    [3.0]
    """
    reported = _REPORTED.get()
    if reported is not None:
        reported.append(compute())


def divided(total, divisor):
    """Compute total / divisor, 0 for a divisor of 0, and report the divisor.

    A loss of your own that is a mean over tokens ends with it, so that accumulated batches equal
    the large batch they make up.

    >>> float(divided(ops.array(6.0), ops.array(3.0)))
    2.0
    """
    report_divisor(lambda: divisor)
    return ops.divide_no_nan(total, divisor)
