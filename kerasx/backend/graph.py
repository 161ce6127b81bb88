"""Search the graph of layers behind a symbolic tensor, and the outputs of a layer in it."""

import keras

from kerasx.backend.keras_internals import call_outputs, calls, producer
from kerasx.checks import check_integer, invalid


def search_layer(inputs, name, exclude_from=None):
    """Find the layer of a given name among those that computed a symbolic tensor.

    Models that were called as layers are searched as well. As in bert4keras.

    Args:
        inputs: symbolic tensor; or a layer or a model, from whose outputs on is searched.
        name: layer name, e.g. "Embedding-Token".
        exclude_from: set of layers whose inputs are not searched.

    Returns:
        The layer, or None if there is none of that name.
    """
    seen = set(exclude_from or ())
    if isinstance(inputs, keras.Layer) and not isinstance(inputs, keras.Model):
        pending = [inputs]
    else:
        pending = [producer(t) for t in getattr(inputs, "outputs", None) or [inputs]]
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


def output_at(layer, index):
    """Return the symbolic output of a layer's call number `index`, as `get_output_at` of Keras 2.

    A layer that blocks share, as in ALBERT, is called once for each; an embedding that is also the
    output projection, twice.

    Args:
        layer: a layer called on symbolic tensors.
        index: integer from 0, or a negative one from the last call.

    Returns:
        The output tensor, or the list of output tensors.

    >>> layer, x = keras.layers.Dense(2), keras.Input((3,))
    >>> first, second = layer(x), layer(x)
    >>> output_at(layer, 0) is first, output_at(layer, -1) is second
    (True, True)
    """
    nodes, index = calls(layer), check_integer("index", index)
    if not -len(nodes) <= index < len(nodes):
        text = f"`index` must be one of the {len(nodes)} calls of `{layer.name}`"
        raise invalid(f"{text}: from {-len(nodes)} to {len(nodes) - 1}.", index=index)
    return call_outputs(nodes[index])
