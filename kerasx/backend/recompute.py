"""Compute activations again in the backward pass, exact under dropout.

The backward pass must see the tensors of the forward pass, and a compiler must not notice that it
computes them twice: it would keep the first result, and no memory would be saved.
"""

import contextvars
import functools
import os

import keras
from keras import ops

from kerasx.backend.keras_internals import (
    call_context,
    get_mask,
    is_symbolic,
    set_mask,
    use_call_context,
)


def recompute(function, inputs, weights=()):
    """Compute `function(inputs, weights)`, and again in the backward pass: no activation is kept.

    Args:
        function: pure function of two flat lists of tensors that returns a flat list of tensors.
        inputs: tensors; the second computation from them waits for the upstream gradients.
        weights: tensors without that delay, which would cost a copy of each.

    Returns:
        The list of outputs.

    Source: arXiv 1604.06174; kexue.fm/archives/7367.

    >>> (y,) = recompute(lambda x, w: [x[0] * w[0]], [ops.ones(2)], [3.0])
    >>> ops.convert_to_numpy(y).tolist()
    [3.0, 3.0]
    """
    inputs, weights = [[ops.convert_to_tensor(t) for t in part] for part in (inputs, weights)]
    # the backward pass runs outside of contexts such as `plain_attention`, but computes the same
    context = contextvars.copy_context()

    def again(*parts):
        return context.copy().run(function, *parts)

    return _FUNCTIONS[keras.backend.backend()](again, inputs, weights)


def _tensorflow(function, inputs, weights):
    import tensorflow as tf

    count = len(inputs)

    @tf.custom_gradient
    def run(*tensors):
        outputs = function(list(tensors[:count]), list(tensors[count:]))

        def gradients(*upstream):
            again = list(tensors)
            if not tf.executing_eagerly():  # a graph would run ahead, or merge the two passes
                later = _zero_after(upstream)
                again[:count] = [_wait(t, later) for t in tensors[:count]]
            floating = [t for t in again if _floats(t)]
            with tf.GradientTape() as tape:
                tape.watch(floating)
                outputs = function(again[:count], again[count:])
            targets, seeds = zip(*((o, u) for o, u in zip(outputs, upstream) if _floats(o)))
            found = iter(tape.gradient(targets, floating, seeds, unconnected_gradients="zero"))
            return [next(found) if _floats(t) else None for t in again]

        return outputs, gradients

    return list(run(*inputs, *weights))


def _floats(tensor):
    return keras.backend.is_float_dtype(tensor.dtype.name)  # False for JAX's float0, named void


def _wait(tensor, zero):
    """Add a zero of `_zero_after`, so that XLA cannot use the tensor before the backward pass."""
    return tensor if tensor.dtype.name == "bool" else tensor + ops.cast(zero, tensor.dtype)


def _zero_after(upstream):
    """Return a zero that depends on the upstream gradients.

    XLA ignores control dependencies, so the dependency must be one of values. It cannot simplify
    x == x to True, as x may be NaN.
    """
    first = next(u for u in upstream if _floats(u))
    element = ops.sum(ops.reshape(first, (-1,))[:1])
    return ops.where(element == element, 0.0, float("nan"))  # noqa: PLR0124


def _jax(function, inputs, weights):
    # not jax.checkpoint: XLA's CPU compiler drops its barriers and merges the two passes
    import jax

    @jax.custom_vjp
    def run(inputs, weights):
        return function(inputs, weights)

    def forward(inputs, weights):
        return function(inputs, weights), (inputs, weights)

    def backward(kept, upstream):
        inputs, weights = kept
        later = _zero_after(upstream)
        _, gradients = jax.vjp(function, [_wait(x, later) for x in inputs], weights)
        return gradients(upstream)

    run.defvjp(forward, backward)
    return run(inputs, weights)


def _torch(function, inputs, weights):
    from torch.utils.checkpoint import checkpoint

    return checkpoint(function, inputs, weights, use_reentrant=False)


