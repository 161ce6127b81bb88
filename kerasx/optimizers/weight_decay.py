"""Decoupled weight decay for any optimizer."""

import keras

from kerasx import backend
from kerasx.backend.keras_internals import uses_weight_decay, variable_index
from kerasx.checks import check_number, invalid
from kerasx.optimizers.extension import Extension, extend, matching


@keras.saving.register_keras_serializable("kerasx")
class WeightDecay(Extension):
    """Mixin with decoupled weight decay; see `extend_with_weight_decay`."""

    def __init__(
        self,
        *args,
        weight_decay_rate=0.01,
        exclude_from_weight_decay=(),
        include_in_weight_decay=(),
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        if self.weight_decay:
            raise invalid(
                "`weight_decay` must be None or 0 beside `weight_decay_rate`, or weights decay "
                "twice.",
                weight_decay=self.weight_decay,
            )
        self.weight_decay_rate = check_number("weight_decay_rate", weight_decay_rate, least=0)
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
    """Make a class with decoupled weight decay: θ ← θ - η u - η λ θ.

    η is the learning rate of the step with all schedules, so a warm-up also warms up the decay.
    The decay is part of the update, so layer adaptation and parameter-wise rates that extend this
    class apply to it: there it differs from L2 regularization.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: str, the name of the new class, or None.

    Returns:
        The class, which takes the arguments of BaseOptimizer and
        `weight_decay_rate` (0.01): λ;
        `exclude_from_weight_decay`: list of parts of variable paths, or regular expressions;
        `include_in_weight_decay`: the same; if given, only these variables decay.

    Raises:
        ValueError: λ < 0; when built, if a pattern of `include_in_weight_decay` or none of
            `exclude_from_weight_decay` matches a variable.

    Source: arXiv 1711.05101.

    >>> from keras import ops
    >>> SGDW = extend_with_weight_decay(keras.optimizers.SGD, name="SGDW")
    >>> optimizer = SGDW(0.1, weight_decay_rate=0.5, exclude_from_weight_decay=["bias"])
    >>> kernel, bias = keras.Variable(1.0, name="kernel"), keras.Variable(1.0, name="bias")
    >>> optimizer.apply([ops.array(1.0), ops.array(1.0)], [kernel, bias])
    >>> round(float(kernel), 4), round(float(bias), 4)
    (0.85, 0.9)
    """
    return extend(WeightDecay, BaseOptimizer, name)
