"""Models as functions from NumPy to NumPy."""

import keras
import numpy as np

from kerasx.backend.keras_internals import calls, graph_calls

__all__ = ["as_function", "only_node"]


def as_function(model, rank=3):
    """A function from ids (b, n) to the model's output, float32, in one compiled call.

    Args:
        model: a keras.Model of token ids, or of token ids and segment ids (0 is given); or a
            function from ids (b, n).
        rank: the rank that the output must have.

    Raises:
        ValueError: a model with other inputs, or, when called, another rank.

    >>> as_function(lambda ids: ids[..., None])(np.ones((2, 3), "int32")).shape
    (2, 3, 1)
    """
    run = _predict(model) if isinstance(model, keras.Model) else model

    def function(ids):
        output = run(ids)
        if isinstance(output, (list, tuple)) or np.ndim(output) != rank:
            raise ValueError(
                f"The model must have one output of rank {rank}. "
                f"Received: {keras.tree.map_structure(np.shape, output)}"
            )
        return np.asarray(keras.ops.convert_to_numpy(output), "float32")

    return function


def _predict(model):
    if len(model.inputs) not in (1, 2):
        raise ValueError(
            "The model must take token ids, or token ids and segment ids; wrap another in a "
            f"function of the ids. Received: inputs {[x.name for x in model.inputs]}"
        )
    single = len(model.inputs) == 1
    return lambda ids: model.predict_on_batch(ids if single else [ids, np.zeros_like(ids)])


def only_node(model, name):
    """Where a functional model calls its layer of that name: the one Keras node.

    Raises:
        ValueError: no such layer, or one that the model calls more than once.
    """
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise ValueError(f"`layer` must be one of {names}. Received: layer={name!r}")
    inside = {id(node) for node in graph_calls(model)}
    nodes = [node for node in calls(model.get_layer(name)) if id(node) in inside]
    if len(nodes) != 1:
        raise ValueError(
            f"`layer` must be used once in the model. Received: {name!r}, used {len(nodes)} times"
        )
    return nodes[0]
