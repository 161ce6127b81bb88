"""The objective of a model as a pure function, which tricks wrap, and the step that minimises it.

A trick may evaluate the loss several times, at moved weights, and differentiate it. `model(x)` has
side effects (seeds advance, averages move), and Keras's train_step has no place for that. So here
the loss is a function of values, (trainable, state, batch) -> (loss, (outputs, state)), evaluated
in a StatelessScope; `backend.train_step` differentiates it and assigns the new state once.

The state also tells what the mean loss was divided by, so that batches are weighed by it.
"""

import difflib
import functools
from typing import NamedTuple

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import all_layers, get_mask
from kerasx.checks import invalid
from kerasx.losses.score_loss import ScoreLoss, mean_divisor
from kerasx.training.vectors import norm


class State(NamedTuple):
    """The values that a forward pass may change, and how far frozen weights are moved.

    `non_trainable` and `metrics` are values of `model.non_trainable_variables` and of
    `model.metrics_variables`; `deltas`, {id of the variable: tensor}, are added to frozen weights,
    which are not among the `trainable` values of an objective. `weight` is set by the objective.
    """

    non_trainable: list
    metrics: list
    deltas: dict
    weight: object = None


class Batch(NamedTuple):
    """The data of a step, the scale of its loss (against underflow) and its number."""

    x: object
    y: object
    sample_weight: object
    scale: object
    iteration: object


class Step:
    """The train_step of a model: its objective, wrapped by the tricks attached so far.

    `trainable` in an objective are the values of `model.trainable_variables`. A trick with its
    objective bound is an objective, so tricks compose; the one attached last is the outermost.
    """

    def __init__(self, model):
        self.model = model
        self.tricks = []
        self.forward = lambda x: model(x, training=True)
        self.report = None
        self.shared = False  # whether all processes have the variables of the first

    def run(self, function, trainable, state):
        """Call `function` with the given values in the model; return (result, new state)."""
        model = self.model
        groups = (model.trainable_variables, model.non_trainable_variables, model.metrics_variables)
        mapping = [
            p for pairs in zip(groups, (trainable, *state)) for p in zip(*pairs, strict=True)
        ]
        there = [(v, _plus(value, state.deltas.get(id(v)))) for v, value in mapping]
        with keras.StatelessScope(backend.seeds_of_replica(there), collect_losses=True) as scope:
            result = function()
        after = [(v, scope.get_current_value(v)) for v, _ in mapping]
        after = {id(v): value for v, value in backend.seeds_of_replica(after, back=True)}
        # a frozen weight keeps its value without the delta
        after |= {id(v): value for v, value in mapping if id(v) in state.deltas}
        values = ([after[id(v)] for v in group] for group in groups[1:])
        return result, State(*values, state.deltas)

    def objective(self, trainable, state, batch, training=True):
        """Compute the loss of `compile`, of the layers and of the regularizers of the model."""
        x, y, sample_weight = batch[:3]

        def call():
            with backend.reported_divisors() as divisors:
                outputs = self.forward(x) if training else self.model(x, training=False)
                loss = self.model.compute_loss(x, y, outputs, sample_weight, training=training)
            if backend.replica_count() > 1:
                _check_losses(self.model, outputs)
            # several losses may be divided by several numbers, and one number is asked for
            weight = divisors[0] if divisors else _terms(self.model, x, outputs, sample_weight)
            return loss, outputs, weight

        (loss, outputs, weight), state = self.run(call, trainable, state)
        if backend.replica_count() > 1:
            loss, weight = backend.weighed(
                loss * backend.keras_loss_factor(), weight, _is_sum(self.model)
            )
            (loss,) = backend.mean_over_replicas([loss])
        return loss, (outputs, state._replace(weight=weight))

    def __call__(self, *args):
        """Train on a batch: the arguments and results of keras.Model.train_step."""
        if not self.shared:
            backend.check_batch(args[-1])
            backend.share_variables(self.model.variables)
            self.shared = True
        objective = functools.reduce(
            lambda f, trick: functools.partial(trick, f), self.tricks, self.objective
        )

        def loss_and_outputs(trainable, data, scale, iteration):
            return self._updates(objective, trainable, Batch(*data, scale, iteration))

        return backend.train_step(self.model, loss_and_outputs, self.report)(*args)

    def evaluate(self, *args):
        """Evaluate a batch: the arguments and results of keras.Model.test_step."""
        objective = functools.partial(self.objective, training=False)

        def loss_and_outputs(data):
            trainable = [v.value for v in self.model.trainable_variables]
            return self._updates(objective, trainable, Batch(*data, None, None))

        return backend.test_step(self.model, loss_and_outputs)(*args)

    def _updates(self, objective, trainable, batch):
        """Return the loss, and (outputs, new values of variables, weight of the batch)."""
        variables = (self.model.non_trainable_variables, self.model.metrics_variables)
        state = State(*([v.value for v in group] for group in variables), {})
        loss, (outputs, state) = objective(trainable, state, batch)
        pairs = [pair for pairs in zip(variables, state) for pair in zip(*pairs)]
        return loss, (outputs, pairs, state.weight)


