"""Read which weights the layers of a model have, and those in a weights file of Keras.

Keras 3 stores the layers of a `.weights.h5` file by class and place; the older HDF5 files list the
weights of each layer in order; a file of Keras paths has names such as "dense/kernel".
"""

import re

import keras
import numpy as np

from kerasx.checkpoints.object_graph import has_layers, layers_of_graph
from kerasx.checks import invalid
from kerasx.layers import Loss


def places_in_model(model):
    """Return {name: layer} and {name: number of layers of its class before it}, for weights."""
    kinds, layers, places = [], {}, {}
    for layer in model.layers:
        kind = type(layer).__name__
        if layer.weights:
            place = kinds.count(kind)
            name = _by_place(layer.name, _snake(kind), place)
            layers[name], places[name] = layer, place
        kinds.append(kind)
    return layers, places


def places_in_file(source):
    """Return {name: place} for the groups "dense", "dense_1", ... of a `.weights.h5` file."""
    places = {}
    for tensor in source:
        parts = tensor.split("/")
        if parts[0] == "layers" and len(parts) > 2:
            kind, number = re.fullmatch(r"(.*?)(?:_(\d+))?", parts[1]).groups()
            attributes = source.attributes(f"layers/{parts[1]}/vars")
            name = _texts(attributes.get("name", parts[1]))[0]
            places[_by_place(name, kind, int(number or 0))] = int(number or 0)
    return places


def layers_in_model(model, ordered):
    """Return {layer: {key: weight}}, keys are places if `ordered`, and else Keras paths."""
    if ordered:
        layers = _innermost(model.layers)
        weights = {x.name: [*x.trainable_weights, *x.non_trainable_weights] for x in layers}
        return {name: dict(enumerate(values)) for name, values in weights.items() if values}
    return _by_layer({path: weight for path, weight in weights_by_path(model).items()})


def _innermost(layers):
    """Yield layers, those of a model within the model in its place."""
    for layer in layers:
        yield from _innermost(layer.layers) if isinstance(layer, keras.Model) else [layer]


def parted(layers, known):
    """Return {layer: {place: tensor}} of a file, with a model within the model parted into layers.

    Args:
        layers: {layer or model within the model: {place: tensor}}.
        known: names of the layers of the model that will be loaded.
    """
    found = {}
    for name, tensors in layers.items():
        inner = {}
        for tensor in tensors.values():
            inner.setdefault(tensor.partition(f"{name}/")[2].partition("/")[0], []).append(tensor)
        if name in known or not inner.keys() <= known:
            found[name] = tensors
        else:
            found |= {layer: dict(enumerate(values)) for layer, values in inner.items()}
    return found


def layers_in_file(source):
    """Return {layer: {key: tensor name}} of a file with layer names, or None for one of Keras 3."""
    if has_layers(source):
        return layers_of_graph(source)
    if source.format != "hdf5":
        return _by_layer({name: name for name in source})
    root = next((r for r in ("", "model_weights") if _listed(source, r, "layer_names")), None)
    if root is None:
        return None
    layers = {}
    for name in _listed(source, root, "layer_names"):
        group = f"{root}/{name}".lstrip("/")
        tensors = [f"{group}/{weight}" for weight in _listed(source, group, "weight_names")]
        layers |= {name: dict(enumerate(tensors))} if tensors else {}
    absent = [
        tensor for keys in layers.values() for tensor in keys.values() if tensor not in source
    ]
    if absent:
        raise invalid("`path` must hold the weights that it lists; save it again.", absent=absent)
    return layers


def by_order(layers, others, kinds):
    """Rename the layers that Keras numbered ("dense_7") where another model numbered others.

    Args:
        layers, others: dicts with a key for each layer, in order.
        kinds: names of classes, as in "dense".

    Returns:
        Copies of both dicts with names such as "dense (2nd)" in place of the numbered ones.
    """
    for kind in kinds:
        found = [[x for x in y if re.fullmatch(rf"{kind}(_\d+)?", x)] for y in (layers, others)]
        if {*found[0]} != {*found[1]}:
            layers, others = (
                {f"{kind} [{names.index(k)}]" if k in names else k: v for k, v in y.items()}
                for names, y in zip(found, (layers, others))
            )
    return layers, others


def by_only_weight(layers, others):
    """Return `others`, where a layer of one weight has the key of the layer's one weight.

    bert4keras calls the bias of a `BiasAdd` "beta" in some versions.
    """
    return {
        name: dict(zip(layers[name], keys.values()))
        if len(keys) == len(layers.get(name, ())) == 1
        else keys
        for name, keys in others.items()
    }


def without_metrics(layers, others, model):
    """Return `layers` without the means of `Loss.add_metric` that a file, as of Keras 2, lacks."""
    losses = [x for x in _innermost(model.layers) if isinstance(x, Loss)]
    states = {id(state) for loss in losses for state in loss.states_of_metrics}
    found = {
        name: {k: w for k, w in keys.items() if id(w) not in states or k in others.get(name, ())}
        for name, keys in layers.items()
    }
    return {name: keys for name, keys in found.items() if keys}


def kinds_of(model):
    """Return the classes of a model's layers, as Keras spells them in the names it gives."""
    return sorted({_snake(type(layer).__name__) for layer in model.layers})


def saved_variables(model):
    """Return the variables of a model and of its optimizer, if it has one."""
    slots = getattr(getattr(model, "optimizer", None), "variables", [])
    return [*model.variables, *slots]


def weights_by_path(model):
    """Return {Keras path without the name of the model: weight}."""
    paths = [w.path.removeprefix(f"{model.name}/") for w in model.weights]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        raise invalid(
            "The weights must have distinct paths to be stored by path; give the layers names, or "
            "write .weights.h5.",
            repeated=twice,
        )
    return dict(zip(paths, model.weights))


def _by_layer(tensors):
    """Return {layer: {rest of the path: value}} from {path: value}."""
    layers = {}
    for path, value in tensors.items():
        layer, _, rest = path.partition("/")
        layers.setdefault(layer, {})[rest] = value
    return layers


def _by_place(name, kind, place):
    """Return a layer's name, but its place if Keras numbered it."""
    return f"{kind} [{place}]" if re.fullmatch(rf"{re.escape(kind)}(_\d+)?", name) else name


def _listed(source, group, attribute):
    """Return the strings of an attribute, which Keras splits where it is long."""
    found = source.attributes(group)
    values, number = [found[attribute]] if attribute in found else [], 0
    while f"{attribute}{number}" in found:
        values.append(found[f"{attribute}{number}"])
        number += 1
    return [text for value in values for text in _texts(value)]


def _texts(values):
    """Return an attribute's value as a list of str."""
    values = np.atleast_1d(values).ravel().tolist()
    if not all(isinstance(value, (str, bytes)) for value in values):
        raise invalid("`path` must list names of layers and weights as text.", names=values)
    return [value.decode() if isinstance(value, bytes) else value for value in values]


def _snake(name):
    """Return a class's name as Keras spells it in names of layers."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
