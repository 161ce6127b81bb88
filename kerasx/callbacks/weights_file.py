"""Save and load the weights of a model in one file that is complete and verified."""

import os
import tempfile

import keras
import numpy as np

from kerasx import backend
from kerasx.checkpoints import open_checkpoint, save_safetensors
from kerasx.checks import invalid
from kerasx.files.atomic import check_digest, digested_path
from kerasx.models.keras_files import saved_variables, weights_by_path
from kerasx.models.keras_weights import load_keras_weights

SUFFIXES = (".weights.h5", ".safetensors", ".keras")


def save_weights(model, path):
    """Write the weights of a model, and their SHA-256 digest to `path`.sha256.

    A process killed at any time leaves the old file or the new one. A `.keras` file holds the
    whole model, a `.safetensors` file the weights under their Keras paths. With several processes
    all call it, and the first one writes.

    Args:
        model: a built keras.Model.
        path: ends in `.weights.h5`, `.safetensors` or `.keras`, in an existing folder.

    Raises:
        ValueError: another suffix, no such folder, or two weights with the same Keras path
            (`.safetensors`).

    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> path = os.path.join(tempfile.mkdtemp(), "best.weights.h5")
    >>> save_weights(model, path)
    >>> sorted(os.listdir(os.path.dirname(path)))
    ['best.weights.h5', 'best.weights.h5.sha256']
    >>> load_weights(model, path)
    """
    check_path(path, SUFFIXES)
    backend.write_in_first_process(path, lambda: _write(model, path), saved_variables(model))


def _write(model, path):
    with digested_path(path) as temporary:
        if path_ends(path, ".weights.h5"):
            model.save_weights(temporary)
        elif path_ends(path, ".keras"):
            model.save(temporary)
        else:
            save_safetensors(temporary, {k: w.numpy() for k, w in weights_by_path(model).items()})


def load_weights(model, path):
    """Load a file that `save_weights` wrote into a model of the same layers: all weights or none.

    Args:
        model: a built keras.Model.
        path: as in `save_weights`.

    Raises:
        ValueError: the file does not match its digest (a flipped bit, say), or holds the weights
            of another model.
    """
    check_path(path, SUFFIXES)
    check_digest(path, required=True)
    if path_ends(path, ".weights.h5"):
        functional = isinstance(model, keras.Sequential) or hasattr(model, "operations")
        load_keras_weights(model, path) if functional else model.load_weights(path)
    elif path_ends(path, ".keras"):
        stored = keras.saving.load_model(path, compile=False)
        _assign(model, {k: w.numpy() for k, w in weights_by_path(stored).items()}, path)
    else:
        with open_checkpoint(path) as stored:
            _assign(model, stored, path)


def check_path(path, suffixes):
    """Raise now, instead of after an epoch of training, if this path cannot be written."""
    folder = os.path.dirname(os.path.realpath(path))
    if not any(path_ends(path, suffix) for suffix in suffixes) or not os.path.isdir(folder):
        raise invalid(
            f"`path` must end in one of {', '.join(suffixes)}, in an existing folder.",
            path=os.fspath(path),
        )
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise invalid(
            f"`path` must be in a folder in which files can be made ({error.strerror}).",
            path=os.fspath(path),
        ) from error


def path_ends(path, suffix):
    return os.fspath(path).endswith(suffix)


def _assign(model, stored, path):
    weights = weights_by_path(model)
    message = f"{os.fspath(path)} must hold the weights of the model; nothing was loaded."
    received = {k: tuple(stored[k].shape) for k in stored}
    check_same(received, {k: tuple(w.shape) for k, w in weights.items()}, message)
    for name, weight in weights.items():
        backend.fill(weight, np.asarray(stored[name]))


def check_same(stored, expected, message, places=("in the file", "in the model")):
    """Raise a ValueError that lists the entries in which two dicts differ, if any do."""
    wrong = sorted(k for k in {**expected, **stored} if expected.get(k) != stored.get(k))
    if wrong:
        here, there = places
        lines = [
            f"    {k}: {stored.get(k, 'nothing')} {here}, {expected.get(k, 'nothing')} {there}"
            for k in wrong
        ]
        raise ValueError("\n".join([f"{message} They differ in", *lines]))
