"""LAMB's trust ratio for any optimizer."""

import keras
from keras import ops

from kerasx.backend.keras_internals import variable_index
from kerasx.optimizers.extension import Extension, extend, matching


@keras.saving.register_keras_serializable("kerasx")
class LayerAdaptation(Extension):
    """Mixin with LAMB's trust ratio; see `extend_with_layer_adaptation`."""

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
    """Make a class whose step on a variable has the length η ‖θ‖ (LAMB's trust ratio).

    θ ← θ + (η ‖θ‖ / ‖Δ‖) Δ, where Δ is the update of BaseOptimizer, weight decay included. The
    factor is 1 where ‖θ‖ or ‖Δ‖ is 0.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: str, the name of the new class, or None.

    Returns:
        The class, which takes the arguments of BaseOptimizer and
        `exclude_from_layer_adaptation`: list of parts of variable paths, or regular expressions.

    Raises:
        ValueError: when built, if none of the patterns matches a variable.

    Source: arXiv 1904.00962.

    >>> Lars = extend_with_layer_adaptation(keras.optimizers.SGD, name="Lars")
    >>> theta = keras.Variable([3.0, 4.0])
    >>> Lars(0.1).apply([ops.array([7.0, 0.0])], [theta])
    >>> ops.convert_to_numpy(theta).tolist()
    [2.5, 4.0]
    """
    return extend(LayerAdaptation, BaseOptimizer, name)
