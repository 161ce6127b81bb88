"""The graph of layers behind a symbolic tensor."""

import keras

from kerasx.backend.keras_internals import calls, producer

__all__ = ["search_layer"]


def search_layer(inputs, name, exclude_from=None):
    """The layer called `name` among those that a symbolic tensor was computed from.

    Models called as layers are searched as well.

    Args:
        inputs: a symbolic tensor, or a model (then its outputs).
        name: layer name, e.g. "Embedding-Token".
        exclude_from: a set of layers not to look behind.

    Returns:
        The layer, or None.
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
