"""Read from a model how long its inputs may be and which id it takes for padding."""

import keras

from kerasx.layers import PositionEmbedding


def position_limit(model):
    """Return the length of the longest sequence that the model's position tables reach.

    None for a model without such a table.
    """
    tables = (layer for layer in _layers(model) if isinstance(layer, PositionEmbedding))
    return min((layer.reach for layer in tables), default=None)


def padding_id(model):
    """Return the id that the model's embeddings mask as padding; None where they mask none."""
    masking = (layer for layer in _layers(model) if getattr(layer, "mask_zero", False))
    return next((getattr(layer, "pad_id", 0) for layer in masking), None)


def _layers(model):
    """Yield the layers of a model and of the models in it."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
