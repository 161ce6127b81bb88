"""Call a model on NumPy arrays, and find where it calls a layer."""

import keras
import numpy as np

from kerasx.backend.keras_internals import calls, graph_calls
from kerasx.checks import check_choice, invalid


def as_function(model, rank=3):
    """Return a function from ids (b, n) to the output of a model, float32.

    Args:
        model: a keras.Model of token ids, or of token ids and segment ids, which are 0; or a
            function from ids (b, n).
        rank: number of dimensions that the output must have.

    Raises:
        ValueError: a model with other inputs; when called, an output of another rank.

    >>> as_function(lambda ids: ids[..., None])(np.ones((2, 3), "int32")).shape
    (2, 3, 1)
    """
    run = _predict(model) if isinstance(model, keras.Model) else model

    def function(ids):
        output = run(ids)
        if isinstance(output, (list, tuple)) or np.ndim(output) != rank:
            shapes = keras.tree.map_structure(np.shape, output)
            raise invalid(f"The model must have one output of rank {rank}.", shapes=shapes)
        return np.asarray(keras.ops.convert_to_numpy(output), "float32")

    return function


def _predict(model):
    if len(model.inputs) not in (1, 2):
        raise invalid(
            "The model must take token ids, or token ids and segment ids; wrap another in a "
            "function of the ids.",
            inputs=[x.name for x in model.inputs],
        )
    single = len(model.inputs) == 1
    return lambda ids: model.predict_on_batch(ids if single else [ids, np.zeros_like(ids)])


def only_node(model, name):
    """Return the Keras node of the only call of a layer in a functional model.

    Raises:
        ValueError: no layer of that name, or one that the model calls more than once.
    """
    check_choice("layer", name, [layer.name for layer in model.layers])
    inside = {id(node) for node in graph_calls(model)}
    nodes = [node for node in calls(model.get_layer(name)) if id(node) in inside]
    if len(nodes) != 1:
        raise invalid("`layer` must be used once in the model.", layer=name, uses=len(nodes))
    return nodes[0]
