"""Update only the rows of an embedding that have a gradient, for any optimizer."""

import types

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import variable_index, variable_key
from kerasx.optimizers.extension import Extension, extend, matching


@keras.saving.register_keras_serializable("kerasx")
class LazyOptimization(Extension):
    """Mixin that updates only rows with a gradient; see `extend_with_lazy_optimization`.

    The optimizer makes its ordinary step; rows without a gradient then get back the values that
    every assignment during the step has saved.
    """

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
        """Save the old value of the variable that is updated, or of a slot with as many rows."""
        touched, shape = self._touched, variable.shape
        if touched is None or len(shape) != len(touched.shape) or shape[0] != touched.shape[0]:
            return
        key = variable_key(self, variable)
        if key not in touched.old:
            touched.old[key] = variable, ops.copy(variable)

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
        self._remember(slot)
        super().accumulate(slot, *args, **kwargs)

    def get_config(self):
        return {**super().get_config(), "include_in_lazy_optimization": list(self._lazy_patterns)}


def extend_with_lazy_optimization(BaseOptimizer, name=None):
    """Make a class that leaves rows of embeddings unchanged in steps where their gradient is 0.

    Weight decay and momentum do not move these rows either, and their slots stay, too, if a slot
    has the rows of the variable (the column factor of AdaFactor has not). Bias corrections count
    the updates of the optimizer, not of the row. During a step, the variables listed and their
    slots are copied.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: str, the name of the new class, or None.

    Returns:
        The class, which takes the arguments of BaseOptimizer and
        `include_in_lazy_optimization`: list of parts of variable paths, or regular expressions.

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
