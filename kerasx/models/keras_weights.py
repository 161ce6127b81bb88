"""Load a weights file of Keras strictly, by the names of the layers."""

import os

import numpy as np

from kerasx import backend, checkpoints
from kerasx.checkpoints.checkpoint import readable
from kerasx.checkpoints.folder import foreign_hint
from kerasx.checks import check_texts
from kerasx.models.keras_files import (
    by_only_weight,
    by_order,
    kinds_of,
    layers_in_file,
    layers_in_model,
    parted,
    places_in_file,
    places_in_model,
    without_metrics,
)
from kerasx.models.leniency import log_left_out
from kerasx.models.placement import matches


def load_keras_weights(model, path, ignore=(), allow_missing=(), is_head=lambda layer: False):
    """Load weights by the names of the layers, all of them or none.

    Keras finds a layer's weights by its class and position in the model, so `model.load_weights`
    reads the file of any model with as many layers of each class without an error. Here only
    layers that Keras numbered ("dense_1") are found by their order.

    Args:
        model: a functional keras.Model.
        path: a `.weights.h5` file that `model.save_weights` wrote; an HDF5 file of Keras 2 or
            tf.keras under any name, also of a whole model; the TensorFlow checkpoint that
            `model.save_weights("best_model.weights")` of tf.keras wrote; a `.safetensors` file that
            `kerasx.callbacks.save_weights` wrote; or one of these as an open Checkpoint.
        ignore: patterns (`*`, `?`) of layers in the file that the model may lack.
        allow_missing: patterns of layers that the file may lack; they keep their weights.
        is_head: function of a layer's name: whether model or file may lack it, which is logged.

    Raises:
        ValueError: lists the layers that are missing, unused or in another place; or shapes do not
            fit.

    >>> import tempfile
    >>> from kerasx.models import build_transformer_model
    >>> config = {"vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 1,
    ...           "num_attention_heads": 2, "intermediate_size": 16}
    >>> path = os.path.join(tempfile.mkdtemp(), "best.weights.h5")
    >>> build_transformer_model(config).save_weights(path)
    >>> load_keras_weights(build_transformer_model(config), path)
    """
    check_texts("ignore", ignore)
    check_texts("allow_missing", allow_missing)
    bare = {layer.name for layer in model.layers if not layer.weights}  # constants of Keras 2
    with checkpoints.open_checkpoint(path) as source:
        path = source.path
        tensors = layers_in_file(source)
        if tensors is None:
            layers, expected = places_in_model(model)
            stored = places_in_file(source)
        else:
            weights = layers_in_model(model, ordered=source.format == "hdf5")
            if source.format == "hdf5":
                tensors = parted(tensors, weights.keys())
            weights, tensors = by_order(weights, tensors, kinds_of(model))
            tensors = by_only_weight(weights, tensors)
            weights = without_metrics(weights, tensors, model)
            expected = {k: _shapes(v, lambda w: w.shape) for k, v in weights.items()}
            stored = {k: _shapes(v, source.shape) for k, v in tensors.items()}
        new = [k for k in expected if k not in stored and is_head(k)]
        spare = [k for k in stored if k not in expected and (is_head(k) or k in bare)]
        spare = [k for k in spare if not matches(k, ignore)]
        _check(path, expected, stored, [*spare, *ignore], [*new, *allow_missing])
        if tensors is None:
            _load_by_place(model, path, [x for name, x in layers.items() if name not in stored])
        else:
            for layer in stored.keys() & expected.keys():
                for key, weight in weights[layer].items():
                    backend.fill(weight, np.asarray(source[tensors[layer][key]]))
        log_left_out(path, spare, new)


def _shapes(weights, shape_of):
    return {key: tuple(shape_of(weight)) for key, weight in weights.items()}


def _check(path, expected, stored, ignore, allow_missing):
    """Raise if layers differ between model and file, beside those that one side may lack."""
    names = {**expected, **stored}
    wrong = {k for k in names if expected.get(k) != stored.get(k)}
    wrong -= {k for k in wrong if k not in expected and (k in ignore or matches(k, ignore))}
    wrong -= {
        k for k in wrong if k not in stored and (k in allow_missing or matches(k, allow_missing))
    }
    if wrong:
        listed = "\n".join(f"    {k}: {_difference(k, expected, stored)}" for k in sorted(wrong))
        raise ValueError(
            f"{os.fspath(path)} must hold the weights of the same layers; nothing was loaded."
            f"{foreign_hint([os.path.basename(path)])} Build the model with the "
            "arguments it was saved with; ignore=[...] and "
            f"allow_missing=[...] take names of layers that may differ. They differ in\n{listed}"
        )


def _difference(name, expected, stored):
    """Say how a layer differs between model and file."""
    if name not in expected:
        return "unused"
    if name not in stored:
        return "missing in the file"
    if isinstance(stored[name], int):
        return "another place"
    return (
        f"shapes {[*expected[name].values()]} in the model, {[*stored[name].values()]} in the file"
    )


def _load_by_place(model, path, skipped):
    """Load a `.weights.h5` file of Keras 3, all of it or nothing."""
    before = model.get_weights()
    try:
        unread = readable(path, "a weights file of the same layers", ValueError)
        with unread, backend.on_host():
            model.load_weights(path, objects_to_skip=skipped or None)
    except ValueError:
        model.set_weights(before)
        raise
