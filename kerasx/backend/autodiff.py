"""Gradients as a function of tensors, and gathered rows whose gradient is dense."""

import contextvars

import keras
from keras import ops

from kerasx.backend.replicas import mean_over_replicas

# how many calls of `value_and_grad` are in progress: PyTorch must be told which is the outermost
_depth = contextvars.ContextVar("depth", default=0)


def take_rows(table, ids):
    """Gather the rows `table[ids]`, with a dense gradient on every backend.

    TensorFlow's own gradient holds one row for each id. Keras optimizers square these rows before
    they add those of a repeated id: an id seen k times would move up to √k times too far.

    Args:
        table: variable or tensor, (v, ...).
        ids: integers (...).

    Returns:
        Tensor of shape ids.shape + table.shape[1:].

    >>> ops.convert_to_numpy(take_rows(ops.array([[1.0], [2.0]]), ops.array([1, 1]))).tolist()
    [[2.0], [2.0]]
    """
    if keras.backend.backend() == "tensorflow":
        table = _with_dense_gradient(table)
    return ops.take(table, ids, axis=0)


def _with_dense_gradient(x):
    import tensorflow as tf

    return tf.custom_gradient(lambda x: (tf.identity(x), tf.convert_to_tensor))(
        tf.convert_to_tensor(x)
    )


def value_and_grad(function, has_aux=False, constant=False):
    """Return a function that computes the value and the gradients of `function`.

    Calls nest: inside a function that is itself differentiated, the gradients are differentiable,
    as a gradient penalty needs.

    Args:
        function: takes a list of float tensors; returns a scalar, or (scalar, aux) if `has_aux`.
            It must be pure: variables are passed as tensors, through keras.StatelessScope.
        has_aux: whether `function` returns a second value, any structure of tensors, which is
            returned unchanged.
        constant: treat the gradients as constants in an enclosing `value_and_grad`: cheaper.

    Returns:
        A function of the list that returns (value, gradients), or ((value, aux), gradients). The
        gradients are dense; zeros where the value does not depend on a tensor. In a training step
        on several devices they are the means over the replicas.

    >>> f = value_and_grad(lambda w: ops.sum(w[0] ** 3))
    >>> value, (g,) = f([ops.array([1.0, 2.0])])
    >>> keras.ops.convert_to_numpy(g).tolist()
    [3.0, 12.0]
    >>> _, (h,) = value_and_grad(lambda w: ops.sum(f(w)[1][0] ** 2))([ops.array([1.0, 2.0])])
    >>> keras.ops.convert_to_numpy(h).tolist()  # d (3 w^2)^2 / dw = 36 w^3
    [36.0, 288.0]
    """
    differentiate = _FUNCTIONS[keras.backend.backend()]

    def paired(tensors):
        return function(tensors) if has_aux else (function(tensors), None)

    def run(tensors):
        tensors = [ops.convert_to_tensor(t) for t in tensors]
        if constant:
            tensors = [ops.stop_gradient(t) for t in tensors]
        value, aux, gradients = differentiate(paired, tensors, constant)
        gradients = mean_over_replicas(gradients)
        if constant:
            gradients = [ops.stop_gradient(g) for g in gradients]
        return ((value, aux) if has_aux else value), gradients

    return run


def _tensorflow(function, tensors, constant):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value, aux = function(tensors)
    gradients = tape.gradient(value, tensors, unconnected_gradients="zero")
    return value, aux, [tf.convert_to_tensor(g) for g in gradients]


def _jax(function, tensors, constant):
    import jax

    (value, aux), gradients = jax.value_and_grad(function, has_aux=True)(tensors)
    return value, aux, gradients


def _torch(function, tensors, constant):
    import torch

    outermost = _depth.get() == 0
    if outermost:  # cut off from a graph outside; an inner call must stay connected to the outer
        tensors = [t.detach() for t in tensors]
    tensors = [t if t.requires_grad else t.detach().requires_grad_() for t in tensors]
    token = _depth.set(_depth.get() + 1)
    try:
        with torch.enable_grad():
            value, aux = function(tensors)
    finally:
        _depth.reset(token)
    again = not outermost and not constant
    gradients = (
        torch.autograd.grad(value, tensors, create_graph=again, allow_unused=True)
        if value.requires_grad
        else [None] * len(tensors)
    )
    gradients = [torch.zeros_like(t) if g is None else g for g, t in zip(gradients, tensors)]
    if outermost:  # or the whole graph would live as long as the results
        value, aux = keras.tree.map_structure(_detached, (value, aux))
    return value, aux, gradients


def _detached(x):
    return x.detach() if hasattr(x, "detach") else x


_FUNCTIONS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
