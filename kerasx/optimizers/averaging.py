"""Keep a second set of weights: Lookahead's slow weights, or moving averages to evaluate."""

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import variables_of
from kerasx.checks import check_integer, check_number, invalid
from kerasx.optimizers.extension import Extension, extend, float_slots


@keras.saving.register_keras_serializable("kerasx")
class Lookahead(Extension):
    """Mixin with slow weights that follow the weights; see `extend_with_lookahead`."""

    def __init__(self, *args, steps_per_slow_update=5, slow_step_size=0.5, **kwargs):
        super().__init__(*args, **kwargs)
        self.steps_per_slow_update = check_integer(
            "steps_per_slow_update", steps_per_slow_update, least=1
        )
        self.slow_step_size = check_number("slow_step_size", slow_step_size, above=0, most=1)

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
    """Make a class that moves slow weights φ towards the weights θ every k updates (Lookahead).

    φ ← φ + α (θ - φ),  θ ← φ after every k-th update. φ starts as the weights are when the
    optimizer is built, as in the paper (in bert4keras it starts from zero), so load weights before
    the first training step. Takes one slot for each variable.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: str, the name of the new class, or None.

    Returns:
        The class, which takes the arguments of BaseOptimizer and
        `steps_per_slow_update` (5): k;
        `slow_step_size` (0.5): α, in (0, 1].

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
    """Mixin with averaged weights; see `extend_with_exponential_moving_average`."""

    def __init__(self, *args, ema_momentum=0.999, **kwargs):
        super().__init__(*args, **kwargs)
        if self.use_ema:
            raise invalid(
                "`use_ema` must be False: this optimizer keeps averages already.", use_ema=True
            )
        self.ema_momentum = check_number("ema_momentum", ema_momentum, least=0, below=1)
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
        """Put the averages into the model until `reset_old_weights`.

        Args:
            bias_correction: whether to divide by 1 - μ^t, as the average starts from zero.
        """
        updates = int(ops.convert_to_numpy(self.iterations))
        if not self.built or not updates or self._old_weights is not None:
            raise invalid(
                "`apply_ema_weights` must follow an update, and reset_old_weights if the averages "
                "are applied already.",
                updates=updates,
                averages_applied=self._old_weights is not None,
            )
        scale = 1 - self.ema_momentum**updates if bias_correction else 1.0
        variables = variables_of(self)
        self._old_weights = tuple(np.array(backend.whole_array(v)) for v in variables)
        for v, average in zip(variables, self._averages):
            v.assign(backend.whole_array(average) / scale)

    def reset_old_weights(self):
        """Put back the weights that the model had before `apply_ema_weights`."""
        if self._old_weights is None:
            raise invalid(
                "`reset_old_weights` must follow apply_ema_weights.", averages_applied=False
            )
        for v, old in zip(variables_of(self), self._old_weights):
            v.assign(old)
        self._old_weights = None

    def get_config(self):
        return {**super().get_config(), "ema_momentum": self.ema_momentum}


def extend_with_exponential_moving_average(BaseOptimizer, name=None):
    """Make a class that keeps moving averages of the weights, to evaluate or save.

    φ ← μ φ + (1 - μ) θ after each update, from φ = 0; the average is φ / (1 - μ^t) after t
    updates. Micro-batches of accumulated gradients do not count as updates. The method
    `apply_ema_weights()` puts the averages into the model, `reset_old_weights()` takes them out
    again. Takes one float32 slot for each variable.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: str, the name of the new class, or None.

    Returns:
        The class, which takes the arguments of BaseOptimizer and `ema_momentum` (0.999): μ.

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
