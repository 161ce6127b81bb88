"""Input layers with a role, such as token or segment ids, that does not depend on their names."""

import keras

from kerasx.backend.keras_internals import graph_calls, is_read
from kerasx.checks import check_choice
from kerasx.layers.embeddings import Embedding

# ids of a sequence, of its segments and of its positions; the ids of an encoder's sequence, in a
# model with a decoder too; the vectors that a decoder without its encoder looks at
ROLES = ("token", "segment", "position", "source", "context")


@keras.saving.register_keras_serializable("kerasx")
class RoleInput(keras.layers.InputLayer):
    """An input layer with a role, which models on top of it and saved models keep.

    Args:
        role: one of `ROLES`.
        **kwargs: as in keras.layers.InputLayer.

    >>> model = keras.Model(x := RoleInput("token", shape=(None,), name="Words").output, x)
    >>> roles_of(keras.Model.from_config(model.get_config()))
    ['token']
    """

    def __init__(self, role, **kwargs):
        super().__init__(**kwargs)
        self.role = check_choice("role", role, ROLES)

    def get_config(self):
        return {**super().get_config(), "role": self.role}


def input_with_role(x, role):
    """Return a symbolic input like `x` with this role; `x` itself if `role` is None.

    An input that another model reads is kept, too: a model on top of that one shares it.
    """
    if role is None or is_read(x):
        return x
    return RoleInput(role, batch_shape=x.shape, dtype=x.dtype, name=x.name).output


def roles_of(model):
    """Return the role of each input of a functional model, None for an input without a role."""
    layers = (layer for layer in model.layers if isinstance(layer, RoleInput))
    roles = {id(layer.output): layer.role for layer in layers}
    return [roles.get(id(x)) for x in model.inputs]


def embedding_of(model, role):
    """Return the `Embedding` that looks up the ids of the input with this role, or None."""
    inputs = {id(x) for x, found in zip(model.inputs, roles_of(model)) if found == role}
    tables = (node for node in graph_calls(model) if isinstance(node.operation, Embedding))
    found = (node.operation for node in tables if id(node.input_tensors[0]) in inputs)
    return next(found, None)
