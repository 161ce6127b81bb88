"""The private names of Keras that kerasx needs, each with the reason why no public name will do.

No other module of kerasx uses a private name. They are those of Keras 3.15:
`tests/backend/test_keras_internals.py` fails by name if a version lacks one, and the upper bound on
keras in setup.py is raised only when this test passes.
"""

import contextlib

import keras
from keras.src.backend import rnn  # noqa: F401 - no public name has the loop of keras.layers.RNN
from keras.src.backend.common import global_state, masking
from keras.src.backend.common.stateless_scope import in_stateless_scope  # noqa: F401
from keras.src.backend.common.symbolic_scope import in_symbolic_scope
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, global_seed_generator

from kerasx.checks import invalid

# the dtype that variables are cast to, and the arguments (`training`) meant for sublayers
_CALL_CONTEXT = ("autocast_scope", "current_call_ctx")


# Graphs: Keras has public layers and tensors, but no public nodes (the calls that connect them).


def producer(tensor):
    """Return the layer or operation that computed a symbolic tensor."""
    return tensor._keras_history.operation


def is_softmax(tensor):
    """Return whether a symbolic tensor is the output of a layer, or model, that is a softmax."""
    history = getattr(tensor, "_keras_history", None)
    layer = getattr(history, "operation", None)
    if isinstance(layer, keras.Model) and getattr(layer, "outputs", None):
        return is_softmax(layer.outputs[history.tensor_index])
    is_activation = getattr(layer, "activation", None) is keras.activations.softmax
    return is_activation or isinstance(layer, keras.layers.Softmax)


def is_read(tensor):
    """Return whether a layer was called on a symbolic tensor."""
    return bool(tensor._keras_history.operation._outbound_nodes)


def calls(layer):
    """Return the nodes of a layer, one for each symbolic call; `layer.output` allows only one."""
    return list(layer._inbound_nodes)


def call_outputs(node):
    """Return the output of a call; a list of several."""
    return node.output_tensors if len(node.output_tensors) != 1 else node.output_tensors[0]


def graph_calls(model):
    """Return the nodes of a functional model, without other models' calls of the same layers."""
    return [node for nodes in model._nodes_by_depth.values() for node in nodes]


def run_graph(model, inputs, call):
    """Run a functional model on `inputs`, each layer through `call(layer, *args, **kwargs)`.

    keras.models.clone_model refuses a graph that takes further inputs.
    """
    return model._run_through_graph(inputs, lambda layer: layer, call)


def all_layers(model):
    """Return the layers of a model at any depth: `model.layers` stops at the first level."""
    return list(model._flatten_layers())


# Calls of layers: to call a layer again as it was called before, for which Keras has no API.


def is_symbolic():
    """Return whether Keras is only inferring shapes, without a value to compute."""
    return in_symbolic_scope()


@contextlib.contextmanager
def new_state(layer):
    """Let a built layer make variables in this block, where it first learns which it needs."""
    layer._tracker.unlock()
    try:
        yield
    finally:
        layer._tracker.lock()


def is_training():
    """Return whether the running call trains; a layer's `call` gets it only as an argument."""
    context = global_state.get_global_attribute("current_call_ctx")
    return bool(context is not None and context.get_value("training"))


def model_in_fit():
    """Return the model that `fit` (or `train_on_batch`) is calling to train it, or None."""
    context = global_state.get_global_attribute("current_call_ctx")
    if context is None or not context.get_value("training"):
        return None
    outermost = context.entry_layer
    return outermost if getattr(outermost, "train_function", None) is not None else None


def call_context():
    """Return the global attributes that Keras sets while it calls a layer, as a dict."""
    return {name: global_state.get_global_attribute(name) for name in _CALL_CONTEXT}


@contextlib.contextmanager
def use_call_context(context):
    """Use the context of another call of a layer, as `call_context` returned it, in this block."""
    before = {name: global_state.get_global_attribute(name) for name in context}
    try:
        for name, value in context.items():
            global_state.set_global_attribute(name, value)
        yield
    finally:
        for name, value in before.items():
            global_state.set_global_attribute(name, value)


def get_mask(tensor):
    """Return the mask that a layer attached to its output, or None."""
    return masking.get_keras_mask(tensor)


