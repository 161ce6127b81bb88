"""Train on a batch that does not fit into memory, with the exact gradient."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import all_layers, get_mask, set_mask
from kerasx.checks import check_integer, invalid
from kerasx.layers import Loss
from kerasx.training.objective import step_of


def contrastive_accumulation(model, chunks):
    """Encode the batch in chunks without keeping activations, and compute the loss of the whole.

    A contrastive loss couples the examples of a batch, so the gradients of small batches do not
    add up to that of a large batch. Here the model encodes one chunk after another, and only the
    outputs h are kept; the loss sees all of h, and the backward pass runs each chunk again with
    the same dropout masks and continues from ∂L/∂h. The gradient is that of the full batch, at the
    price of one more forward pass. Batch normalization sees single chunks. The loss is that of the
    whole batch, so it may be divided by any number, or be no sum over examples at all.

    Args:
        model: a keras.Model, compiled or not, with its loss in `compile`.
        chunks: number of parts into which a batch is cut along its first axis. Their sizes differ
            by at most one example.

    Returns: the model.

    Raises:
        ValueError: chunks < 1, or a loss layer in the model, which would see one chunk only.

    Source: arXiv 2101.06983; kexue.fm/archives/8471.
    """
    check_integer("chunks", chunks, least=1)
    losses = [layer.name for layer in all_layers(model) if isinstance(layer, Loss)]
    if losses:
        raise invalid(
            "`model` must have its loss in compile(), not in layers, which see one chunk.",
            layers=losses,
        )
    step = step_of(model)
    step.forward = lambda x: _in_chunks(model, x, chunks)
    model.train_function = None
    return model


def _in_chunks(model, x, chunks):
    leaves = keras.tree.flatten(x)
    n = ops.shape(leaves[0])[0]
    bounds = [n * i // chunks for i in range(chunks + 1)]
    parts = []
    for start, stop in zip(bounds, bounds[1:]):
        if isinstance(n, int) and start == stop:
            continue  # fewer examples than chunks
        parts.append(_recomputed(model, x, [leaf[start:stop] for leaf in leaves]))
    return keras.tree.map_structure(_joined, *parts)


def _joined(*pieces):
    """Concatenate outputs and their Keras masks, by which the losses of `compile` go."""
    whole, masks = ops.concatenate(pieces, axis=0), [get_mask(piece) for piece in pieces]
    if masks[0] is not None:
        set_mask(whole, ops.concatenate(masks, axis=0))
    return whole


def _recomputed(model, x, leaves):
    """Compute the outputs for one chunk so that the backward pass recomputes its activations.

    `recompute` differentiates a pure function. So the non-trainable states (seeds, averages) are
    inputs and outputs of the function, and are assigned once, after the forward pass.
    """
    states, weights = model.non_trainable_variables, model.trainable_variables
    has_mask = None  # for each output, in the structure of the outputs

    def function(inputs, values):
        nonlocal has_mask
        tensors, olds = inputs[: len(leaves)], inputs[len(leaves) :]
        mapping = [*zip(weights, values, strict=True), *zip(states, olds, strict=True)]
        with keras.StatelessScope(mapping) as scope:
            outputs = model(keras.tree.pack_sequence_as(x, tensors), training=True)
        has_mask = keras.tree.map_structure(lambda x: get_mask(x) is not None, outputs)
        flat = keras.tree.flatten(outputs)
        masks = [get_mask(x) for x in flat if get_mask(x) is not None]
        return [*flat, *masks, *(scope.get_current_value(v) for v in states)]

    inputs = [*leaves, *(ops.copy(v.value) for v in states)]
    results = iter(backend.recompute(function, inputs, [v.value for v in weights]))
    masked = keras.tree.flatten(has_mask)
    outputs = [next(results) for _ in masked]
    for output, is_masked in zip(outputs, masked):
        if is_masked:
            set_mask(output, next(results))
    for variable, value in zip(states, results):
        variable.assign(value)
    return keras.tree.pack_sequence_as(has_mask, outputs)
