"""Make classes that extend any Keras optimizer, and find them again when a file is loaded.

An extension is a mixin, a subclass of `Extension`. `extend(mixin, BaseOptimizer)` makes the class
(mixin, BaseOptimizer), so extensions compose by inheritance: each one calls `super()` for the
update of the base optimizer and changes it.
"""

import functools
import re
import types

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import (
    decays_by_itself,
    has_keras_decay,
    layout,
    uses_weight_decay,
    variable_index,
    variable_key,
    variables_of,
)
from kerasx.checks import invalid

register = keras.saving.register_keras_serializable


@decays_by_itself  # in `compute_update`
class Extension(backend.InPlace):
    """Base class of the mixins, which intercepts the assignments of the base optimizer.

    `update_step` of a Keras optimizer assigns the new value to the variable and returns nothing. A
    mixin that wants to scale the update, or add to it, overrides `compute_update`; while that runs,
    `assign_sub` and the like record the update of this variable instead of assigning it. So the
    variable is not copied, no precision is lost in a difference θ' - θ, and Keras's
    `weight_decay` is part of the update. `after_update` runs after each real update, whichever of
    the mixins accumulates gradients.

    A class made at run time has no name that another process could import. So in a saved file
    every such class is called kerasx>ExtendedOptimizer, and its config lists the `recipe` (the
    optimizer and the mixins) from which `from_config` makes the class again.
    """

    _captured = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.gradient_accumulation_steps:
            raise invalid(
                "`gradient_accumulation_steps` must be None in an extended optimizer: use "
                "extend_with_gradient_accumulation and its `grad_accum_steps`.",
                gradient_accumulation_steps=self.gradient_accumulation_steps,
            )

    def apply(self, grads, trainable_variables=None):
        super().apply(grads, trainable_variables)
        if len(grads):
            self.after_update()

    def after_update(self):
        """Run after an update of all variables, which `iterations` already counts."""

    def lr_multiplier(self):
        """Return the factor of the learning rate at this iteration."""
        return 1.0

    def update_step(self, gradient, variable, learning_rate):
        rate = ops.cast(learning_rate * self.lr_multiplier(), variable.dtype)
        if type(self).compute_update is not Extension.compute_update:
            direction, scale = self.compute_update(gradient, variable, rate)
            self.assign_sub(variable, ops.cast(direction, variable.dtype), -scale)
            return
        decay = self._keras_decay(variable, rate)
        super().update_step(backend.dense(gradient, variable.dtype), variable, rate)
        if decay is not None:
            self.assign_add(variable, decay)

    def compute_update(self, gradient, variable, learning_rate):
        """Return the update of `variable` as (direction, scale), with θ ← θ + scale · direction.

        The scale is a scalar, so multiplying it costs nothing: each product of a tensor is a pass
        over memory, and `update_step` makes only one.
        """
        key = variable_key(self, variable)
        self._captured = captured = types.SimpleNamespace(key=key, terms=[])
        try:
            gradient = backend.dense(gradient, variable.dtype)
            super().update_step(gradient, variable, learning_rate)
        finally:
            self._captured = None
        if not captured.terms:
            raise invalid(
                "`BaseOptimizer` must update variables through self.assign, self.assign_add or "
                "self.assign_sub to be extended.",
                BaseOptimizer=recipe(type(self))[0],
            )
        decay = self._keras_decay(variable, learning_rate)
        if decay is None and len(captured.terms) == 1:
            return captured.terms[0]
        terms = [scale * direction for direction, scale in captured.terms]
        return sum(terms if decay is None else [*terms, decay]), 1.0

    def _keras_decay(self, variable, learning_rate):
        """Return -η λ θ for Keras's `weight_decay`, or None if the optimizer decays by itself."""
        if self.weight_decay is None or not has_keras_decay(super()):
            return None
        known = variables_of(self)[variable_index(self, variable)]  # a tf.Variable has no path
        if not uses_weight_decay(self, known):
            return None
        return -learning_rate * self.weight_decay * variable

    def _catch(self, variable, direction, scale=1.0):
        """Record the update and return True if `compute_update` of this variable is running.

        Assignments to slots go through: their keys differ.
        """
        captured = self._captured
        if captured is None or variable_key(self, variable) != captured.key:
            return False
        direction = direction() if callable(direction) else direction
        captured.terms.append((backend.dense(direction, variable.dtype), scale))
        return True

    def assign(self, variable, value):
        if not self._catch(variable, lambda: value - variable):
            super().assign(variable, value)

    def assign_add(self, variable, value):
        if not self._catch(variable, value):
            super().assign_add(variable, value)

    def assign_sub(self, variable, value, scale=None):
        if not self._catch(variable, value, -1.0 if scale is None else -scale):
            super().assign_sub(variable, value, scale)

    def get_config(self):
        return {**super().get_config(), "recipe": recipe(type(self))}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        steps = config.pop("recipe", None)
        if cls is Extension:
            return made_from(steps).from_config(config, custom_objects)
        return super().from_config(config, custom_objects)


