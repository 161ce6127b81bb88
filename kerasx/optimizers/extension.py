"""What the class factories share: classes that can be found again, the update as a value."""

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

__all__ = ["Extension", "extend", "float_slots", "matching", "recipe", "when"]

register = keras.saving.register_keras_serializable


@decays_by_itself  # in `compute_update`
class Extension(backend.InPlace):
    """The root of all mixins: it stands between them and the optimizer they extend.

    The optimizer beneath assigns its update to the variable; if a mixin overrides `compute_update`
    to change it, the assignment is caught and becomes the value of that. So no copy of the
    variable is needed, nothing is lost by rounding θ' - θ, and the weight decay of Keras
    (`weight_decay`) is part of the update. `after_update` runs after each real update, whichever
    of the mixins accumulates gradients.

    In a saved file every class made by `extend` is called kerasx>ExtendedOptimizer, and its config
    names the optimizer extended and the mixins, from which a fresh process makes the class again.
    """

    _captured = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.gradient_accumulation_steps:
            raise ValueError(
                "`gradient_accumulation_steps` must be None in an extended optimizer: use "
                "extend_with_gradient_accumulation and its `grad_accum_steps`. Received: "
                f"gradient_accumulation_steps={self.gradient_accumulation_steps}"
            )

    def apply(self, grads, trainable_variables=None):
        super().apply(grads, trainable_variables)
        if len(grads):
            self.after_update()

    def after_update(self):
        """What follows an update of all variables; `iterations` counts it already."""

    def lr_multiplier(self):
        """The factor of the learning rate at this iteration."""
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
        """(direction, scale): scale · direction is to be added to `variable`.

        The scalar is kept apart, as each product with it is a pass over memory.
        """
        key = variable_key(self, variable)
        self._captured = captured = types.SimpleNamespace(key=key, terms=[])
        try:
            gradient = backend.dense(gradient, variable.dtype)
            super().update_step(gradient, variable, learning_rate)
        finally:
            self._captured = None
        if not captured.terms:
            raise ValueError(
                "`BaseOptimizer` must update variables through self.assign, self.assign_add or "
                f"self.assign_sub to be extended. Received: BaseOptimizer={recipe(type(self))[0]}"
            )
        decay = self._keras_decay(variable, learning_rate)
        if decay is None and len(captured.terms) == 1:
            return captured.terms[0]
        terms = [scale * direction for direction, scale in captured.terms]
        return sum(terms if decay is None else [*terms, decay]), 1.0

    def _keras_decay(self, variable, learning_rate):
        """-η λ θ of the `weight_decay` of Keras; None if there is none or the optimizer's own."""
        if self.weight_decay is None or not has_keras_decay(super()):
            return None
        known = variables_of(self)[variable_index(self, variable)]  # a tf.Variable has no path
        if not uses_weight_decay(self, known):
            return None
        return -learning_rate * self.weight_decay * variable

    def _catch(self, variable, direction, scale=1.0):
        """Whether `variable` is being updated; then the update is kept."""
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
    """The class (mixin, BaseOptimizer); the same one each time.

    Args:
        mixin: a registered subclass of `Extension` with `__init__(self, *args, ..., **kwargs)`.
        BaseOptimizer: a subclass of keras.optimizers.Optimizer; to be found in a fresh process it
            must be one of Keras, or registered, or made by a factory.
        name: of the class, by default that of both, e.g. "AdamWithWeightDecay".

    Raises:
        ValueError: `BaseOptimizer` is no such class, or `mixin` extends it already.
    """
    optimizer = keras.optimizers.Optimizer
    if not isinstance(BaseOptimizer, type) or not issubclass(BaseOptimizer, optimizer):
        raise ValueError(
            "`BaseOptimizer` must be a class derived from keras.optimizers.Optimizer, such as "
            f"keras.optimizers.Adam, not an instance. Received: BaseOptimizer={BaseOptimizer}"
        )
    if issubclass(BaseOptimizer, mixin):
        raise ValueError(
            f"`BaseOptimizer` must not have the extension {mixin.__name__} already. "
            f"Received: BaseOptimizer={BaseOptimizer.__name__}"
        )
    steps = [*recipe(BaseOptimizer), [keras.saving.get_registered_name(mixin), name]]
    members = {"__doc__": mixin.__doc__, "__module__": mixin.__module__, "_recipe": steps}
    cls = type(
        name or f"{BaseOptimizer.__name__}With{mixin.__name__}", (mixin, BaseOptimizer), members
    )
    # The file names the extended optimizer, whatever its class; the name leads to Extension.
    register("kerasx", "ExtendedOptimizer")(cls)
    register("kerasx", "ExtendedOptimizer")(Extension)
    return cls


