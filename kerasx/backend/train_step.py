"""Make the train_step of each backend out of one pure loss function."""

import contextlib

import keras
from keras import ops

from kerasx.backend.autodiff import value_and_grad
from kerasx.backend.dtypes import widened
from kerasx.backend.keras_internals import track_loss


def train_step(model, loss_and_outputs, report=None):
    """Return a function to take the place of `keras.Model.train_step` on this backend.

    Args:
        model: compiled keras.Model.
        loss_and_outputs: pure function (trainable values, batch, scale, iteration) -> (scalar
            loss, (outputs, [(variable, new value)])). Compiled metrics see the outputs; `scale`
            is the factor by which the optimizer multiplies the loss against underflow.
        report: function (gradients) -> {name: scalar} of further logs, or None.

    Returns:
        A function of the arguments of `train_step`: (data), or (state, data) on JAX.
    """
    backend = keras.backend.backend()

    def step(data):
        batch = keras.utils.unpack_x_y_sample_weight(data)
        variables, optimizer = model.trainable_variables, model.optimizer
        if not optimizer.built:  # in a graph or StatelessScope it would be too late
            optimizer.build(variables)
        scale = optimizer.scale_loss(ops.ones(()))
        iteration = optimizer.iterations.value

        def scaled(values):
            loss, aux = loss_and_outputs(values, batch, scale, iteration)
            wide = widened(loss)
            return wide * ops.cast(scale, wide.dtype), (loss, aux)

        (_, (loss, (outputs, updates))), gradients = value_and_grad(scaled, has_aux=True)(
            [v.value for v in variables]
        )
        with _afterwards(backend, [loss, outputs]):
            for variable, value in updates:
                variable.assign(value)
            logs = report([g / ops.cast(scale, g.dtype) for g in gradients]) if report else {}
            _apply(optimizer, gradients, variables, _batch_size(batch))
        return {**_metrics(model, loss, outputs, batch), **logs}

    return _stateless(model, step) if backend == "jax" else step


def _stateless(model, step):
    """Make the step for JAX, where all variables go in and come out as values."""

    def run(state, data):
        groups = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
        mapping = [pair for group, values in zip(groups, state) for pair in zip(group, values)]
        with keras.StatelessScope(mapping) as scope:
            logs = step(data)
        return logs, tuple([scope.get_current_value(v) for v in group] for group in groups)

    return run


def _afterwards(backend, results):
    """Return a context for updates: all results are computed, no gradient is needed any more."""
    if backend == "tensorflow":
        import tensorflow as tf

        # without it the graph may read updated weights in a forward pass for metrics alone
        return tf.control_dependencies(keras.tree.flatten(results))
    if backend == "torch":
        import torch

        return torch.no_grad()
    return contextlib.nullcontext()


def _apply(optimizer, gradients, variables, examples):
    """Update the variables; accumulated gradients are weighted by their number of examples."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if hasattr(inner, "examples"):
        inner.examples.assign(ops.cast(examples, "float32"))
    if keras.backend.backend() != "jax":
        return optimizer.apply(gradients, variables)
    groups = (variables, optimizer.variables)
    trainable, state = ([v.value for v in group] for group in groups)
    updated = optimizer.stateless_apply(state, gradients, trainable)
    for group, values in zip(groups, updated):
        for variable, value in zip(group, values):
            variable.assign(value)


def _metrics(model, loss, outputs, batch):
    x, y, sample_weight = batch
    track_loss(model, loss, _batch_size(batch))
    return model.compute_metrics(x, y, outputs, sample_weight=sample_weight)


def _batch_size(batch):
    return ops.shape(next(t for t in keras.tree.flatten(batch[0]) if t is not None))[0]
