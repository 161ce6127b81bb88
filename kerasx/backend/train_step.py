"""Make the train_step and test_step of each backend out of one pure loss function."""

import contextlib

import keras
from keras import ops

from kerasx.backend import process_steps, replicas
from kerasx.backend.autodiff import value_and_grad
from kerasx.backend.dtypes import widened
from kerasx.backend.keras_internals import track_loss
from kerasx.backend.layouts import check_made_inside, own_rows
from kerasx.backend.replica_optimizers import only_first


def train_step(model, loss_and_outputs, report=None):
    """Return a function to take the place of `keras.Model.train_step` on this backend.

    Args:
        model: compiled keras.Model.
        loss_and_outputs: pure function (trainable values, batch, scale, iteration) -> (scalar
            loss, (outputs, [(variable, new value)], weight)). Compiled metrics see the outputs;
            the batch counts `weight` times in the mean loss and in accumulated gradients; `scale`
            is the factor by which the optimizer multiplies the loss against underflow.
        report: function (gradients) -> {name: scalar} of further logs, or None.

    Returns:
        A function of the arguments of `train_step`: (data), or (state, data) on JAX.
    """
    backend = keras.backend.backend()

    def step(data):
        check_made_inside(model)
        data, split = process_steps.rows_of_process(own_rows(data))
        with process_steps.split_step(split):
            logs = process_steps.counting_metrics(model, lambda: step_on(data))
        if not split:
            process_steps.share_state(model)
        return logs

    def step_on(data):
        batch = keras.utils.unpack_x_y_sample_weight(data)
        variables, optimizer = model.trainable_variables, model.optimizer
        if not optimizer.built:  # in a graph or StatelessScope it would be too late
            optimizer.build(variables)
        scale = optimizer.scale_loss(ops.ones(()))
        iteration = ops.convert_to_tensor(optimizer.iterations)

        def scaled(values):
            loss, aux = loss_and_outputs(values, batch, scale, iteration)
            wide = widened(loss)
            return wide * ops.cast(scale, wide.dtype), (loss, aux)

        (_, (loss, (outputs, updates, weight))), gradients = value_and_grad(scaled, has_aux=True)(
            [v.value for v in variables]
        )
        with _afterwards(backend, [loss, outputs]):
            for variable, value in process_steps.mean_updates(updates):
                variable.assign(value)
            logs = report([g / ops.cast(scale, g.dtype) for g in gradients]) if report else {}
            _apply(optimizer, gradients, variables, weight)
        return {**_metrics(model, loss, outputs, batch, weight), **logs}

    if backend != "jax":
        return step
    return _stateless(
        step,
        lambda: (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        ),
    )


def test_step(model, loss_and_outputs):
    """Return a function to take the place of `keras.Model.test_step` on this backend.

    Args:
        model: compiled keras.Model.
        loss_and_outputs: function (batch) -> (scalar loss, (outputs, updates, weight)), as in
            `train_step`.

    Returns:
        A function of the arguments of `test_step`: (data), or (state, data) on JAX.
    """

    def step(data):
        with process_steps.split_step(process_steps.has_own_rows()):
            return process_steps.counting_metrics(model, lambda: step_on(own_rows(data)))

    def step_on(data):
        batch = keras.utils.unpack_x_y_sample_weight(data)
        loss, (outputs, updates, weight) = loss_and_outputs(batch)
        for variable, value in updates:
            variable.assign(value)
        return _metrics(model, loss, outputs, batch, weight)

    if keras.backend.backend() != "jax":
        return step
    return _stateless(
        step,
        lambda: (model.trainable_variables, model.non_trainable_variables, model.metrics_variables),
    )


def _stateless(step, variables):
    """Make the step for JAX, where all `variables()`, lists of them, are values in and out."""

    def run(state, data):
        groups = variables()
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


def _apply(optimizer, gradients, variables, weight):
    """Update the variables; accumulated gradients count by the weights of their batches."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if hasattr(inner, "examples"):
        (mean,) = replicas.mean_over_replicas([ops.cast(weight, "float32")])
        inner.examples.assign(mean * replicas.replica_count())
    gradients = only_first(gradients)
    if keras.backend.backend() != "jax":
        return optimizer.apply(gradients, variables)
    groups = (variables, optimizer.variables)
    trainable, state = ([v.value for v in group] for group in groups)
    updated = optimizer.stateless_apply(state, gradients, trainable)
    for group, values in zip(groups, updated):
        for variable, value in zip(group, values):
            variable.assign(value)


def _metrics(model, loss, outputs, batch, weight):
    x, y, sample_weight = batch
    track_loss(model, loss, weight)
    return model.compute_metrics(x, y, outputs, sample_weight=sample_weight)
