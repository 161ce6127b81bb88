"""The variance of the data given x_t, where it is known."""

import numpy as np
import pytest

from kerasx.diffusion import cosine_schedule, estimate_variance, linear_schedule
from kerasx.diffusion.estimates import FORMS, data_variance, largest_variance
from tests.diffusion.networks import exact_factors, exact_network, exact_variance

ALPHA_BAR = linear_schedule(100)
TIMES = [1, 20, 50, 80]
MANY = {"samples": 20_000, "batch_size": 20_000, "steps": TIMES}


def normal(deviation, rows=20_000, seed=1):
    return np.random.default_rng(seed).normal(0, deviation, (rows, np.size(deviation)))


@pytest.mark.parametrize("form", FORMS)
def test_each_form_estimates_the_variance_of_normal_data(form):
    network = exact_network(ALPHA_BAR, 0.6)
    found = estimate_variance(network, normal(0.6), ALPHA_BAR, form=form, **MANY)
    # the terms of "data" are much larger than their difference at time 1
    times = TIMES[1:] if form == "data" else TIMES
    np.testing.assert_allclose(found[times], exact_variance(ALPHA_BAR, 0.6)[times], rtol=0.05)
    assert found[0] == 0 and np.isnan(found[2])


@pytest.mark.parametrize("form", FORMS)
def test_a_diagonal_estimate_tells_coordinates_apart(form):
    deviations, times = [0.3, 1.0, 2.0], TIMES[1:]
    network = exact_network(ALPHA_BAR, deviations, d=3)
    options = {"form": form, "diagonal": True, **MANY}
    found = estimate_variance(network, normal(deviations), ALPHA_BAR, **options)
    expected = exact_variance(ALPHA_BAR, deviations)
    assert found.shape == (101, 3)
    np.testing.assert_allclose(found[times], expected[times], rtol=0.08)


def test_the_error_form_is_right_for_a_network_that_is_wrong():
    """E (ε - c m)² with the mean m of ε, and Var ε = 1: 1 - (2 c - c²) E m²."""
    network, ratio = exact_network(ALPHA_BAR, 0.6, factor=0.7), 1 / ALPHA_BAR**2 - 1
    square = exact_factors(ALPHA_BAR, 0.6) * np.sqrt(1 - ALPHA_BAR**2)  # E m²
    likeliest = ratio * (1 - (2 * 0.7 - 0.7**2) * square)
    errors, noises = (
        estimate_variance(network, normal(0.6), ALPHA_BAR, form=form, bounds=(-99, 99), **MANY)
        for form in ("error", "noise")
    )
    np.testing.assert_allclose(errors[TIMES], likeliest[TIMES], rtol=0.05)
    assert (noises[TIMES[1:]] > 1.1 * likeliest[TIMES[1:]]).all()


@pytest.mark.once
def test_all_forms_are_the_same_for_an_exact_mean_of_two_points():
    """Data -1 and 1: E[x_0 | x_t] = tanh(ᾱ x_t / β̄²), integrated by quadrature."""
    z, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum() / 2
    rows, noise = np.repeat([[-1.0], [1.0]], 80, 0), np.tile(z, 2)[:, None]
    alpha, beta = 0.8, 0.6
    noisy = alpha * rows + beta * noise
    predicted = (noisy - alpha * np.tanh(alpha * noisy / beta**2)) / beta
    count = np.round(np.concatenate([weights, weights]) * 1e6).astype(int)
    parts = [np.repeat(x, count, 0) for x in (rows, noise, predicted)]
    moments = rows.mean(0), rows.var(0)
    found = [data_variance(form, alpha, moments, *parts)[0] for form in FORMS]
    np.testing.assert_allclose(found, found[0], rtol=1e-3)
    assert 0.05 < found[0] < 0.5


@pytest.mark.parametrize("schedule", [linear_schedule, cosine_schedule])
def test_estimates_stay_within_their_bounds(schedule):
    alpha_bar, data = schedule(50), np.array([[-1.0], [1.0], [0.5]])
    network = exact_network(alpha_bar, 0.01, factor=3.0)
    for form in FORMS:
        found = estimate_variance(network, data, alpha_bar, form=form, samples=64)
        assert ((found >= 0) & (found <= largest_variance(alpha_bar, None))).all()
        assert found.max() <= data.var()
        found = estimate_variance(network, data, alpha_bar, form=form, bounds=(0, 1), samples=64)
        assert found.max() <= 0.25
    assert largest_variance(alpha_bar, None)[-1] == 1 / alpha_bar[-1] ** 2 - 1


def test_the_size_of_batches_and_the_number_of_times_change_nothing():
    network, data = exact_network(ALPHA_BAR, 0.6), normal(0.6, 100)
    options = {"samples": 150, "seed": 3}
    one = estimate_variance(network, data, ALPHA_BAR, 3, batch_size=150, **options)
    two = estimate_variance(network, data, ALPHA_BAR, [51, 100], batch_size=64, **options)
    np.testing.assert_allclose(one[100], two[100], rtol=1e-5)
    assert np.isnan(two).sum() == 98 and not np.isnan(two[51])


@pytest.mark.once
@pytest.mark.parametrize(
    "change, message",
    [
        ({"form": "npr"}, "`form`"),
        ({"bounds": (1, -1)}, "`bounds`"),
        ({"bounds": 1.0}, "`bounds`"),
        ({"steps": [0]}, "`steps`"),
        ({"data": np.zeros((5, 2))}, "`data`"),
        ({"data": np.zeros((0, 1))}, "`data`"),
        ({"network": abs}, "`network`"),
        ({"samples": 0}, "`samples`"),
    ],
)
def test_wrong_arguments_are_errors(change, message):
    arguments = {"network": exact_network(ALPHA_BAR, 1.0), "data": np.zeros((5, 1))}
    with pytest.raises(ValueError, match=message):
        estimate_variance(**{**arguments, "alpha_bar": ALPHA_BAR, **change})