def _check_losses(model, outputs):
    """Raise for several losses of Keras that a part of the batch does not tell the weight of."""
    losses = [] if model.loss is None else keras.tree.flatten(model.loss)
    keras_losses = [loss for loss in losses if not isinstance(loss, ScoreLoss)]
    sums = [getattr(loss, "reduction", None) == "sum" for loss in keras_losses]
    masked = any(get_mask(y) is not None for y in keras.tree.flatten(outputs))
    if len(losses) > 1 and keras_losses and (masked or (any(sums) and not all(sums))):
        raise invalid(
            "Of several losses on several devices, all must be those of kerasx.losses where "
            "outputs are masked, or where some are sums and some means.",
            losses=losses,
        )


def _is_sum(model):
    """Return whether Keras adds up the losses of `compile` instead of taking their mean."""
    losses = [] if model.loss is None else keras.tree.flatten(model.loss)
    sums = [getattr(loss, "reduction", None) == "sum" for loss in losses]
    return bool(sums) and all(sums) and not isinstance(losses[0], ScoreLoss)


def _terms(model, x, outputs, sample_weight):
    """Count the terms of the mean loss of the first output, for losses that report no divisor.

    A loss of Keras has one for each place of the output, all axes but the last, that its mask
    leaves. A loss in a layer is a mean over the rows.
    """
    first = next(t for t in keras.tree.flatten(x) if t is not None)
    if model.loss is None:
        return ops.shape(first)[0]
    y_pred, loss = (keras.tree.flatten(t)[0] for t in (outputs, model.loss))
    weighted = getattr(loss, "reduction", None) == "mean_with_sample_weight"
    weights = keras.tree.flatten(sample_weight)[0] if weighted else None
    shape = ops.shape(y_pred)
    return mean_divisor(shape[: max(1, len(shape) - 1)], get_mask(y_pred), weights)


def step_of(model):
    """Return the Step of a model, which takes the place of Keras's train_step at the first call."""
    step = getattr(model, "train_step", None)
    if isinstance(step, Step):
        return step
    if not isinstance(model, keras.Model):
        raise invalid("`model` must be a keras.Model.", type=type(model).__name__)
    if type(model).train_step is not keras.Model.train_step:
        raise invalid(
            "`model` must train as keras.Model does, but its class overrides train_step, "
            "which would be replaced. Build it as a functional keras.Model.",
            type=type(model).__name__,
        )
    model.train_step = Step(model)
    model.train_function = None  # it may be compiled already, with the old step
    if type(model).test_step is keras.Model.test_step:
        model.test_step, model.test_function = model.train_step.evaluate, None
    return model.train_step


def attach(model, trick):
    """Wrap the objective of a model by a trick, and return the model.

    Args:
        model: a keras.Model, compiled or not.
        trick: a function (objective, trainable, state, batch) -> (loss, (outputs, state)) that
            calls the objective as `objective(trainable, state, batch)`, as often as it wants.
    """
    step_of(model).tricks.append(trick)
    model.train_function = None
    return model


def weigh_batches(model):
    """Weigh each batch of `fit` and `evaluate` by the number of terms of its mean loss.

    A mean over tokens is divided by their number, which differs between batches. Weighed by it,
    batches add up to the mean over all tokens: in the loss that `fit` and `evaluate` show and in
    the gradients of `extend_with_gradient_accumulation`. Keras weighs all batches by their rows.
    The training tricks and `FlushGradients` do this, too.

    The losses of kerasx tell the number of their terms, as does a loss of your own that ends with
    `masked_mean` of kerasx.losses; for others the places of the output that its mask leaves are
    counted. Of several losses the first one is asked, so batches are exact where all are divided
    by the same number. `contrastive_accumulation` is exact for any losses in `compile`.

    Args:
        model: a keras.Model, compiled or not.

    Returns: the model.

    >>> model = weigh_batches(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    """
    step_of(model)
    return model


def report_gradient_norm(model):
    """Add `gradient_norm`, the norm of all gradients before clipping, to the logs of `fit`.

    The progress bar, callbacks, History (the last batch of each epoch) and TensorBoard show it
    beside the loss.

    Args:
        model: a keras.Model, compiled or not.

    Returns: the model.
    """
    step_of(model).report = lambda gradients: {"gradient_norm": norm(gradients)}
    model.train_function = None
    return model


def find_variables(model, layer):
    """Return the floating weights of a layer, of a list of layers, or all trainable weights (None).

    Frozen weights are included where layers are named.
    """
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
        raise invalid("`layer` must have weights, and has none.", layer=layer)
    return found


def moved(model, variables, deltas, trainable, state):
    """Return (trainable, state) with `deltas` added to some variables, trainable or frozen."""
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
    """Return the gradients of an objective by some variables moved by `deltas`, as constants.

    The loss is differentiated with its scale, so that float16 gradients do not underflow, and the
    gradients are divided by the scale afterwards.
    """
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
