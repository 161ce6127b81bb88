"""Sample from a diffusion model in any number of steps, with any variance."""

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.checks import check_integer, check_number, invalid
from kerasx.diffusion.estimates import check_bounds
from kerasx.diffusion.noise import data_shape
from kerasx.diffusion.noise_schedules import check_schedule
from kerasx.diffusion.steps import chosen_times, reverse_step


class Sampler:
    """A function from a number of examples and a seed to samples of a diffusion model.

    It starts from standard normal noise at the last of its times, and goes from time t to the time
    s before by x_s = m + σ z with normal noise z,

    m = sqrt(β̄_s² - λ²) / β̄_t · x_t + γ μ,   μ = (x_t - β̄_t ε_θ) / ᾱ_t,   σ² = λ² + γ² σ̄²

    where λ² and γ are those of `reverse_step`, and σ̄² is `variance`. The last step, to time 0, adds
    no noise. Well-known samplers are

    | | eta | variance |
    |---|---|---|
    | DDIM | 0 | 0 |
    | DDPM with the smaller variance β̃ | 1 | 0 |
    | DDPM with the larger variance β | 1 | 1 - alpha_bar**2 |
    | Analytic-DPM, Analytic-DDIM | 1, 0 | `estimate_variance(...)` |
    | Extended-Analytic-DPM | 1, 0 | the same with diagonal=True or form="error" |
    | NPR-DPM, SN-DPM | 1, 0 | that of the model of `variance_prediction` |

    Args:
        network: keras.Model from [x_t (b, ...), t (b,)] to the noise ε_θ (b, ...), or to
            [ε_θ, σ̄²], as `variance_prediction` returns it.
        alpha_bar: the schedule ᾱ, (T + 1,), with which the network was trained.
        steps: number of steps, spread evenly from time 1 to T, or the increasing times themselves.
        eta: number in [0, 1], see `reverse_step`.
        variance: σ̄², the variance of x_0 given x_t: a number, an array (T + 1,) or (T + 1, ...);
            None for that of the network, or 0 if it has none.
        bounds: (low, high) that μ is clipped to, such as the range of pixels; None for none.
        last_noise: the largest E |σ z| of the last step that adds noise. Analytic-DPM's authors
            take one or two grey levels of 256, 2 / 255 or 4 / 255 for pixels in [-1, 1]: no step
            after it takes the noise away again.

    Source: arXiv 2006.11239, 2010.02502, 2201.06503; kexue.fm/archives/9119, 9181, 9245, 9246.

    >>> from kerasx.diffusion import cosine_schedule
    >>> x, t = keras.Input((2,)), keras.Input((), dtype="int32")
    >>> network = keras.Model([x, t], keras.layers.Dense(2)(x))
    >>> sample = Sampler(network, cosine_schedule(100), steps=5, bounds=(-1, 1))
    >>> sample(3, seed=0).shape
    (3, 2)
    """

    def __init__(
        self,
        network,
        alpha_bar,
        steps=50,
        eta=1.0,
        variance=None,
        bounds=None,
        last_noise=None,
    ):
        self.network, self.alpha_bar = network, check_schedule(alpha_bar)
        self.shape = data_shape(network, outputs=(1, 2))
        if None in self.shape:
            raise invalid("`network` must have inputs of a known shape.", shape=self.shape)
        self.times = chosen_times(steps, len(self.alpha_bar) - 1)
        self.eta = check_number("eta", eta, least=0, most=1)
        self.bounds = None if bounds is None else check_bounds(bounds)
        self.last_noise = None if last_noise is None else check_number("last_noise", last_noise, 0)
        self.variance = None if variance is None else self._checked(variance)
        self._step = backend.compiled(self._before, [network])

    def __call__(self, count, seed=None):
        """Return samples, float32 NumPy (count, ...).

        Args:
            count: number of samples.
            seed: int for the noise, which is the same on every backend; None for another each time.
        """
        count = check_integer("count", count, least=1)
        rng, shape = np.random.default_rng(seed), (count, *self.shape)
        x = rng.standard_normal(shape, "float32")
        for t, s in zip(self.times[::-1], [*self.times[-2::-1], 0]):
            noise = rng.standard_normal(shape, "float32") if s else np.zeros(shape, "float32")
            x = self._step(x, np.full(count, t, "int32"), self._factors(t, s), noise)
        return ops.convert_to_numpy(x)

    def _factors(self, t, s):
        """Return the numbers that a step from t to s depends on."""
        step, a = reverse_step(self.alpha_bar, t, s, self.eta), self.alpha_bar[t]
        most = np.inf
        if self.last_noise is not None and s == self.times[0]:
            most = self.last_noise**2 * np.pi / 2  # E |z| is sqrt(2 / π)
        factors = {
            "data": (1 / a, -np.sqrt(1 / a**2 - 1)),
            "mean": (step.from_noisy, step.from_data),
            "variance": (step.variance, step.from_data**2),
            "most": most,
            "data variance": 0.0 if self.variance is None else self.variance[t],
        }
        return keras.tree.map_structure(lambda v: np.asarray(v, "float32"), factors)

    def _before(self, x, t, factors, noise):
        """Return x_s for x_t."""
        predicted, *variance = keras.tree.flatten(self.network([x, t], training=False))
        data = factors["data"][0] * x + factors["data"][1] * backend.widened(predicted)
        if self.bounds is not None:
            data = ops.clip(data, *self.bounds)
        own = bool(variance) and self.variance is None
        data_variance = backend.widened(variance[0]) if own else factors["data variance"]
        variance = factors["variance"][0] + factors["variance"][1] * data_variance
        deviation = ops.sqrt(ops.minimum(variance, factors["most"]))
        return factors["mean"][0] * x + factors["mean"][1] * data + deviation * noise

    def _checked(self, variance):
        """Return a variance for each time, (T + 1,) or (T + 1, ...)."""
        values, count = np.asarray(variance, "float64"), len(self.alpha_bar)
        if values.ndim == 0:
            values = np.full(count, values)
        fits = values.shape in ((count,), (count, *self.shape))
        if not fits or not (values[self.times] >= 0).all():  # nan is not
            raise invalid(
                "`variance` must be a number of at least 0, or an array of these, "
                f"({count},) or {(count, *self.shape)}, not nan at the times of the sampler "
                "(`estimate_variance` takes the same `steps`).",
                variance=variance,
                shape=values.shape,
            )
        return values
