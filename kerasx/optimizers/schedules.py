"""Learning rates that depend on the step."""

import keras

from kerasx.checks import invalid
from kerasx.ops import piecewise_linear


def numeric_schedule(schedule, name="schedule"):
    """Return a schedule as {int: float}; its keys are str after a trip through JSON."""
    try:
        points = {int(step): float(value) for step, value in schedule.items()}
    except (AttributeError, TypeError, ValueError):
        points = {}
    if not points or min(points) < 0:
        raise invalid(
            f"`{name}` must be a dict of at least one {{step: value}} with steps >= 0, e.g. "
            "{1000: 1, 2000: 0.1}.",
            **{name: schedule},
        )
    return points


@keras.saving.register_keras_serializable("kerasx")
class PiecewiseLinear(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate base · f(t), linear between given points and constant after the last.

    f starts at (0, 0) unless the schedule has a point at 0. So {1000: 1, 2000: 0.1} warms up for
    1000 steps, then falls to a tenth over the next 1000, as in bert4keras's
    `extend_with_piecewise_linear_lr`.

    Args:
        schedule: {step: f(step)}, steps >= 0.
        base: the learning rate where f is 1.

    >>> rate = PiecewiseLinear({10: 1, 20: 0.5}, base=2.0)
    >>> [float(rate(t)) for t in (0, 5, 10, 15, 30)]
    [0.0, 1.0, 2.0, 1.5, 1.0]
    """

    def __init__(self, schedule, base=1.0):
        self.schedule = numeric_schedule(schedule)
        self.base = base

    def __call__(self, step):
        return self.base * piecewise_linear(step, self.schedule)

    def get_config(self):
        return {"schedule": self.schedule, "base": self.base}


def warmup_cosine(peak, steps, warmup=0.1, floor=0.01):
    """Make a schedule that rises linearly to `peak` and falls along a cosine, a good first choice.

    Args:
        peak: the highest learning rate.
        steps: number of updates of the whole training, warm-up included.
        warmup: share of `steps` in which the rate rises from 0.
        floor: share of `peak` that is left at the end.

    Returns:
        A keras.optimizers.schedules.CosineDecay.

    >>> rate = warmup_cosine(1.0, steps=100)
    >>> [round(float(rate(t)), 3) for t in (0, 5, 10, 100)]
    [0.0, 0.5, 1.0, 0.01]
    """
    rising = int(warmup * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - rising, 1), floor, "warmup_cosine", peak, rising
    )
