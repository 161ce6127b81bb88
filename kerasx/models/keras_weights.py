"""Keras's own weights file, loaded strictly."""

import re

import h5py

__all__ = ["load_keras_weights"]


def load_keras_weights(model, path):
    """`model.load_weights` that goes by layer names and assigns all weights or none.

    Keras finds a layer's weights by its class and its place in the model, so another model with
    as many layers of each class loads without a word.

    Args:
        model: a functional keras.Model.
        path: a `.weights.h5` file that `model.save_weights` wrote.

    Raises:
        ValueError: lists the layers that are missing, unused or under another name; or the shapes
            do not fit.
    """
    expected, stored = _places_in_model(model), _places_in_file(path)
    wrong = sorted(k for k in {**expected, **stored} if expected.get(k) != stored.get(k))
    if wrong:
        what = {True: "another place", False: "missing in the file"}
        listed = [what[k in stored] if k in expected else "unused" for k in wrong]
        raise ValueError(
            f"{path} must hold the weights of the same layers; nothing was loaded. Build the model "
            "with the arguments it was saved with. They differ in\n"
            + "\n".join(f"    {k}: {v}" for k, v in zip(wrong, listed))
        )
    before = model.get_weights()
    try:
        model.load_weights(path)
    except ValueError:
        model.set_weights(before)
        raise


def _places_in_model(model):
    """{name: number of layers of the same class before it} of the layers with weights."""
    kinds, places = [], {}
    for layer in model.layers:
        if layer.weights:
            places[layer.name] = kinds.count(type(layer).__name__)
        kinds.append(type(layer).__name__)
    return places


def _places_in_file(path):
    """The same from the groups "dense", "dense_1", ... of a `.weights.h5` file."""
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
