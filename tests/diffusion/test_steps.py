"""Schedules and single steps against closed forms."""

import numpy as np
import pytest

from kerasx.diffusion import cosine_schedule, linear_schedule, reverse_step
from kerasx.diffusion.steps import chosen_times
from tests.diffusion.networks import exact_variance

pytestmark = pytest.mark.once
ALPHA_BAR = linear_schedule(100)
STEPS = [(100, 60), (60, 59), (30, 1), (1, 0), (100, 0)]
each_step = pytest.mark.parametrize("t, s", STEPS)
each_eta = pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])


@pytest.mark.parametrize("schedule", [linear_schedule, cosine_schedule])
@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_a_schedule_falls_from_one_and_stays_above_zero(schedule, steps):
    alpha_bar = schedule(steps)
    assert alpha_bar.shape == (steps + 1,) and alpha_bar[0] == 1 and alpha_bar[-1] > 0
    assert (np.diff(alpha_bar) < 0).all()


def test_the_linear_schedule_is_that_of_ddpm():
    variances = np.linspace(1e-4, 0.02, 1000)
    np.testing.assert_allclose(linear_schedule(1000)[1:] ** 2, np.cumprod(1 - variances))


def test_the_cosine_schedule_is_a_cosine_up_to_its_last_step():
    angles = np.pi / 2 * (np.arange(1000) / 1000 + 0.008) / 1.008
    np.testing.assert_allclose(cosine_schedule(1000)[:-1], np.cos(angles) / np.cos(angles[0]))


@each_step
@each_eta
def test_steps_keep_the_distribution_of_noisy_data(t, s, eta):
    """x_t ~ N(ᾱ_t x_0, β̄_t²) becomes x_s ~ N(ᾱ_s x_0, β̄_s²)."""
    step = reverse_step(ALPHA_BAR, t, s, eta)
    assert step.from_noisy * ALPHA_BAR[t] + step.from_data == pytest.approx(ALPHA_BAR[s])
    variance = step.from_noisy**2 * (1 - ALPHA_BAR[t] ** 2) + step.variance
    assert variance == pytest.approx(1 - ALPHA_BAR[s] ** 2)


@each_step
def test_the_markov_step_is_the_reverse_of_adding_noise(t, s):
    """Bayes's rule for x_t = α x_s + β z, in precisions."""
    step, added = reverse_step(ALPHA_BAR, t, s), 1 - (ALPHA_BAR[t] / ALPHA_BAR[s]) ** 2
    if s:
        precision = (ALPHA_BAR[t] / ALPHA_BAR[s]) ** 2 / added + 1 / (1 - ALPHA_BAR[s] ** 2)
        assert step.variance == pytest.approx(1 / precision)
    else:
        assert step.variance == 0


@each_step
@pytest.mark.parametrize("deviation", [0.1, 0.6, 1.0, 3.0])
def test_the_corrected_variance_of_the_markov_step_is_the_exact_one(t, s, deviation):
    """Var(x_s | x_t) of normal data, from the covariance of x_s and x_t."""
    step, alpha = reverse_step(ALPHA_BAR, t, s), ALPHA_BAR[t] / ALPHA_BAR[s]
    variance = np.square(ALPHA_BAR) * deviation**2 + 1 - np.square(ALPHA_BAR)
    exact = variance[s] - (alpha * variance[s]) ** 2 / variance[t]
    corrected = step.variance + step.from_data**2 * exact_variance(ALPHA_BAR, deviation)[t]
    assert corrected == pytest.approx(exact)


@each_step
def test_the_variances_of_ddpm_are_those_of_a_point_and_of_the_standard_normal(t, s):
    step, a = reverse_step(ALPHA_BAR, t, s), ALPHA_BAR
    beta = 1 - (a[t] / a[s]) ** 2
    assert step.variance == pytest.approx((1 - a[s] ** 2) / (1 - a[t] ** 2) * beta)
    assert step.variance + step.from_data**2 * (1 - a[t] ** 2) == pytest.approx(beta)


def test_without_noise_of_its_own_a_step_still_has_an_optimal_variance():
    step = reverse_step(ALPHA_BAR, 50, 40, eta=0.0)
    assert step.variance == 0 and step.from_data > 0


@each_eta
@pytest.mark.parametrize("steps", [2, 5, 100])
@pytest.mark.parametrize("deviation", [0.1, 1.0, 3.0])
def test_few_steps_keep_the_variance_of_normal_data_with_the_optimal_variance(
    eta, steps, deviation
):
    ends = {}
    for name, data in {
        "optimal": exact_variance(ALPHA_BAR, deviation),
        "none": 0 * ALPHA_BAR,
        "larger": 1 - ALPHA_BAR**2,
    }.items():
        times = chosen_times(steps, 100)
        variance = (ALPHA_BAR[100] * deviation) ** 2 + 1 - ALPHA_BAR[100] ** 2
        for t, s in zip(times[::-1], times[-2::-1]):
            step, a = reverse_step(ALPHA_BAR, t, s, eta), ALPHA_BAR[t]
            slope = a * deviation**2 / (a**2 * deviation**2 + 1 - a**2)  # of E[x_0 | x_t]
            mean = step.from_noisy + step.from_data * slope
            variance = mean**2 * variance + step.variance + step.from_data**2 * data[t]
        exact = (ALPHA_BAR[1] * deviation) ** 2 + 1 - ALPHA_BAR[1] ** 2
        ends[name] = variance / exact
    assert ends["optimal"] == pytest.approx(1)
    assert ends["none"] < 0.999
    if deviation != 1:  # the larger variance is that of the standard normal
        assert abs(ends["larger"] - 1) > 0.001


def test_times_are_spread_evenly_from_the_first_to_the_last():
    assert chosen_times(4, 100).tolist() == [1, 34, 67, 100]
    assert chosen_times(1, 100).tolist() == [100]
    assert chosen_times(np.int64(100), 100).tolist() == list(range(1, 101))
    assert chosen_times([3, 10], 100).tolist() == [3, 10]


@pytest.mark.parametrize("steps", [0, 101, 2.5, [], [0, 5], [5, 101], [5, 5], [[1]], [1.5]])
def test_impossible_times_are_errors(steps):
    with pytest.raises(ValueError, match="`steps` must be"):
        chosen_times(steps, 100)


@pytest.mark.parametrize("schedule", [[1.0], [0.9, 0.5], [1.0, 0.5, 0.6], [1.0, 0.0], 1.0])
def test_what_is_no_schedule_is_an_error(schedule):
    with pytest.raises(ValueError, match="`alpha_bar` must be"):
        reverse_step(schedule, 1, 0)


@pytest.mark.parametrize("arguments", [(1, 1), (5, 6), (101, 0), (5, -1), (5, 4, 2.0)])
def test_impossible_steps_are_errors(arguments):
    with pytest.raises(ValueError, match="must be"):
        reverse_step(ALPHA_BAR, *arguments)
