"""What a model minimises, as a pure function that tricks wrap."""

import difflib
import functools
from typing import NamedTuple

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import all_layers

__all__ = [
    "Batch",
    "State",
    "Step",
    "attach",
    "find_variables",
    "gradients_at",
    "logits_of",
    "moved",
    "step_of",
]


class State(NamedTuple):
    """Values of what a forward pass may change: seeds and averages, and metrics of the loss.

    `deltas` are what frozen weights are moved by meanwhile, {id of the variable: tensor}.
    """

    non_trainable: list
    metrics: list
    deltas: dict


class Batch(NamedTuple):
    """What a step is given: the data, what its loss is scaled by, and the step's number."""

    x: object
    y: object
    sample_weight: object
    scale: object
    iteration: object


class Step:
    """A model's train_step: its loss, wrapped by the tricks attached so far.

    An objective is a pure function (trainable, state, batch) -> (loss, (outputs, state)), where
    `trainable` are the values of `model.trainable_variables`. A trick makes an objective of an
    objective, so tricks compose, the last one attached being the outermost.
    """

    def __init__(self, model):
        self.model = model
        self.tricks = []
        self.forward = lambda x: model(x, training=True)
        self.report = None

    def run(self, function, trainable, state):
        """(function(), state after it), the model having the given values meanwhile."""
        model = self.model
        groups = (model.trainable_variables, model.non_trainable_variables, model.metrics_variables)
        mapping = [
            p for pairs in zip(groups, (trainable, *state)) for p in zip(*pairs, strict=True)
        ]
        there = [(v, _plus(value, state.deltas.get(id(v)))) for v, value in mapping]
        with keras.StatelessScope(there, collect_losses=True) as scope:
            result = function()
        after = {id(v): scope.get_current_value(v) for v, _ in mapping}
        after |= {id(v): value for v, value in mapping if id(v) in state.deltas}
        values = ([after[id(v)] for v in group] for group in groups[1:])
        return result, State(*values, state.deltas)

    def objective(self, trainable, state, batch):
        """The model's own loss: that of `compile`, of its layers and of its regularizers."""

        def call():
            outputs = self.forward(batch.x)
            loss = self.model.compute_loss(
                batch.x, batch.y, outputs, batch.sample_weight, training=True
            )
            return loss, outputs

        (loss, outputs), state = self.run(call, trainable, state)
        return loss, (outputs, state)

    def __call__(self, *args):
        model = self.model
        objective = functools.reduce(lambda f, trick: trick(f), self.tricks, self.objective)

        def loss_and_outputs(trainable, data, scale, iteration):
            variables = (model.non_trainable_variables, model.metrics_variables)
            state = State(*([v.value for v in group] for group in variables), {})
            loss, (outputs, state) = objective(trainable, state, Batch(*data, scale, iteration))
            updates = [pair for pairs in zip(variables, state) for pair in zip(*pairs)]
            return loss, (outputs, updates)

        return backend.train_step(model, loss_and_outputs, self.report)(*args)


def step_of(model):
    """The Step of a model; a model that had none gets one, in place of Keras's train_step."""
    step = getattr(model, "train_step", None)
    if isinstance(step, Step):
        return step
    if not isinstance(model, keras.Model):
        raise ValueError(f"`model` must be a keras.Model. Received: {type(model).__name__}")
    if type(model).train_step is not keras.Model.train_step:
        raise ValueError(
            f"`model` must train as keras.Model does, but `{type(model).__name__}` has a "
            "train_step of its own, which would be replaced. Build it as a functional keras.Model."
        )
    model.train_step = Step(model)
    model.train_function = None  # one compiled before knows nothing of the step
    return model.train_step


def attach(model, trick):
    """The model, its objective wrapped by `trick` (objective -> objective)."""
    step_of(model).tricks.append(trick)
    model.train_function = None
    return model


def find_variables(model, layer):
    """The floating weights of the layer of that name, or of several; None is all trainable ones."""
    if layer is None:
        return list(model.trainable_variables)
    names = [layer] if isinstance(layer, str) else list(layer)
    layers = {found.name: found for found in all_layers(model)}
    missing = [name for name in names if name not in layers]
    if missing or not names:
        close = [difflib.get_close_matches(name, layers, 1) for name in missing]
        hint = "".join(f" Did you mean {match[0]!r}?" for match in close if match)
        known = ", ".join(list(layers)[:40]) + (", ..." if len(layers) > 40 else "")
        raise ValueError(
            f"`layer` must name layers of the model. Received: layer={layer!r}.{hint} "
            f"The model has {known}"
        )
    found = [w for name in names for w in layers[name].weights if "float" in w.dtype]
    if not found:
        raise ValueError(f"`layer` must have weights. Received: layer={layer!r}, which has none.")
    return found


def moved(model, variables, deltas, trainable, state):
    """(trainable, state) with `deltas` added to the given variables, trainable or not."""
    added = {id(v): delta for v, delta in zip(variables, deltas, strict=True)}
    places = {id(v): i for i, v in enumerate(model.trainable_variables)}
    trainable = list(trainable)
    for key in added.keys() & places.keys():
        trainable[places[key]] = _plus(trainable[places[key]], added.pop(key))
    frozen = {key: _plus(delta, state.deltas.get(key)) for key, delta in added.items()}
    return trainable, state._replace(deltas=state.deltas | frozen)


def _plus(value, delta):
    return value if delta is None else value + ops.cast(delta, value.dtype)


def gradients_at(model, variables, objective, trainable, state, batch, deltas=None):
    """Gradients of an objective by some variables, moved by `deltas`, as constants."""
    trainable = [ops.stop_gradient(t) for t in trainable]

    def scaled(deltas):
        loss, _ = objective(*moved(model, variables, deltas, trainable, state), batch)
        wide = backend.widened(loss)
        return wide * ops.cast(batch.scale, wide.dtype)

    if deltas is None:
        deltas = [ops.zeros(v.shape, v.dtype) for v in variables]
    _, gradients = backend.value_and_grad(scaled, constant=True)(deltas)
    return [g / ops.cast(batch.scale, g.dtype) for g in gradients]


def logits_of(outputs, output, from_logits):
    """Return one output as logits, float32 or wider: log p where the model gives probabilities."""
    scores = backend.widened(keras.tree.flatten(outputs)[output])
    return scores if from_logits else ops.log(ops.maximum(scores, 1e-30))  # log 0 is not finite