_FUNCTIONS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def recompute_grad(call):
    """Decorate a layer's `call` to compute its activations again in the backward pass.

    Only the inputs are kept, so a deep model trains with a batch several times as large, in about
    a quarter more time. The gradients are exact: the call becomes a pure function of its inputs,
    the layer's weights and its seed states, so dropout draws the same masks again. (keras.remat
    draws others on TensorFlow, and leaks a tracer on JAX.)

    The attribute `recompute` of the layer is the switch: True, False, or None to follow the
    environment variable RECOMPUTE ("1" is on). A layer without the attribute recomputes.

    >>> class Block(keras.layers.Layer):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense, self.dropout = keras.layers.Dense(3), keras.layers.Dropout(0.5)
    ...     def build(self, input_shape):
    ...         self.dense.build(input_shape)
    ...     @recompute_grad
    ...     def call(self, x, training=None):
    ...         return self.dropout(self.dense(x), training=training)
    >>> ops.shape(Block()(ops.ones((2, 4)), training=True))
    (2, 3)

    Source: arXiv 1604.06174; kexue.fm/archives/7367.
    """

    @functools.wraps(call)
    def recomputed(self, *args, **kwargs):
        wanted = getattr(self, "recompute", True)
        wanted = os.environ.get("RECOMPUTE") == "1" if wanted is None else wanted
        if not wanted or is_symbolic():
            return call(self, *args, **kwargs)
        return _recomputed_call(call, self, args, kwargs)

    return recomputed


def _recomputed_call(call, layer, args, kwargs):
    """Run `call` as a pure function of tensors, then assign the layer's new states and losses."""
    leaves = keras.tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if ops.is_tensor(leaf)]
    masks = {i: get_mask(leaves[i]) for i in places}
    masks = {i: mask for i, mask in masks.items() if mask is not None}
    weights, states = layer.trainable_variables, layer.non_trainable_variables
    context = call_context()
    facts = {}  # learnt in the first run: the structure of the outputs, which states changed

    def function(inputs, values):
        inputs, filled = iter(inputs), list(leaves)
        for i in places:
            filled[i] = next(inputs)
        for i in masks:
            set_mask(filled[i], next(inputs))
        mapping = [*zip(weights, values, strict=True), *zip(states, inputs, strict=True)]
        new_args, new_kwargs = keras.tree.pack_sequence_as((args, kwargs), filled)
        with use_call_context(context), keras.StatelessScope(mapping, collect_losses=True) as scope:
            before = [scope.get_current_value(v) for v in states]
            outputs = keras.tree.flatten(structure := call(layer, *new_args, **new_kwargs))
            after = [scope.get_current_value(v) for v in states]
        changed = [i for i, (old, new) in enumerate(zip(before, after)) if old is not new]
        made = [x for x in outputs if ops.is_tensor(x)]
        if not facts:
            rest = [_Made if ops.is_tensor(x) else x for x in outputs]
            facts["outputs"] = keras.tree.pack_sequence_as(structure, rest)
            facts["counts"], facts["changed"] = (len(made), len(scope.losses)), changed
        return [*made, *scope.losses, *(after[i] for i in changed)]

    with use_call_context({"autocast_scope": None}):  # weights as stored; the call casts them
        values = [v.value for v in weights]
        # states are copied, since PyTorch changes them in place before the second run
        inputs = [leaves[i] for i in places] + list(masks.values())
        results = iter(recompute(function, inputs + [ops.copy(v.value) for v in states], values))
    made, losses = ([next(results) for _ in range(count)] for count in facts["counts"])
    for i in facts["changed"]:
        states[i].assign(next(results))
    if losses:
        layer.add_loss(losses)
    made = iter(made)
    return keras.tree.map_structure(lambda x: next(made) if x is _Made else x, facts["outputs"])


class _Made:
    """Placeholder for a tensor in the structure of the outputs of `call`."""
