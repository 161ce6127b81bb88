"""A second network for the variance of the data given x_t (Extended-Analytic-DPM)."""

import keras
from keras import ops

from kerasx.checks import check_choice
from kerasx.diffusion.estimates import largest_variance
from kerasx.diffusion.noise import AddNoise, SquaredError, at_times, data_shape
from kerasx.diffusion.noise_schedules import check_schedule


def variance_prediction(network, head, alpha_bar, form="noise", bounds=None, seed=None):
    """Join a trained network with a head that learns how far its predictions are off, and where.

    With form="noise" the head h learns ε², and the variance of x_0 given x_t is taken as
    σ̄² = β̄²/ᾱ² · (h - ε_θ²) (SN); with form="error" it learns (ε - ε_θ)², and σ̄² = β̄²/ᾱ² · h
    (NPR). Both are the same for a network whose mean is right; "error" allows for one that is not.

    Args:
        network: keras.Model from [x_t (b, ...), t (b,)] to the noise (b, ...), as trained by
            `noise_prediction`. It is frozen: `network.trainable` becomes False.
        head: keras.Model of the same inputs and outputs; it may share layers with the network.
        alpha_bar: the schedule ᾱ, (T + 1,).
        form: "noise" or "error".
        bounds: (low, high), the range of the data: σ̄² is at most ((high - low) / 2)².
        seed: int for times and noise.

    Returns:
        (trainer, model): a keras.Model of x_0 that trains the head, to be compiled without a loss,
        and one from [x_t, t] to [ε_θ, σ̄²], for `Sampler`.

    Raises:
        ValueError: no schedule, unknown form, or models with other inputs and outputs.

    Source: arXiv 2206.07309; kexue.fm/archives/9246.

    >>> from kerasx.diffusion import cosine_schedule
    >>> x, t = keras.Input((2,)), keras.Input((), dtype="int32")
    >>> network, head = (keras.Model([x, t], keras.layers.Dense(2)(x)) for _ in range(2))
    >>> trainer, model = variance_prediction(network, head, cosine_schedule(100))
    >>> len(trainer.trainable_weights), len(model.outputs)
    (2, 2)
    """
    check_choice("form", form, ("noise", "error"))
    shape = data_shape(network)
    data_shape(head, "head")
    network.trainable = False
    x, t = (keras.Input(i.shape[1:], dtype=i.dtype) for i in network.inputs)
    noise, predicted = network([x, t], training=False), head([x, t])
    variance = DataVariance(alpha_bar, form, bounds)([t, noise, predicted])
    model = keras.Model([x, t], [noise, variance])
    data = keras.Input(shape)
    noisy, times, added = AddNoise(alpha_bar, seed)(data)
    target = added if form == "noise" else added - network([noisy, times], training=False)
    squares = [ops.square(target), head([noisy, times])]
    return keras.Model(data, SquaredError(output_axis=1)(squares)), model


@keras.saving.register_keras_serializable("kerasx")
class DataVariance(keras.layers.Layer):
    """[t, ε_θ, output of the head] to the variance of x_0 given x_t."""

    def __init__(self, alpha_bar, form, bounds=None, **kwargs):
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.alpha_bar, self.form, self.bounds = check_schedule(alpha_bar), form, bounds
        self._largest = largest_variance(self.alpha_bar, bounds)

    def call(self, inputs):
        t, noise, predicted = inputs
        noise, predicted = (ops.cast(x, "float32") for x in (noise, predicted))
        square = predicted - ops.square(noise) if self.form == "noise" else predicted
        factor = at_times(1 / self.alpha_bar**2 - 1, t, noise)
        return ops.clip(factor * square, 0.0, at_times(self._largest, t, noise))

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs[1].shape, "float32")

    def get_config(self):
        config = {"alpha_bar": self.alpha_bar.tolist(), "form": self.form, "bounds": self.bounds}
        return {**super().get_config(), **config}
