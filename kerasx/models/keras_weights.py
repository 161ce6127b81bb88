"""Load a weights file of Keras strictly."""

import re

import h5py


def load_keras_weights(model, path):
    """Load weights by the names of the layers, all of them or none.

    Keras finds a layer's weights by its class and position in the model, so `model.load_weights`
    reads the file of any model with as many layers of each class without an error.

    Args:
        model: a functional keras.Model.
        path: a `.weights.h5` file that `model.save_weights` wrote.

    Raises:
        ValueError: lists the layers that are missing, unused or in another place; or shapes do not
            fit.
    """
    expected, stored = _places_in_model(model), _places_in_file(path)
    wrong = sorted(k for k in {**expected, **stored} if expected.get(k) != stored.get(k))
    if wrong:
        listed = "\n".join(f"    {k}: {_difference(k, expected, stored)}" for k in wrong)
        raise ValueError(
            f"{path} must hold the weights of the same layers; nothing was loaded. Build the model "
            f"with the arguments it was saved with. They differ in\n{listed}"
        )
    before = model.get_weights()
    try:
        model.load_weights(path)
    except ValueError:
        model.set_weights(before)
        raise


def _difference(name, expected, stored):
    """Say how a layer differs between model and file."""
    if name not in expected:
        return "unused"
    return "another place" if name in stored else "missing in the file"


def _places_in_model(model):
    """Return {name: number of layers of its class before it} for the layers with weights."""
    kinds, places = [], {}
    for layer in model.layers:
        if layer.weights:
            places[layer.name] = kinds.count(type(layer).__name__)
        kinds.append(type(layer).__name__)
    return places


def _places_in_file(path):
    """Return `_places_in_model` for the groups "dense", "dense_1", ... of a `.weights.h5` file."""
    places = {}

    def visit(dataset_path, item):
        parts = dataset_path.split("/")
        if isinstance(item, h5py.Dataset) and parts[0] == "layers":
            number = re.search(r"_(\d+)$", parts[1])
            name = file["layers"][parts[1]]["vars"].attrs.get("name", parts[1])
            places[name] = int(number[1]) if number else 0

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return places