def set_mask(tensor, mask):
    """Attach a mask to a tensor, for the layers called on it."""
    masking.set_keras_mask(tensor, mask)


# Random numbers: there is no public access to the generator behind `keras.random` without a seed.


def get_seed_generator():
    """Return the global seed generator, or None while there is none."""
    return global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)


def make_seed_generator():
    """Return the global seed generator, and make it if there is none."""
    return global_seed_generator()


# Models.


def track_loss(model, loss, weight):
    """Add the loss of a batch to the mean that `fit` shows, as a custom train_step must."""
    model._loss_tracker.update_state(loss, sample_weight=weight)


def start_at_epoch(model, epoch):
    """Make the running `fit` start at this epoch; None for its argument `initial_epoch`.

    A callback cannot change the argument any more. Keras's BackupAndRestore does the same.
    """
    model._initial_epoch = epoch


def stored_kernel(dense):
    """Return the kernel of a Dense layer as stored; `dense.kernel` adds the product of LoRA."""
    return dense._kernel


def forget_variable(layer, variable):
    """Remove a variable from a layer; Keras has a public way only to add one."""
    layer._untrack_variable(variable)


def release_value(variable):
    """Free the value of a variable before a new one exists; `assign` needs the new one first."""
    variable._value = None


def layout(variable):
    """Return the layout of a variable under `keras.distribution`, or None; it has no property."""
    return getattr(variable, "_layout", None)


# Optimizers: `update_step` is public to override, but not what it needs to find its slots.


def variables_of(optimizer):
    """Return the variables that a built optimizer updates; `optimizer.variables` are its slots."""
    return optimizer._trainable_variables


def variable_key(optimizer, variable):
    """Return a key that is equal for a Keras variable and the tf.Variable in `update_step`."""
    return optimizer._var_key(variable)


def variable_index(optimizer, variable):
    """Return the index of a variable among those the optimizer was built with."""
    return optimizer._get_variable_index(variable)


def variable_indices(optimizer, variables):
    """Return the indices of variables; raise for a variable that the optimizer does not know."""
    optimizer._check_variables_are_known(variables)
    return [optimizer._get_variable_index(v) for v in variables]


def adam_slots(adam, variable):
    """Return the slots of a variable in Keras's Adam: (m, v, largest v with amsgrad or None)."""
    index = adam._get_variable_index(variable)
    largest = adam._velocity_hats[index] if adam.amsgrad else None
    return adam._momentums[index], adam._velocities[index], largest


def moving_averages(optimizer):
    """Return the averages that `use_ema=True` keeps, in the order of the variables."""
    return optimizer._model_variables_moving_average


def uses_weight_decay(optimizer, variable):
    """Return whether `exclude_from_weight_decay` lets this variable decay."""
    return optimizer._use_weight_decay(variable)


def has_keras_decay(optimizer):
    """Return whether `weight_decay` is applied by Keras, not by the optimizer (or `super()`)."""
    return optimizer._apply_weight_decay.__func__.__module__.startswith("keras.")


def decays_by_itself(cls):
    """Decorate an optimizer class whose `update_step` decays the weights: Keras must not."""

    def _apply_weight_decay(self, variables):
        """Do nothing."""

    cls._apply_weight_decay = _apply_weight_decay
    return cls


def clip_gradients(optimizer, gradients):
    """Return the gradients clipped as the optimizer's arguments say; only `apply` does it."""
    return optimizer._clip_gradients(gradients)


class ClipsGradients:
    """A mixin for optimizers that clip the gradients further after Keras has clipped them."""

    def clip_further(self, gradients):
        """Return the gradients to apply, from those that Keras has clipped."""
        raise invalid("`optimizer` must override clip_further(gradients).", optimizer=self)

    def _clip_gradients(self, gradients):
        return self.clip_further(super()._clip_gradients(gradients))


class ScalesLearningRate:
    """A mixin for optimizers with a factor of the learning rate, computed once per update."""

    def rate_factor(self):
        """Return the factor of the learning rate at this iteration."""
        raise invalid("`optimizer` must override rate_factor().", optimizer=self)

    def _backend_update_step(self, gradients, variables, learning_rate):
        rate = learning_rate * self.rate_factor()
        super()._backend_update_step(gradients, variables, rate)
