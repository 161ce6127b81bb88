"""Find the layers of a TensorFlow checkpoint that `model.save_weights` of tf.keras wrote.

Its keys are places, such as "layer_with_weights-3/q_dense/kernel/.ATTRIBUTES/VARIABLE_VALUE". The
names of the variables are in a message TrackableObjectGraph, stored as one string.

Source: tensorflow/core/protobuf/trackable_object_graph.proto.
"""

import re

from kerasx.checkpoints.checkpoint import readable
from kerasx.files.protobuf import read_fields

_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_NODES, _ATTRIBUTES, _FULL_NAME, _KEY = 1, 2, 2, 3  # field numbers
_WEIGHT = re.compile(r"((?:layer_with_weights-\d+/)+)([^.]+)/\.ATTRIBUTES/VARIABLE_VALUE")


def has_layers(checkpoint):
    """Return whether a checkpoint has layers of tf.keras by their places."""
    return _GRAPH in checkpoint.skipped and any(map(_WEIGHT.fullmatch, checkpoint))


def layers_of_graph(checkpoint):
    """Return {layer: {path of a weight within it: tensor}} of a `TensorBundle`, in order.

    Layers of a model within the model stand beside the others.
    """
    with readable(f"{checkpoint.path}.index", "a checkpoint of tf.keras", ValueError, KeyError):
        names = _full_names(checkpoint.text(_GRAPH))
        found = [match for match in map(_WEIGHT.fullmatch, checkpoint) if match]
        layers = {}
        for match in sorted(found, key=lambda match: _numbers(match[1])):
            layer = names[match[0]].partition("/")[0]
            layers.setdefault(layer, {})[match[2]] = match[0]
    return layers


def _full_names(message):
    """Return {key: name of the variable} of a TrackableObjectGraph."""
    nodes = (node for field, node in read_fields(message) if field == _NODES)
    parts = (part for node in nodes for field, part in read_fields(node) if field == _ATTRIBUTES)
    attributes = map(dict, map(read_fields, parts))
    return {a[_KEY].decode("utf-8"): a[_FULL_NAME].decode("utf-8") for a in attributes if _KEY in a}


def _numbers(place):
    return [int(number) for number in re.findall(r"\d+", place)]
