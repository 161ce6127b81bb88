"""One training step, and what makes it each backend's train_step."""

import contextlib

import keras
from keras import ops

from kerasx.backend.autodiff import value_and_grad
from kerasx.backend.dtypes import widened
from kerasx.backend.keras_internals import track_loss

__all__ = ["train_step"]


def train_step(model, loss_and_outputs, report=None):
    """What keras.Model.train_step is to do on this backend.

    Args:
        model: the compiled model.
        loss_and_outputs: pure; (trainable values, batch, scale, iteration) -> (scalar loss,
            (outputs, [(variable, new value)])), the outputs being what compiled metrics see.
            `scale` is what the optimizer multiplies the loss by, against underflow.
        report: (gradients) -> {name: scalar} to add to the logs, or None.

    Returns:
        A function of what Keras hands to `train_step`: (data), or (state, data) on JAX.
    """
    backend = keras.backend.backend()

    def step(data):
        batch = keras.utils.unpack_x_y_sample_weight(data)
        variables, optimizer = model.trainable_variables, model.optimizer
        if not optimizer.built:  # now, since no variable is made after what is computed
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
    """The same step for JAX: all variables go in and come out as values."""

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
    """A context for updates, when all results are there and no gradient is wanted any more."""
    if backend == "tensorflow":
        import tensorflow as tf

        # a forward pass that the gradient does not need may read the updated weights otherwise
        return tf.control_dependencies(keras.tree.flatten(results))
    if backend == "torch":
        import torch

        return torch.no_grad()
    return contextlib.nullcontext()


def _apply(optimizer, gradients, variables, examples):
    """Update; an optimizer that weighs micro-batches by their examples is told how many."""
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
