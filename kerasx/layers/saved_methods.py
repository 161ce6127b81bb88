"""Methods of layers as losses and metrics of `compile` that are saved with the model.

Keras saves a bound method such as `crf.sparse_loss` as its bare name, which it cannot read.
"""

import inspect
import weakref

import keras

from kerasx.checks import invalid

# Keras loads the layers of a model first, and its losses from configurations that name no object
_latest = weakref.WeakValueDictionary()  # {name: the layer of this name that was made last}


def remember(layer):
    """Let the saved methods of a layer's name be those of this layer from now on."""
    _latest[layer.name] = layer


class saved_with_model:
    """Decorator of a layer's method (y_true, y_pred), which makes it a loss that can be saved.

    The layer's constructor must call `remember(self)`.
    """

    def __init__(self, function):
        self.function, self.__doc__ = function, function.__doc__

    def __get__(self, layer, owner=None):
        return self.function if layer is None else LayerMethod(layer, self.function)


@keras.saving.register_keras_serializable("kerasx")
class LayerMethod:
    """A bound method of a layer that Keras can save: by the names of the layer and the method."""

    def __init__(self, layer, function):
        self.layer, self.function = layer, function
        self.__name__, self.__doc__ = function.__name__, function.__doc__

    def __call__(self, y_true, y_pred):
        return self.function(self.layer, y_true, y_pred)

    def get_config(self):
        return {"layer": self.layer.name, "method": self.__name__}

    @classmethod
    def from_config(cls, config):
        layer, method = _latest.get(config["layer"]), config["method"]
        known = inspect.getattr_static(type(layer), method, None)
        if not isinstance(known, saved_with_model):
            raise invalid("`config` must name a layer of the model and its loss.", config=config)
        return cls(layer, known.function)
