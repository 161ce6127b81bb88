"""One step back in time, from x_t to x_s with s < t."""

from typing import NamedTuple

import numpy as np

from kerasx.checks import check_integer, check_number, invalid
from kerasx.diffusion.noise_schedules import beta_bar, check_schedule


class ReverseStep(NamedTuple):
    """p(x_s | x_t, x_0) = N(from_noisy · x_t + from_data · x_0, variance)."""

    from_noisy: float
    from_data: float
    variance: float


def reverse_step(alpha_bar, t, s, eta=1.0):
    """Return the normal distribution of x_s when x_t and the data x_0 are known.

    p(x_s | x_t, x_0) = N(sqrt(β̄_s² - λ²) / β̄_t · x_t + γ x_0, λ²)
    γ = ᾱ_s - ᾱ_t sqrt(β̄_s² - λ²) / β̄_t

    λ is η times DDPM's: λ² = η² β̄_s² / β̄_t² · (1 - ᾱ_t² / ᾱ_s²). A sampler puts the mean μ of x_0
    given x_t in the place of x_0. Where x_0 has the variance σ̄² about μ, the variance of x_s is
    λ² + γ² σ̄², and of all variances this one gives the likeliest samples. DDPM's two are those for
    data that are one point (σ̄ = 0), and for standard normal data (σ̄ = β̄_t).

    Args:
        alpha_bar: the schedule ᾱ, (T + 1,).
        t, s: times, 0 <= s < t <= T; they need not be neighbours.
        eta: number η in [0, 1]: 1 for DDPM, 0 for DDIM.

    Returns:
        The named tuple (from_noisy, from_data, variance): sqrt(β̄_s² - λ²) / β̄_t, γ and λ².

    Raises:
        ValueError: no schedule, no such times, or η outside of [0, 1].

    Source: arXiv 2010.02502, 2201.06503; kexue.fm/archives/9181, 9245.

    >>> from kerasx.diffusion import linear_schedule
    >>> alpha_bar = linear_schedule(1000)
    >>> step = reverse_step(alpha_bar, 500, 400)
    >>> variance_of_standard_normal = 1 - alpha_bar[500] ** 2
    >>> variance = step.variance + step.from_data**2 * variance_of_standard_normal
    >>> bool(np.isclose(variance, 1 - (alpha_bar[500] / alpha_bar[400]) ** 2))
    True
    """
    a = check_schedule(alpha_bar)
    t = check_integer("t", t, least=1, below=len(a))
    s = check_integer("s", s, least=0, below=t)
    check_number("eta", eta, least=0, most=1)
    b = beta_bar(a)
    variance = (eta * b[s] / b[t]) ** 2 * (1 - (a[t] / a[s]) ** 2)
    from_noisy = np.sqrt(b[s] ** 2 - variance) / b[t]
    return ReverseStep(float(from_noisy), float(a[s] - a[t] * from_noisy), float(variance))


def chosen_times(steps, last):
    """Return increasing times for `steps`, which is a number or the times themselves.

    k times are spread evenly from 1 to the last one.
    """
    if np.ndim(steps) == 0:
        count = check_integer("steps", steps, least=1, below=last + 1)
        return np.linspace(last, 1, count).round().astype(int)[::-1]
    times = np.asarray(steps)
    whole = times.ndim == 1 and len(times) and np.issubdtype(times.dtype, np.integer)
    if not whole or times[0] < 1 or times[-1] > last or not (np.diff(times) > 0).all():
        expected = f"`steps` must be a number of steps, or increasing times in [1, {last}]."
        raise invalid(expected, steps=steps)
    return times.astype(int)