@functools.cache
def extend(mixin, BaseOptimizer, name=None):
    """Make the class (mixin, BaseOptimizer); equal arguments return the same class.

    Args:
        mixin: a registered subclass of `Extension` with `__init__(self, *args, ..., **kwargs)`.
        BaseOptimizer: a subclass of keras.optimizers.Optimizer. A fresh process finds it if it is
            in keras.optimizers, registered, or made by `extend`.
        name: str, the name of the class; by default made from both, e.g. "AdamWithWeightDecay".

    Raises:
        ValueError: `BaseOptimizer` is no class of optimizers, or has this mixin already.
    """
    optimizer = keras.optimizers.Optimizer
    if not isinstance(BaseOptimizer, type) or not issubclass(BaseOptimizer, optimizer):
        raise invalid(
            "`BaseOptimizer` must be a class derived from keras.optimizers.Optimizer, such as "
            "keras.optimizers.Adam, not an instance.",
            BaseOptimizer=BaseOptimizer,
        )
    if issubclass(BaseOptimizer, mixin):
        raise invalid(
            f"`BaseOptimizer` must not have the extension {mixin.__name__} already.",
            BaseOptimizer=BaseOptimizer.__name__,
        )
    steps = [*recipe(BaseOptimizer), [keras.saving.get_registered_name(mixin), name]]
    members = {"__doc__": mixin.__doc__, "__module__": mixin.__module__, "_recipe": steps}
    cls = type(
        name or f"{BaseOptimizer.__name__}With{mixin.__name__}", (mixin, BaseOptimizer), members
    )
    # Registering writes "kerasx>ExtendedOptimizer" into files of this class; registering Extension
    # last under the same name makes that name load Extension, whose from_config reads the recipe.
    register("kerasx", "ExtendedOptimizer")(cls)
    register("kerasx", "ExtendedOptimizer")(Extension)
    return cls


def recipe(cls):
    """Return [name of the optimizer, [name of a mixin, name of the class], ...], as registered."""
    return list(vars(cls).get("_recipe", [keras.saving.get_registered_name(cls)]))


def made_from(steps):
    """Make the class of a recipe from registered classes and those of keras.optimizers."""
    base, *extensions = steps
    cls = keras.saving.get_registered_object(base) or getattr(keras.optimizers, base, None)
    for mixin, name in extensions:
        found = keras.saving.get_registered_object(mixin)
        if cls is None or not isinstance(found, type) or not issubclass(found, Extension):
            missing = base if cls is None else mixin
            raise invalid(
                "`recipe` must name registered classes: import, before loading, the module that "
                f"defines {missing}, or give it in `custom_objects`.",
                recipe=steps,
            )
        cls = extend(found, cls, name)
    return cls


def matching(patterns, variables, argument, every=True):
    """Return, for each variable, the list of patterns that match its path.

    Args:
        patterns: list of str, each a part of a path or a regular expression.
        variables: Keras variables.
        argument: name of the argument, for the error.
        every: whether each pattern must match a variable, or only one of them. The latter is for
            exclusions such as ["Norm", "bias"], used for models with and without biases.

    Raises:
        ValueError: a pattern is no regular expression, or matches no variable.
    """
    paths = [getattr(v, "path", v.name) for v in variables]
    found = [[p for p in patterns if _matches(p, path, argument)] for path in paths]
    unused = [p for p in patterns if not any(p in hits for hits in found)]
    if unused and (every or len(unused) == len(patterns)):
        shown = ", ".join(paths[:20]) + (f", ... ({len(paths)} in all)" if len(paths) > 20 else "")
        raise ValueError(
            f"`{argument}` must match paths of variables; correct or remove the patterns that do "
            f"not. Received: {argument} with {unused}. The paths are: {shown}"
        )
    return found


def _matches(pattern, path, argument):
    try:
        return pattern in path or re.search(pattern, path) is not None
    except (re.error, TypeError) as error:
        raise ValueError(
            f"`{argument}` must be made of parts of paths or regular expressions ({error}). "
            f"Received: {argument} with {pattern!r}"
        ) from error


def float_slots(optimizer, variables, name):
    """Make a slot of zeros for each variable, in float32 or wider."""
    return [
        optimizer.add_variable(
            shape=v.shape,
            dtype=backend.wide_dtype(v.dtype),
            layout=layout(v),
            name=f"{v.path.replace('/', '_')}_{name}",
        )
        for v in variables
    ]


def when(condition, action, variables, arguments=()):
    """Run `action(*arguments)` only if `condition`, a boolean tensor, is true.

    JAX, while it traces, allows no assignment inside a conditional: there the action runs in a
    StatelessScope, the conditional returns new values, and they are assigned afterwards.

    Args:
        condition: a boolean scalar tensor, the same on all replicas.
        action: a function of tensors and lists of tensors.
        variables: list of all variables that `action` assigns to.
        arguments: tensors that the action needs, which differ between replicas.
    """
    if keras.backend.backend() != "jax":
        backend.run_if(condition, action, arguments)
        return
    try:
        known = bool(condition)
    except TypeError:  # raised by JAX for a value that is being traced
        known = None
    if known is not None:
        if known:
            action(*arguments)
        return
    values = [v.value for v in variables]

    def changed():
        with keras.StatelessScope(state_mapping=list(zip(variables, values))) as scope:
            action(*arguments)
        return [ops.convert_to_tensor(scope.get_current_value(v)) for v in variables]

    for v, value in zip(variables, ops.cond(condition, changed, lambda: values)):
        v.assign(value)


register("kerasx", "ExtendedOptimizer")(Extension)
