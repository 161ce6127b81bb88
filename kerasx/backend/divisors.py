"""Tell the training step the divisor of a mean loss, by which it weighs the batch.

Batches add up to a larger one if each counts as often as its mean loss had terms: tokens, weights
or examples. Only the loss knows this number, and Keras has no way for it to return two values.
"""

import contextlib
import contextvars

from keras import ops

from kerasx.backend.replicas import keras_loss_factor, mean_over_replicas, replica_count

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

    A loss of your own that is a mean over tokens ends with it, so that accumulated batches, and
    the parts of a batch on several devices, equal the large batch they make up.

    >>> float(divided(ops.array(6.0), ops.array(3.0)))
    2.0
    """
    (divisor,) = mean_over_replicas([divisor])
    report_divisor(lambda: divisor)
    return ops.divide_no_nan(total, divisor)


def weighed(loss, divisor, is_sum=False):
    """Make the loss of the rows of a replica one of which the mean over replicas is exact.

    Σ_r L_r d_r / Σ_r d_r, the mean of the whole batch, is the mean of L_r d_r / d̄ over the
    replicas, where d̄ is the mean of the divisors d_r; Σ_r L_r is the mean of n L_r.

    Args:
        loss: scalar, of this replica.
        divisor: number by which the loss was divided.
        is_sum: whether the loss is a sum, divided by nothing.

    Returns:
        The loss and d̄; the arguments for one replica.

    >>> weighed(0.5, 3)
    (0.5, 3)
    """
    n = replica_count()
    if n == 1:
        return loss, divisor
    divisor = ops.cast(divisor, "float32")
    (mean,) = mean_over_replicas([divisor])
    factor = n / keras_loss_factor() if is_sum else ops.divide_no_nan(divisor, mean)
    return loss * ops.cast(factor, loss.dtype), mean
