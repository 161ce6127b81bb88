"""Learn a learning rate for each parameter by exponentiated gradient descent."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import variable_index
from kerasx.checks import check_number, check_positive


@keras.saving.register_keras_serializable("kerasx")
class ExponentiatedGradient(backend.InPlace, keras.optimizers.Optimizer):
    """SGD with a learnt rate ν for each parameter: ν ← ν exp(γ g' ⊙ g),  θ ← θ - η ν ⊙ g.

    g' is the gradient of the step before. The derivative of the loss by log ν of that step is
    -η ν g' ⊙ g: gradients that agree raise the rate of a parameter, gradients that alternate lower
    it, and it stays positive. The slots are log ν, which starts at 0, and g'. γ = 0 is SGD.

    The product g' ⊙ g grows with the square of the scale of the gradient. With `normalize` both
    gradients are divided by their RMS over the variable, so that γ means the same everywhere.

    Args:
        learning_rate: η, a float, schedule or callable.
        meta_learning_rate: γ >= 0.
        normalize: whether to normalize the gradients in the product.
        clip_log_rate: upper bound of |log ν|, or None.
        **kwargs: arguments of keras.optimizers.Optimizer.

    Source: arXiv 2202.00145; kexue.fm/archives/8968.

    >>> theta = keras.Variable([1.0, 1.0])
    >>> optimizer = ExponentiatedGradient(0.1, meta_learning_rate=0.5, normalize=False)
    >>> optimizer.apply([ops.array([1.0, 1.0])], [theta])
    >>> optimizer.apply([ops.array([1.0, -1.0])], [theta])
    >>> print(ops.convert_to_numpy(theta).round(4))  # second step: e^0.5 and e^-0.5
    [0.7351 0.9607]
    """

    def __init__(
        self,
        learning_rate=0.01,
        meta_learning_rate=0.01,
        normalize=True,
        clip_log_rate=5.0,
        name="exponentiated_gradient",
        **kwargs,
    ):
        super().__init__(learning_rate, name=name, **kwargs)
        check_positive(clip_log_rate=clip_log_rate)
        self.meta_learning_rate = check_number("meta_learning_rate", meta_learning_rate, least=0)
        self.normalize = normalize
        self.clip_log_rate = clip_log_rate

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._log_rates, self._previous = self.add_optimizer_variables(
            variables, ["log_rate", "previous_gradient"]
        )

    def update_step(self, gradient, variable, learning_rate):
        index, dtype = variable_index(self, variable), variable.dtype
        log_rate, previous = self._log_rates[index], self._previous[index]
        g = backend.dense(gradient, dtype)
        unit = g * self._inverse_rms(g) if self.normalize else g
        gamma, bound = self.meta_learning_rate, self.clip_log_rate
        self.accumulate(log_rate, 1, previous, unit, scale=gamma, bound=bound)
        self.assign(previous, unit)
        self.assign_sub(variable, ops.exp(log_rate) * g, ops.cast(learning_rate, dtype))

    def _inverse_rms(self, g):
        square = backend.mean_square(g)
        return ops.where(square > 0, ops.rsqrt(ops.where(square > 0, square, 1.0)), 0.0)

    def get_config(self):
        return {
            **super().get_config(),
            "meta_learning_rate": self.meta_learning_rate,
            "normalize": self.normalize,
            "clip_log_rate": self.clip_log_rate,
        }
