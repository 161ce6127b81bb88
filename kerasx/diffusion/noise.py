"""Training on noise prediction: the network guesses the noise that was added to the data."""

import keras
from keras import ops

from kerasx.checks import invalid
from kerasx.diffusion.noise_schedules import beta_bar, check_schedule
from kerasx.layers import Loss


@keras.saving.register_keras_serializable("kerasx")
class AddNoise(keras.layers.Layer):
    """Data x_0 (b, ...) to [x_t, t, ε]: x_t = ᾱ_t x_0 + β̄_t ε at a random time of each example.

    The times t (b,) int32 are drawn from 1, ..., T, and ε (b, ...) from the standard normal
    distribution, in training and in evaluation. x_t and ε are float32 at any dtype policy.

    Args:
        alpha_bar: the schedule ᾱ, (T + 1,), such as `cosine_schedule(1000)`.
        seed: int for the draws.

    >>> from kerasx.diffusion import cosine_schedule
    >>> noisy, t, noise = AddNoise(cosine_schedule(100))(ops.zeros((2, 3)))
    >>> ops.shape(noisy), ops.shape(t), ops.shape(noise)
    ((2, 3), (2,), (2, 3))
    """

    def __init__(self, alpha_bar, seed=None, **kwargs):
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.alpha_bar = check_schedule(alpha_bar)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs):
        x, last = ops.cast(inputs, "float32"), len(self.alpha_bar) - 1
        t = keras.random.randint(ops.shape(x)[:1], 1, last + 1, "int32", self.seed_generator)
        noise = keras.random.normal(ops.shape(x), dtype="float32", seed=self.seed_generator)
        left, added = (at_times(v, t, x) for v in (self.alpha_bar, beta_bar(self.alpha_bar)))
        return [left * x + added * noise, t, noise]

    def compute_output_spec(self, inputs):
        noisy, noise = (keras.KerasTensor(inputs.shape, "float32") for _ in range(2))
        return [noisy, keras.KerasTensor(inputs.shape[:1], "int32"), noise]

    def get_config(self):
        config = {"alpha_bar": self.alpha_bar.tolist(), "seed": self.seed}
        return {**super().get_config(), **config}


def noise_prediction(network, alpha_bar, seed=None):
    """Join a network with noise and a loss, to be trained by `compile` and `fit` on data alone.

    L = E ‖ε - ε_θ(ᾱ_t x_0 + β̄_t ε, t)‖² / d over data x_0 of d numbers, noise ε and times t.

    Args:
        network: keras.Model from [x_t (b, ...), t (b,)] to the noise ε_θ (b, ...). The times are
            integers from 1 to T.
        alpha_bar: the schedule ᾱ, (T + 1,), such as `cosine_schedule(1000)`.
        seed: int for times and noise.

    Returns:
        A keras.Model of x_0 (b, ...) with the weights of the network, to be compiled without a
        loss. Its output is the predicted noise.

    Raises:
        ValueError: no schedule, or a network with other inputs and outputs.

    Source: arXiv 2006.11239; kexue.fm/archives/9119.

    >>> from kerasx.diffusion import cosine_schedule
    >>> x, t = keras.Input((2,)), keras.Input((), dtype="int32")
    >>> time = keras.layers.Embedding(101, 8)(t)
    >>> network = keras.Model([x, t], keras.layers.Dense(2)(ops.concatenate([x, time], 1)))
    >>> trainer = noise_prediction(network, cosine_schedule(100))
    >>> trainer.compile("adam")
    >>> history = trainer.fit(ops.zeros((4, 2)), verbose=0)
    """
    data = keras.Input(data_shape(network))
    noisy, t, noise = AddNoise(alpha_bar, seed)(data)
    predicted = network([noisy, t])
    return keras.Model(data, SquaredError(output_axis=1)([noise, predicted]))


@keras.saving.register_keras_serializable("kerasx")
class SquaredError(Loss):
    """The mean squared error of [target, prediction]."""

    def compute_loss(self, inputs, mask=None):
        target, predicted = inputs
        return ops.mean(ops.square(target - predicted))


def data_shape(network, name="network", outputs=(1,)):
    """Return the shape of an example; raise unless a model maps [x, t] to tensors like x."""
    inputs = getattr(network, "inputs", None) or []
    shapes = [tuple(x.shape) for x in inputs]
    fits = len(shapes) == 2 and len(network.outputs) in outputs and len(shapes[1]) == 1
    if not fits or any(tuple(y.shape) != shapes[0] for y in network.outputs):
        raise invalid(
            f"`{name}` must be a functional keras.Model from [x (b, ...), t (b,)] to a tensor "
            "like x.",
            **{name: network, "input shapes": shapes},
        )
    return shapes[0][1:]


def at_times(values, t, x):
    """Return values[t] of a NumPy array, float32 (b, 1, ...) with as many axes as x."""
    chosen = ops.take(ops.convert_to_tensor(values, "float32"), t)
    return ops.reshape(chosen, (-1, *[1] * (len(x.shape) - 1)))
