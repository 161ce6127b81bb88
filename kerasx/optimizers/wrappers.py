"""Class factories of bert4keras: each adds one thing to any Keras optimizer, and they compose."""

import math
import types

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import uses_weight_decay, variable_index, variable_key
from kerasx.ops import piecewise_linear
from kerasx.optimizers.extension import Extension, extend, matching
from kerasx.optimizers.schedules import numeric_schedule

__all__ = [
    "extend_with_layer_adaptation",
    "extend_with_lazy_optimization",
    "extend_with_parameter_wise_lr",
    "extend_with_piecewise_linear_lr",
    "extend_with_weight_decay",
]


@keras.saving.register_keras_serializable("kerasx")
class WeightDecay(Extension):
    """See extend_with_weight_decay."""

    def __init__(
        self,
        *args,
        weight_decay_rate=0.01,
        exclude_from_weight_decay=(),
        include_in_weight_decay=(),
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        if not weight_decay_rate >= 0:
            raise ValueError(
                "`weight_decay_rate` must be a number >= 0. "
                f"Received: weight_decay_rate={weight_decay_rate}"
            )
        if self.weight_decay:
            raise ValueError(
                "`weight_decay` must be None or 0 beside `weight_decay_rate`, or weights decay "
                f"twice. Received: weight_decay={self.weight_decay}"
            )
        self.weight_decay_rate = weight_decay_rate
        self._patterns = (tuple(exclude_from_weight_decay), tuple(include_in_weight_decay))

    def build(self, variables):
        if self.built:
            return
        excluded, included = self._patterns
        out = matching(excluded, variables, "exclude_from_weight_decay", every=False)
        into = matching(included, variables, "include_in_weight_decay")
        super().build(variables)
        self._decays = [
            uses_weight_decay(self, v) and not x and (not included or bool(i))
            for v, x, i in zip(variables, out, into)
        ]

    def compute_update(self, gradient, variable, learning_rate):
        direction, scale = super().compute_update(gradient, variable, learning_rate)
        if not self._decays[variable_index(self, variable)]:
            return direction, scale
        decay = -learning_rate * self.weight_decay_rate
        return backend.add_scaled(scale * direction, decay, variable), 1.0

    def get_config(self):
        return {
            **super().get_config(),
            "weight_decay_rate": self.weight_decay_rate,
            "exclude_from_weight_decay": list(self._patterns[0]),
            "include_in_weight_decay": list(self._patterns[1]),
        }


def extend_with_weight_decay(BaseOptimizer, name=None):
    """A class with decoupled weight decay: θ ← θ - η u - η λ θ.

    η is the learning rate of the step, all schedules included, so that a warm-up warms up the
    decay too; the decay is a part of the update, to which what is put around (layer adaptation,
    parameter-wise rates) applies. That is where it differs from L2 regularization.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: of the new class.

    Returns:
        The class; it takes besides what BaseOptimizer takes
        `weight_decay_rate` (0.01): λ;
        `exclude_from_weight_decay`: list of parts of variable paths, or regular expressions;
        `include_in_weight_decay`: likewise; if given, only these decay.

    Raises:
        ValueError: λ < 0; when built, if a pattern of `include_in_weight_decay` or none of
            `exclude_from_weight_decay` matches a variable.

    Source: arXiv 1711.05101.

    >>> SGDW = extend_with_weight_decay(keras.optimizers.SGD, name="SGDW")
    >>> optimizer = SGDW(0.1, weight_decay_rate=0.5, exclude_from_weight_decay=["bias"])
    >>> kernel, bias = keras.Variable(1.0, name="kernel"), keras.Variable(1.0, name="bias")
    >>> optimizer.apply([ops.array(1.0), ops.array(1.0)], [kernel, bias])
    >>> round(float(kernel), 4), round(float(bias), 4)
    (0.85, 0.9)
    """
    return extend(WeightDecay, BaseOptimizer, name)


@keras.saving.register_keras_serializable("kerasx")
class LayerAdaptation(Extension):
    """See extend_with_layer_adaptation."""

    def __init__(self, *args, exclude_from_layer_adaptation=(), **kwargs):
        super().__init__(*args, **kwargs)
        self._unadapted_patterns = tuple(exclude_from_layer_adaptation)

    def build(self, variables):
        if self.built:
            return
        argument = "exclude_from_layer_adaptation"
        excluded = matching(self._unadapted_patterns, variables, argument, every=False)
        super().build(variables)
        self._adapted = [not patterns for patterns in excluded]

    def compute_update(self, gradient, variable, learning_rate):
        size = ops.norm(ops.reshape(variable, (-1,)))
        direction, scale = super().compute_update(gradient, variable, learning_rate)
        if not self._adapted[variable_index(self, variable)]:
            return direction, scale
        step = ops.abs(scale) * ops.norm(ops.reshape(direction, (-1,)))
        usable = ops.logical_and(size > 0, step > 0)
        ratio = learning_rate * size / ops.where(usable, step, 1.0)
        return direction, scale * ops.where(usable, ratio, 1.0)

    def get_config(self):
        return {
            **super().get_config(),
            "exclude_from_layer_adaptation": list(self._unadapted_patterns),
        }


def extend_with_layer_adaptation(BaseOptimizer, name=None):
    """A class whose step on a variable has the length η ‖θ‖ (LAMB's trust ratio).

    θ ← θ + (‖θ‖ / ‖Δ/η‖) Δ where Δ is the update of BaseOptimizer, with its weight decay; where
    ‖θ‖ or ‖Δ‖ is zero the factor is 1. Computed as η ‖θ‖ / ‖Δ‖, which is exact for any η.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: of the new class.

    Returns:
        The class; it takes besides what BaseOptimizer takes `exclude_from_layer_adaptation`: list
        of parts of variable paths, or regular expressions.

    Raises:
        ValueError: when built, if none of the patterns matches a variable.

    Source: arXiv 1904.00962.

    >>> Lamb = extend_with_layer_adaptation(keras.optimizers.SGD, name="Lars")
    >>> theta = keras.Variable([3.0, 4.0])
    >>> Lamb(0.1).apply([ops.array([7.0, 0.0])], [theta])
    >>> ops.convert_to_numpy(theta).tolist()
    [2.5, 4.0]
    """
    return extend(LayerAdaptation, BaseOptimizer, name)


@keras.saving.register_keras_serializable("kerasx")
class PiecewiseLinearLr(Extension):
    """See extend_with_piecewise_linear_lr."""

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
    """A class whose learning rate is multiplied by a piecewise linear function of `iterations`.

    {1000: 1, 2000: 0.1} rises from 0 to 1 over 1000 updates, falls to 0.1 over the next 1000 and
    stays there. `learning_rate` itself is not changed, so callbacks may go on setting it;
    `lr_multiplier()` is the factor. Updates are counted from 0, so the first has the factor 0 in
    this example, as in bert4keras; with gradient accumulation, micro-batches are not counted.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: of the new class.

    Returns:
        The class; it takes `lr_schedule`, {step: factor}, besides what BaseOptimizer takes.

    Raises:
        ValueError: `lr_schedule` is no such dict.

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
    """See extend_with_parameter_wise_lr."""

    def __init__(self, *args, paramwise_lr_schedule=None, **kwargs):
        super().__init__(*args, **kwargs)
        schedule = paramwise_lr_schedule or {}
        if any(not isinstance(x, (int, float)) or not x >= 0 for x in schedule.values()):
            raise ValueError(
                "`paramwise_lr_schedule` must be a dict of factors >= 0 by patterns of variable "
                f"paths. Received: paramwise_lr_schedule={schedule}"
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
    """A class that multiplies the update of a variable by the factors of the patterns in its path.

    The update is the whole of it, decay included; where it is linear in the learning rate this is
    a learning rate of its own. Factors of several patterns multiply. Costs no copy.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: of the new class.

    Returns:
        The class; it takes `paramwise_lr_schedule`, {pattern: factor}, besides what BaseOptimizer
        takes. A pattern is a part of the path, as "Transformer-0-", or a regular expression.

    Raises:
        ValueError: a factor is negative; when built, if a pattern matches no variable.

    >>> ByName = extend_with_parameter_wise_lr(keras.optimizers.SGD)
    >>> optimizer = ByName(1.0, paramwise_lr_schedule={"kernel": 0.5})
    >>> kernel, bias = keras.Variable(0.0, name="kernel"), keras.Variable(0.0, name="bias")
    >>> optimizer.apply([ops.array(1.0), ops.array(1.0)], [kernel, bias])
    >>> float(kernel), float(bias)
    (-0.5, -1.0)
    """
    return extend(ParameterWiseLr, BaseOptimizer, name)


@keras.saving.register_keras_serializable("kerasx")
class LazyOptimization(Extension):
    """See extend_with_lazy_optimization."""

    _touched = None

    def __init__(self, *args, include_in_lazy_optimization=(), **kwargs):
        super().__init__(*args, **kwargs)
        self._lazy_patterns = tuple(include_in_lazy_optimization)

    def build(self, variables):
        if self.built:
            return
        found = matching(self._lazy_patterns, variables, "include_in_lazy_optimization")
        super().build(variables)
        self._lazy = [bool(patterns) for patterns in found]

    def update_step(self, gradient, variable, learning_rate):
        if not self._lazy[variable_index(self, variable)]:
            super().update_step(gradient, variable, learning_rate)
            return
        gradient = backend.dense(gradient, variable.dtype)
        axes = tuple(range(1, len(gradient.shape)))
        rows = ops.any(ops.not_equal(gradient, 0), axis=axes, keepdims=True)
        self._touched = touched = types.SimpleNamespace(old={}, shape=rows.shape)
        try:
            super().update_step(gradient, variable, learning_rate)
        finally:
            self._touched = None
        for x, old in touched.old.values():
            self.assign(x, ops.where(rows, ops.convert_to_tensor(x), old))

    def _remember(self, variable):
        """Keep the old value of what has the rows that are being updated."""
        touched, shape = self._touched, variable.shape
        if touched is None or len(shape) != len(touched.shape) or shape[0] != touched.shape[0]:
            return
        if variable_key(self, variable) not in touched.old:
            touched.old[variable_key(self, variable)] = variable, ops.copy(variable)

    def assign(self, variable, value):
        self._remember(variable)
        super().assign(variable, value)

    def assign_add(self, variable, value):
        self._remember(variable)
        super().assign_add(variable, value)

    def assign_sub(self, variable, *args):
        self._remember(variable)
        super().assign_sub(variable, *args)

    def accumulate(self, slot, *args, **kwargs):
        """Of optimizers of ours, which do this in place on PyTorch."""
        self._remember(slot)
        super().accumulate(slot, *args, **kwargs)

    def get_config(self):
        return {**super().get_config(), "include_in_lazy_optimization": list(self._lazy_patterns)}


def extend_with_lazy_optimization(BaseOptimizer, name=None):
    """A class that leaves alone the rows of embeddings that have no gradient in this step.

    Of the variables listed, a row whose gradient is zero keeps its value, also under weight decay
    or momentum, and the rows of slots that have the variable's rows (not the column factor of an
    AdaFactor) keep theirs. Bias corrections go by the updates of the optimizer, not of the row.
    Costs a copy, for the time of the step, of what is listed and of its slots.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: of the new class.

    Returns:
        The class; it takes `include_in_lazy_optimization`, a list of parts of variable paths or
        regular expressions, besides what BaseOptimizer takes.

    Raises:
        ValueError: when built, if a pattern matches no variable.

    >>> Lazy = extend_with_lazy_optimization(keras.optimizers.SGD)
    >>> optimizer = Lazy(1.0, momentum=0.5, include_in_lazy_optimization=["embeddings"])
    >>> table = keras.Variable([[0.0], [0.0]], name="embeddings")
    >>> optimizer.apply([ops.array([[1.0], [1.0]])], [table])
    >>> optimizer.apply([ops.array([[1.0], [0.0]])], [table])
    >>> ops.convert_to_numpy(table).tolist()
    [[-2.5], [-1.0]]
    """
    return extend(LazyOptimization, BaseOptimizer, name)
