"""Noise schedules: how much of the data is left at each time."""

import numpy as np

from kerasx.checks import check_integer, invalid

_MOST = 0.999  # of a step's noise: ᾱ stays above 0, by which the data are divided
_ORIGINAL = 1000  # steps for which the ends of the linear schedule were chosen


def linear_schedule(steps=1000):
    """Return DDPM's schedule: the noise variance of a step grows linearly, 10⁻⁴ to 0.02.

    ᾱ_t² = Π_i≤t (1 - b_i) with b_1, ..., b_T from 10⁻⁴ to 0.02 for T = 1000; for another T they are
    multiplied by 1000 / T, so that about as little of the data is left in the end, if T is large.
    For a few times of the same schedule take every k-th of its values.

    Args:
        steps: number of times T.

    Returns:
        ᾱ, float64 NumPy (T + 1,), ᾱ_0 = 1. β̄ is sqrt(1 - ᾱ²).

    Source: arXiv 2006.11239; kexue.fm/archives/9119.

    >>> linear_schedule(1000)[[0, 1, 1000]].round(5).tolist()
    [1.0, 0.99995, 0.00635]
    """
    steps = check_integer("steps", steps, least=1)
    scale = _ORIGINAL / steps
    return _from_noise(np.linspace(1e-4 * scale, 0.02 * scale, steps))


def cosine_schedule(steps=1000):
    """Return the schedule ᾱ_t = c(t) / c(0), c(t) = cos(π/2 · (t/T + s) / (1 + s)), s = 0.008.

    A step's noise variance 1 - ᾱ_t² / ᾱ_t-1² is at most 0.999, so that ᾱ_T is small, not 0.

    Args:
        steps: number of times T.

    Returns:
        ᾱ, float64 NumPy (T + 1,), ᾱ_0 = 1. β̄ is sqrt(1 - ᾱ²).

    Source: arXiv 2102.09672.

    >>> cosine_schedule(1000)[[0, 500, 1000]].round(5).tolist()
    [1.0, 0.70274, 5e-05]
    """
    steps = check_integer("steps", steps, least=1)
    left = np.cos(np.pi / 2 * (np.arange(steps + 1) / steps + 0.008) / 1.008) ** 2
    return _from_noise(1 - left[1:] / left[:-1])


def _from_noise(variances):
    """Return ᾱ for the noise variances of the steps."""
    left = np.cumprod(1 - np.minimum(variances, _MOST))
    return np.sqrt(np.concatenate([[1.0], left]))


def check_schedule(alpha_bar):
    """Return ᾱ as float64 NumPy if it falls from 1 to a number above 0; raise otherwise."""
    values = np.asarray(alpha_bar, "float64")
    falls = values.ndim == 1 and len(values) > 1 and values[0] == 1 and values[-1] > 0
    if not falls or not (np.diff(values) < 0).all():
        raise invalid(
            "`alpha_bar` must be a 1-D array that starts with 1 and falls to a number above 0, "
            "such as `cosine_schedule(1000)`.",
            alpha_bar=alpha_bar,
        )
    return values


def beta_bar(alpha_bar):
    """Return β̄ = sqrt(1 - ᾱ²)."""
    return np.sqrt(1 - np.square(alpha_bar))
