"""Estimate the variance of the data given x_t, which the best variance of a step depends on."""

import numpy as np
from keras import ops

from kerasx import backend
from kerasx.checks import check_choice, check_integer, invalid
from kerasx.diffusion.noise import data_shape
from kerasx.diffusion.noise_schedules import beta_bar, check_schedule
from kerasx.diffusion.steps import chosen_times

FORMS = ("noise", "error", "data")


def estimate_variance(
    network,
    data,
    alpha_bar,
    steps=None,
    form="noise",
    diagonal=False,
    bounds=None,
    samples=1000,
    batch_size=250,
    seed=0,
):
    """Estimate σ̄_t², the mean variance of the data x_0 given x_t, from noisy data.

    Analytic-DPM needs no training for it, only passes of the trained network ε_θ. The forms are

    - "noise": σ̄² = β̄²/ᾱ² · (1 - E ε_θ²), if the network predicts the mean of the noise exactly;
    - "error": σ̄² = β̄²/ᾱ² · E (ε - ε_θ)², the likeliest variance for whatever mean it predicts;
    - "data": σ̄² = Var x_0 - E (μ - E x_0)² with μ = (x_t - β̄ ε_θ) / ᾱ, the mean of x_0 given x_t.

    All are the same for an exact network; "error" suffers least from one that is not, most of all
    near t = T, where β̄²/ᾱ² is large. An estimate is kept between 0 and β̄²/ᾱ², and at most Var x_0,
    or, as in the paper, ((high - low) / 2)²: no variance of numbers in [low, high] exceeds it.

    Args:
        network: keras.Model from [x_t (b, ...), t (b,)] to the noise (b, ...).
        data: array (rows, ...).
        alpha_bar: the schedule ᾱ, (T + 1,).
        steps: the times at which to estimate: a number of times as in `Sampler`, the times, or
            None for all.
        form: "noise", "error" or "data".
        diagonal: whether to estimate a variance for each number of x_0 instead of one for all.
        bounds: (low, high), the range of the data; None to go by the variance of `data`.
        samples: noisy examples at each time, in pairs with opposite noise.
        batch_size: how many of them go through the network at once.
        seed: int; the same noise is used at all times.

    Returns:
        float64 NumPy (T + 1,), or (T + 1, ...) if diagonal; 0 at time 0, and nan at the times that
        are not among `steps`.

    Raises:
        ValueError: data of another shape than the network's, unknown form, no such times.

    Source: arXiv 2201.06503, 2206.07309; kexue.fm/archives/9245, 9246.

    >>> import keras
    >>> from kerasx.diffusion import linear_schedule
    >>> x, t = keras.Input((2,)), keras.Input((), dtype="int32")
    >>> network = keras.Model([x, t], keras.layers.Dense(2, kernel_initializer="zeros")(x))
    >>> alpha_bar = linear_schedule(1000)  # and a network that knows nothing
    >>> data = np.array([[-1, 1], [1, -1]])
    >>> variance = estimate_variance(network, data, alpha_bar, steps=[500, 1000])
    >>> variance[[0, 500, 1000]].tolist()
    [0.0, 1.0, 1.0]
    """
    check_choice("form", form, FORMS)
    data, a = np.asarray(data), check_schedule(alpha_bar)
    samples = check_integer("samples", samples, least=1)
    size = check_integer("batch_size", batch_size, least=1)
    shape = data_shape(network)
    if data.shape[1:] != shape or not len(data):
        raise invalid(f"`data` must have the shape (rows, *{shape}).", shape=data.shape)
    times = chosen_times(len(a) - 1 if steps is None else steps, len(a) - 1)
    most = largest_variance(a, bounds)
    rows, noise = _pairs(data, -(-samples // 2), np.random.default_rng(seed))
    predict = backend.compiled(lambda *x: backend.widened(network(x, training=False)), [network])
    found = np.full((len(a), *(shape if diagonal else ())), np.nan)
    found[0] = 0
    moments = data.mean(0, dtype="float64"), data.var(0, dtype="float64")
    for t in times:
        predicted = _predicted(predict, a[t] * rows + beta_bar(a)[t] * noise, t, size)
        variance = data_variance(form, a[t], moments, rows, noise, predicted)
        both = np.array([variance, moments[1]])
        estimate, whole = both if diagonal else both.reshape(2, -1).mean(1)
        found[t] = np.clip(estimate, 0, np.minimum(most[t], whole) if bounds is None else most[t])
    return found


def _pairs(data, count, rng):
    """Return rows of the data, each twice, and noise z and -z for them, (2 count, ...).

    So E ε, E ε x_0 and E ε² - 1 are 0 in these samples, too. β̄²/ᾱ², which is thousands at the end
    of a schedule, would multiply them.
    """
    rows = data[np.resize(rng.permutation(len(data)), count)].astype("float64")
    noise = rng.standard_normal(rows.shape)
    noise /= np.sqrt(np.mean(noise**2, 0))
    return np.concatenate([rows, rows]), np.concatenate([noise, -noise])


def data_variance(form, alpha, moments, rows, noise, predicted):
    """Compute the variance of each number of x_0 given x_t, (...), from examples at one time.

    Args:
        form: see `estimate_variance`. alpha: ᾱ_t. moments: mean and variance of the data, (...).
        rows, noise, predicted: x_0, ε and ε_θ, (samples, ...).
    """
    ratio = 1 / alpha**2 - 1  # β̄² / ᾱ²
    if form == "noise":
        return ratio * (1 - np.mean(predicted**2, 0))
    if form == "error":
        return ratio * np.mean((noise - predicted) ** 2, 0)
    mean, variance = moments
    predicted_data = rows + np.sqrt(ratio) * (noise - predicted)
    return variance - np.mean((predicted_data - mean) ** 2, 0)


def largest_variance(alpha_bar, bounds):
    """Return β̄²/ᾱ², and at most ((high - low) / 2)² if there are bounds, (T + 1,)."""
    largest = 1 / np.square(alpha_bar) - 1
    if bounds is None:
        return largest
    low, high = check_bounds(bounds)
    return np.minimum(largest, ((high - low) / 2) ** 2)


def check_bounds(bounds):
    """Return (low, high) if these are two numbers in this order."""
    values = np.asarray(bounds, "float64")
    if values.shape != (2,) or not np.isfinite(values).all() or values[0] > values[1]:
        raise invalid("`bounds` must be (low, high), the range of the data.", bounds=bounds)
    return float(values[0]), float(values[1])


def _predicted(predict, noisy, t, size):
    """Return the predicted noise, float64, for x_t in batches of one size."""
    count = len(noisy)
    size = min(size, count)
    padded = np.resize(noisy.astype("float32"), (-(-count // size) * size, *noisy.shape[1:]))
    times = np.full(size, t, "int32")
    parts = [predict(padded[i : i + size], times) for i in range(0, len(padded), size)]
    return np.concatenate([ops.convert_to_numpy(x) for x in parts])[:count].astype("float64")