def recipe(cls):
    """[registered name of the optimizer, [registered name of a mixin, name of the class], ...]."""
    return list(vars(cls).get("_recipe", [keras.saving.get_registered_name(cls)]))


def made_from(steps):
    """The class with this recipe, out of registered classes and those of keras.optimizers."""
    base, *extensions = steps
    cls = keras.saving.get_registered_object(base) or getattr(keras.optimizers, base, None)
    for mixin, name in extensions:
        found = keras.saving.get_registered_object(mixin)
        if cls is None or not isinstance(found, type) or not issubclass(found, Extension):
            missing = base if cls is None else mixin
            raise ValueError(
                "`recipe` must name registered classes: import, before loading, the module that "
                f"defines {missing}, or give it in `custom_objects`. Received: recipe={steps}"
            )
        cls = extend(found, cls, name)
    return cls


def matching(patterns, variables, argument, every=True):
    """For each variable, the patterns that are part of its path or are found there as a regex.

    Args:
        patterns: list of strings.
        variables: Keras variables.
        argument: name of the argument, for the error.
        every: whether each pattern must match a variable; otherwise one of them must, as lists of
            what to leave out (["Norm", "bias"]) are the same for models with and without biases.

    Raises:
        ValueError: a pattern is no regular expression, or matches no variable.
    """
    paths = [getattr(v, "path", v.name) for v in variables]
    found = [[p for p in patterns if _matches(p, path, argument)] for path in paths]
    unused = [p for p in patterns if not any(p in hits for hits in found)]
    if unused and (every or len(unused) == len(patterns)):
        shown = ", ".join(paths[:20]) + (f", ... ({len(paths)} in all)" if len(paths) > 20 else "")
        raise ValueError(
            f"`{argument}` must match paths of variables; correct or remove what matches none. "
            f"Received: {argument} with {unused}. The paths are: {shown}"
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
    """A slot of zeros for each variable, in float32 where the variable is shorter."""
    return [
        optimizer.add_variable(
            shape=v.shape,
            dtype=keras.backend.result_type(v.dtype, "float32"),
            layout=layout(v),
            name=f"{v.path.replace('/', '_')}_{name}",
        )
        for v in variables
    ]


def when(condition, action, variables):
    """Do `action()`, which assigns to `variables` and to nothing else, only if `condition`.

    While JAX traces, both outcomes are values, assigned afterwards; elsewhere a conditional may
    assign.
    """
    if keras.backend.backend() != "jax":
        ops.cond(condition, action, lambda: None)
        return
    try:
        known = bool(condition)
    except TypeError:  # JAX says so of a value that is being traced
        known = None
    if known is not None:
        if known:
            action()
        return
    values = [v.value for v in variables]

    def changed():
        with keras.StatelessScope(state_mapping=list(zip(variables, values))) as scope:
            action()
        return [ops.convert_to_tensor(scope.get_current_value(v)) for v in variables]

    for v, value in zip(variables, ops.cond(condition, changed, lambda: values)):
        v.assign(value)


register("kerasx", "ExtendedOptimizer")(Extension)
