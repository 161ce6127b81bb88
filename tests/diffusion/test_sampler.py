"""Sampling against the same loop in NumPy, and against known distributions."""

import keras
import numpy as np
import pytest

from kerasx.diffusion import Sampler, linear_schedule, reverse_step
from tests.diffusion.networks import (
    Linear,
    exact_factors,
    exact_network,
    exact_variance,
    inputs_of,
    small_network,
)

ALPHA_BAR = linear_schedule(100)
TIMES = [1, 30, 100]


def sampled_in_numpy(count, d, deviation, eta, variance, bounds=None, most=None, seed=0):
    """Return samples of the exact network of N(0, s²), float64."""
    rng, a = np.random.default_rng(seed), ALPHA_BAR
    x = rng.standard_normal((count, d), "float32").astype("float64")
    for t, s in [(100, 30), (30, 1), (1, 0)]:
        step = reverse_step(a, t, s, eta)
        noise = exact_factors(a, deviation)[t] * x
        data = (x - np.sqrt(1 - a[t] ** 2) * noise) / a[t]
        if bounds:
            data = data.clip(*bounds)
        x = step.from_noisy * x + step.from_data * data
        if s:
            deviations = np.sqrt(step.variance + step.from_data**2 * variance[t])
            if most and s == 1:
                deviations = np.minimum(deviations, most)
            x = x + deviations * rng.standard_normal((count, d), "float32")
    return x


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("diagonal", [False, True])
def test_samples_are_those_of_the_same_loop_in_numpy(eta, diagonal):
    deviation = np.array([0.3, 0.6]) if diagonal else 0.6
    variance = exact_variance(ALPHA_BAR, deviation)
    sample = Sampler(exact_network(ALPHA_BAR, deviation, d=2), ALPHA_BAR, TIMES, eta, variance)
    expected = sampled_in_numpy(5, 2, deviation, eta, variance)
    np.testing.assert_allclose(sample(5, seed=0), expected, rtol=2e-4, atol=2e-5)


def test_data_and_the_last_noise_are_clipped():
    options = {"bounds": (-0.5, 0.4), "last_noise": 0.02}
    network, variance = exact_network(ALPHA_BAR, 2.0, d=2), 1 - ALPHA_BAR**2
    sample = Sampler(network, ALPHA_BAR, TIMES, variance=variance, **options)
    most = 0.02 / np.sqrt(2 / np.pi)
    expected = sampled_in_numpy(5, 2, 2.0, 1.0, variance, (-0.5, 0.4), most)
    np.testing.assert_allclose(sample(5, seed=0), expected, rtol=2e-4, atol=2e-5)


def test_three_steps_sample_normal_data_with_the_optimal_variance_only():
    network, count, deviations = exact_network(ALPHA_BAR, 0.3), 40_000, {}
    for name, eta, variance in [
        ("optimal", 1, exact_variance(ALPHA_BAR, 0.3)),
        ("optimal, eta 0", 0, exact_variance(ALPHA_BAR, 0.3)),
        ("DDPM, small", 1, 0),
        ("DDPM, large", 1, 1 - ALPHA_BAR**2),
        ("DDIM", 0, 0),
    ]:
        sample = Sampler(network, ALPHA_BAR, 3, eta, variance)
        deviations[name] = sample(count, seed=1).std()
    for name, found in deviations.items():
        right = abs(found / 0.3 - 1) < 0.02  # its standard error is 0.0035
        assert right == name.startswith("optimal"), deviations


def test_a_network_with_a_variance_of_its_own_is_asked_for_it():
    inputs, variance = inputs_of(2), exact_variance(ALPHA_BAR, 0.6)
    noise = exact_network(ALPHA_BAR, 0.6, d=2)(inputs)
    own = Linear(0 * ALPHA_BAR, square=True, constant=variance)(inputs)
    both = keras.Model(inputs, [noise, own])
    given = Sampler(exact_network(ALPHA_BAR, 0.6, d=2), ALPHA_BAR, TIMES, variance=variance)
    np.testing.assert_allclose(
        Sampler(both, ALPHA_BAR, TIMES)(4, seed=2), given(4, seed=2), rtol=1e-5, atol=1e-6
    )
    plain = Sampler(exact_network(ALPHA_BAR, 0.6, d=2), ALPHA_BAR, TIMES)
    np.testing.assert_allclose(
        Sampler(both, ALPHA_BAR, TIMES, variance=0)(4, seed=2), plain(4, seed=2), rtol=1e-5
    )


def test_a_sampler_uses_the_present_weights():
    network = small_network(100)
    sample = Sampler(network, ALPHA_BAR, TIMES)
    before = sample(3, seed=0)
    network.set_weights([np.zeros_like(w) for w in network.get_weights()])
    after = sample(3, seed=0)
    assert not np.allclose(before, after)
    np.testing.assert_array_equal(after, Sampler(network, ALPHA_BAR, TIMES)(3, seed=0))


def test_samples_depend_on_the_seed():
    sample = Sampler(small_network(100), ALPHA_BAR, 2)
    np.testing.assert_array_equal(sample(3, seed=0), sample(3, seed=0))
    assert not np.allclose(sample(3, seed=0), sample(3, seed=1))
    assert not np.allclose(sample(3), sample(3))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_network_in_half_precision_is_sampled_in_float32(policy):
    alpha_bar = linear_schedule(1000)[:801]  # no more noise: 1 / ᾱ multiplies the rounding
    options = {"steps": 5, "variance": exact_variance(alpha_bar, 0.6)}
    half, full = (
        Sampler(exact_network(alpha_bar, 0.6, dtype=dtype), alpha_bar, **options)(50, seed=0)
        for dtype in (policy, "float32")
    )
    assert half.dtype == "float32"
    np.testing.assert_allclose(half, full, atol=0.05)


@pytest.mark.once
@pytest.mark.parametrize(
    "change, message",
    [
        ({"steps": 101}, "`steps`"),
        ({"eta": 1.5}, "`eta`"),
        ({"variance": -1.0}, "`variance`"),
        ({"variance": np.ones(5)}, "`variance`"),
        ({"variance": np.where(np.arange(101) == 30, np.nan, 1)}, "`variance`"),
        ({"bounds": (1, 0)}, "`bounds`"),
        ({"last_noise": -1}, "`last_noise`"),
        ({"alpha_bar": ALPHA_BAR[::-1]}, "`alpha_bar`"),
        ({"network": keras.Sequential()}, "`network`"),
    ],
)
def test_wrong_arguments_are_errors(change, message):
    arguments = {"network": small_network(100), "alpha_bar": ALPHA_BAR, "steps": TIMES}
    with pytest.raises(ValueError, match=message):
        Sampler(**{**arguments, **change})


@pytest.mark.once
def test_a_number_of_samples_below_one_is_an_error():
    with pytest.raises(ValueError, match="`count`"):
        Sampler(small_network(100), ALPHA_BAR, TIMES)(0)
