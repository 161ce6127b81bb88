"""A second set of weights: slow weights that lead (Lookahead), averages to evaluate (EMA)."""

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import variables_of
from kerasx.optimizers.extension import Extension, extend, float_slots
from kerasx.optimizers.gradient_accumulation import positive_integer

__all__ = ["extend_with_exponential_moving_average", "extend_with_lookahead"]


@keras.saving.register_keras_serializable("kerasx")
class Lookahead(Extension):
    """See extend_with_lookahead."""

    def __init__(self, *args, steps_per_slow_update=5, slow_step_size=0.5, **kwargs):
        super().__init__(*args, **kwargs)
        self.steps_per_slow_update = positive_integer(
            steps_per_slow_update, "steps_per_slow_update"
        )
        if not 0 < slow_step_size <= 1:
            raise ValueError(
                "`slow_step_size` must be a number in (0, 1]. "
                f"Received: slow_step_size={slow_step_size}"
            )
        self.slow_step_size = slow_step_size

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._slow = [self._copy_of(v) for v in variables]

    def _copy_of(self, variable):
        value = np.array(backend.value_at_build(variable))
        return self.add_variable_from_reference(
            variable, "slow", initializer=lambda shape, dtype: ops.convert_to_tensor(value, dtype)
        )

    def after_update(self):
        super().after_update()
        due = ops.equal(self.iterations % self.steps_per_slow_update, 0)
        for slow, fast in zip(self._slow, variables_of(self)):
            old, new = ops.convert_to_tensor(slow), ops.convert_to_tensor(fast)
            moved = old + self.slow_step_size * (new - old)
            slow.assign(ops.where(due, moved, old))
            fast.assign(ops.where(due, moved, new))

    def get_config(self):
        return {
            **super().get_config(),
            "steps_per_slow_update": self.steps_per_slow_update,
            "slow_step_size": self.slow_step_size,
        }


def extend_with_lookahead(BaseOptimizer, name=None):
    """A class that every k updates takes a step of α from the slow weights φ towards the fast θ.

    φ ← φ + α (θ - φ),  θ ← φ where k divides the number of updates. φ starts as the weights are
    when the optimizer is built, as in the paper (in bert4keras it starts from zero), so load
    weights before the first training step. One slot for each variable.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: of the new class.

    Returns:
        The class; it takes `steps_per_slow_update` (5), k, and `slow_step_size` (0.5), α, besides
        what BaseOptimizer takes.

    Raises:
        ValueError: k is not an integer >= 1, α not in (0, 1].

    Source: arXiv 1907.08610.

    >>> Slow = extend_with_lookahead(keras.optimizers.SGD)
    >>> optimizer, theta = Slow(1.0, steps_per_slow_update=2), keras.Variable(8.0)
    >>> for _ in range(2):
    ...     optimizer.apply([ops.array(1.0)], [theta])
    >>> float(theta)  # half-way between 8 and 6
    7.0
    """
    return extend(Lookahead, BaseOptimizer, name)


@keras.saving.register_keras_serializable("kerasx")
class ExponentialMovingAverage(Extension):
    """See extend_with_exponential_moving_average."""

    def __init__(self, *args, ema_momentum=0.999, **kwargs):
        super().__init__(*args, **kwargs)
        if not 0 <= ema_momentum < 1:
            raise ValueError(
                f"`ema_momentum` must be a number in [0, 1). Received: ema_momentum={ema_momentum}"
            )
        if self.use_ema:
            raise ValueError(
                "`use_ema` must be False: this optimizer has an average of its own. "
                "Received: use_ema=True"
            )
        self.ema_momentum = ema_momentum
        self._old_weights = None

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._averages = float_slots(self, variables, "ema")

    def after_update(self):
        super().after_update()
        for average, v in zip(self._averages, variables_of(self)):
            new = (1 - self.ema_momentum) * ops.cast(v, average.dtype)
            average.assign(self.ema_momentum * average + new)

    def apply_ema_weights(self, bias_correction=True):
        """Give the model the averaged weights; `reset_old_weights` takes them back.

        Args:
            bias_correction: divide by 1 - μ^t, as the average starts from zero.
        """
        updates = int(ops.convert_to_numpy(self.iterations))
        if not self.built or not updates or self._old_weights is not None:
            raise ValueError(
                "`apply_ema_weights` must follow an update, and reset_old_weights if the averages "
                f"are applied already. Received: {updates} updates, averages "
                f"{'not ' if self._old_weights is None else ''}applied"
            )
        scale = 1 - self.ema_momentum**updates if bias_correction else 1.0
        variables = variables_of(self)
        self._old_weights = tuple(ops.convert_to_numpy(ops.copy(v)) for v in variables)
        for v, average in zip(variables, self._averages):
            v.assign(ops.convert_to_numpy(average) / scale)

    def reset_old_weights(self):
        """Give the model back the weights it had before `apply_ema_weights`."""
        if self._old_weights is None:
            raise ValueError(
                "`reset_old_weights` must follow apply_ema_weights. Received: no averages applied"
            )
        for v, old in zip(variables_of(self), self._old_weights):
            v.assign(old)
        self._old_weights = None

    def get_config(self):
        return {**super().get_config(), "ema_momentum": self.ema_momentum}


def extend_with_exponential_moving_average(BaseOptimizer, name=None):
    """A class that keeps an average of the weights, to be evaluated or saved instead of them.

    φ ← μ φ + (1 - μ) θ after each update, from φ = 0; the average is φ / (1 - μ^t) after t
    updates. Micro-batches of accumulated gradients are no updates. One float32 slot for each
    variable. The model has its own weights until `apply_ema_weights()`, for example at the end of
    an epoch, and has them again after `reset_old_weights()`.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: of the new class.

    Returns:
        The class; it takes `ema_momentum` (0.999), μ, besides what BaseOptimizer takes.

    Raises:
        ValueError: μ is not in [0, 1); the averages are applied before the first update, or twice.

    >>> Averaged = extend_with_exponential_moving_average(keras.optimizers.SGD)
    >>> optimizer, theta = Averaged(1.0, ema_momentum=0.5), keras.Variable(0.0)
    >>> for _ in range(2):
    ...     optimizer.apply([ops.array(-1.0)], [theta])
    >>> optimizer.apply_ema_weights()
    >>> round(float(theta), 4)  # (0.25 · 1 + 0.5 · 2) / 0.75
    1.6667
    >>> optimizer.reset_old_weights()
    >>> float(theta)
    2.0
    """
    return extend(ExponentialMovingAverage, BaseOptimizer, name)
