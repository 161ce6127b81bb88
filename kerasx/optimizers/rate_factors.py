"""Factors of the learning rate for any optimizer: by step, or by the path of the variable."""

import math

import keras

from kerasx.backend.keras_internals import variable_index
from kerasx.checks import invalid
from kerasx.ops import piecewise_linear
from kerasx.optimizers.extension import Extension, extend, matching
from kerasx.optimizers.schedules import numeric_schedule


@keras.saving.register_keras_serializable("kerasx")
class PiecewiseLinearLr(Extension):
    """Mixin with a factor of the learning rate; see `extend_with_piecewise_linear_lr`."""

    def __init__(self, *args, lr_schedule=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.lr_schedule = numeric_schedule(
            {0: 1.0} if lr_schedule is None else lr_schedule, "lr_schedule"
        )

    def lr_multiplier(self):
        multiplier = piecewise_linear(self.iterations, self.lr_schedule)
        return super().lr_multiplier() * multiplier

    def get_config(self):
        return {**super().get_config(), "lr_schedule": self.lr_schedule}


def extend_with_piecewise_linear_lr(BaseOptimizer, name=None):
    """Make a class whose learning rate has a factor that is piecewise linear in `iterations`.

    {1000: 1, 2000: 0.1} rises from 0 to 1 over 1000 updates, falls to 0.1 over the next 1000 and
    stays there. `learning_rate` itself does not change, so callbacks can still set it;
    `lr_multiplier()` returns the factor. As in bert4keras updates count from 0, so in this example
    the first update has the factor 0. With gradient accumulation, micro-batches do not count.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: str, the name of the new class, or None.

    Returns:
        The class, which takes the arguments of BaseOptimizer and `lr_schedule`, {step: factor}.

    >>> from keras import ops
    >>> Schedule = extend_with_piecewise_linear_lr(keras.optimizers.SGD)
    >>> optimizer, theta = Schedule(1.0, lr_schedule={2: 1, 4: 0}), keras.Variable(0.0)
    >>> for _ in range(6):
    ...     optimizer.apply([ops.array(-1.0)], [theta])
    >>> float(theta)  # 0 + 1/2 + 1 + 1/2 + 0 + 0
    2.0
    """
    return extend(PiecewiseLinearLr, BaseOptimizer, name)


@keras.saving.register_keras_serializable("kerasx")
class ParameterWiseLr(Extension):
    """Mixin with a factor for each variable; see `extend_with_parameter_wise_lr`."""

    def __init__(self, *args, paramwise_lr_schedule=None, **kwargs):
        super().__init__(*args, **kwargs)
        schedule = paramwise_lr_schedule or {}
        if any(not isinstance(x, (int, float)) or not x >= 0 for x in schedule.values()):
            raise invalid(
                "`paramwise_lr_schedule` must be a dict of factors >= 0 by patterns of variable "
                "paths.",
                paramwise_lr_schedule=schedule,
            )
        self._paramwise = tuple(schedule.items())

    def build(self, variables):
        if self.built:
            return
        factors = dict(self._paramwise)
        found = matching(list(factors), variables, "paramwise_lr_schedule")
        super().build(variables)
        self._factors = [math.prod(factors[p] for p in patterns) for patterns in found]

    def compute_update(self, gradient, variable, learning_rate):
        factor = self._factors[variable_index(self, variable)]
        direction, scale = super().compute_update(gradient, variable, learning_rate)
        return direction, scale * factor

    def get_config(self):
        return {**super().get_config(), "paramwise_lr_schedule": dict(self._paramwise)}


def extend_with_parameter_wise_lr(BaseOptimizer, name=None):
    """Make a class that multiplies the update of a variable by factors chosen by its path.

    The whole update is multiplied, weight decay included, without a copy of the variable. Where
    the update is linear in the learning rate, the factor is a learning rate of the variable.
    Factors of several matching patterns multiply.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: str, the name of the new class, or None.

    Returns:
        The class, which takes the arguments of BaseOptimizer and `paramwise_lr_schedule`,
        {pattern: factor}, where a pattern is a part of the path, such as "Transformer-0-", or a
        regular expression.

    Raises:
        ValueError: a factor is negative; when built, if a pattern matches no variable.

    >>> from keras import ops
    >>> ByName = extend_with_parameter_wise_lr(keras.optimizers.SGD)
    >>> optimizer = ByName(1.0, paramwise_lr_schedule={"kernel": 0.5})
    >>> kernel, bias = keras.Variable(0.0, name="kernel"), keras.Variable(0.0, name="bias")
    >>> optimizer.apply([ops.array(1.0), ops.array(1.0)], [kernel, bias])
    >>> float(kernel), float(bias)
    (-0.5, -1.0)
    """
    return extend(ParameterWiseLr, BaseOptimizer, name)
