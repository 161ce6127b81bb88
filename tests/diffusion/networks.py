"""Networks for tests: the exact one of normal data, and small ones that learn."""

import keras
import numpy as np
from keras import ops

from kerasx.diffusion.noise import at_times


class Linear(keras.layers.Layer):
    """[x_t, t] to factors[t] · x_t, of the factors (T + 1,) or (T + 1, d)."""

    def __init__(self, factors, square=False, constant=0.0, **kwargs):
        super().__init__(**kwargs)
        self.factors, self.square, self.constant = np.array(factors, "float32"), square, constant

    def call(self, inputs):
        x, t = inputs
        factors = self.factors if self.factors.ndim == 2 else self.factors[:, None]
        x = x * ops.cast(ops.take(ops.convert_to_tensor(factors), t, axis=0), x.dtype)
        return x**2 + at_times(self.constant, t, x) if self.square else x


def inputs_of(d):
    return [keras.Input((d,)), keras.Input((), dtype="int32")]


def exact_factors(alpha_bar, deviation):
    """Return β̄ / (ᾱ² s² + β̄²): E[ε | x_t] is this times x_t for data N(0, s²)."""
    left = np.square(alpha_bar).reshape(-1, *[1] * np.ndim(deviation))
    return np.sqrt(1 - left) / (left * np.square(deviation) + 1 - left)


def exact_variance(alpha_bar, deviation):
    """Return β̄² s² / (ᾱ² s² + β̄²), the variance of x_0 given x_t for data N(0, s²)."""
    left = np.square(alpha_bar).reshape(-1, *[1] * np.ndim(deviation))
    return (1 - left) * np.square(deviation) / (left * np.square(deviation) + 1 - left)


def exact_network(alpha_bar, deviation, d=1, factor=1.0, dtype=None):
    """Return the network that predicts the mean of the noise, times a factor."""
    inputs = inputs_of(d)
    layer = Linear(factor * exact_factors(alpha_bar, deviation), dtype=dtype)
    return keras.Model(inputs, layer(inputs))


def small_network(times, d=2):
    """Return an untrained network of one layer that depends on t."""
    x, t = inputs_of(d)
    time = keras.layers.Embedding(times + 1, 4)(t)
    return keras.Model([x, t], keras.layers.Dense(d)(ops.concatenate([x, time], 1)))
