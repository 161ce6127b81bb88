"""Search the graph of layers behind a symbolic tensor."""

import keras

from kerasx.backend.keras_internals import calls, producer


def search_layer(inputs, name, exclude_from=None):
    """Find the layer of a given name among those that computed a symbolic tensor.

    Models that were called as layers are searched as well. As in bert4keras.

    Args:
        inputs: symbolic tensor, or a model, whose outputs are taken.
        name: layer name, e.g. "Embedding-Token".
        exclude_from: set of layers whose inputs are not searched.

    Returns:
        The layer, or None if there is none of that name.
    """
    tensors = inputs.outputs if hasattr(inputs, "outputs") else [inputs]
    pending, seen = [producer(t) for t in tensors], set(exclude_from or ())
    while pending:
        layer = pending.pop()
        if layer.name == name:
            return layer
        if layer in seen:
            continue
        seen.add(layer)
        if isinstance(layer, keras.Model):
            pending += [producer(t) for t in layer.outputs]
        for node in calls(layer):
            pending += [producer(t) for t in node.input_tensors]
    return None
