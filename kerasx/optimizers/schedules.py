"""Learning rates that depend on the step."""

import keras

from kerasx.ops import piecewise_linear

__all__ = ["PiecewiseLinear", "warmup_cosine"]


def numeric_schedule(schedule, name="schedule"):
    """{int step: float value} of a dict, whose keys are strings after a trip through JSON."""
    try:
        points = {int(step): float(value) for step, value in schedule.items()}
    except (AttributeError, TypeError, ValueError):
        points = {}
    if not points or min(points) < 0:
        raise ValueError(
            f"`{name}` must be a dict of at least one {{step: value}} with steps >= 0, e.g. "
            f"{{1000: 1, 2000: 0.1}}. Received: {name}={schedule}"
        )
    return points


@keras.saving.register_keras_serializable("kerasx")
class PiecewiseLinear(keras.optimizers.schedules.LearningRateSchedule):
    """base · f(t), where f is linear between the points of `schedule` and constant after the last.

    f starts from (0, 0) unless the schedule has a point at 0, so {1000: 1, 2000: 0.1} warms up for
    1000 steps and then falls to a tenth: bert4keras's `extend_with_piecewise_linear_lr`.

    Args:
        schedule: {step: value}, steps >= 0.
        base: the learning rate where f is 1.

    Raises:
        ValueError: `schedule` is no such dict.

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
    """A schedule that rises linearly to `peak` and falls along a cosine: a first guess that works.

    Args:
        peak: the highest learning rate.
        steps: all steps of the training, warm-up included.
        warmup: the share of them in which the rate rises from 0.
        floor: the share of `peak` that is left at the end.

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
