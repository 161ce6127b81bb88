"""Root mean square, unit vectors, and piecewise linear schedules."""

from keras import ops

from kerasx.backend import widened
from kerasx.checks import invalid


def root_mean_square(x, axis=None, keepdims=False):
    """Compute sqrt(mean(x²)); axis and keepdims as in `ops.mean`.

    >>> float(root_mean_square(ops.convert_to_tensor([3.0, 4.0, 0.0, 0.0])))
    2.5
    """
    return ops.sqrt(ops.mean(ops.square(x), axis=axis, keepdims=keepdims))


def unit_vectors(x):
    """Return x / ‖x‖ along the last axis; zeros stay zeros, with a finite gradient."""
    x = widened(x)
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), -1, keepdims=True), 1e-12))


def piecewise_linear(t, schedule, from_zero=True):
    """Evaluate the piecewise linear function through given points, constant after the last.

    Args:
        t: scalar or tensor of steps.
        schedule: {step: value}, e.g. {1000: 1, 2000: 0.1} rises to 1 and then falls to 0.1.
        from_zero: start at (0, 0) unless the schedule has a value for step 0; otherwise the first
            value holds from step 0.

    Returns:
        float32, of the shape of t.

    >>> [float(piecewise_linear(t, {10: 1.0, 20: 0.5})) for t in (0, 5, 10, 15, 30)]
    [0.0, 0.5, 1.0, 0.75, 0.5]
    """
    points = sorted((float(step), float(value)) for step, value in schedule.items())
    if not points:
        raise invalid("`schedule` must have at least one {step: value}.", schedule=schedule)
    if points[0][0] > 0:
        points.insert(0, (0.0, 0.0 if from_zero else points[0][1]))
    t = ops.cast(t, "float32")
    x = ops.full_like(t, points[0][1])
    for (t0, x0), (t1, x1) in zip(points, points[1:], strict=False):
        x = ops.where(t > t0, x0 + (x1 - x0) * (t - t0) / (t1 - t0), x)
    return ops.where(t > points[-1][0], points[-1][1], x)
