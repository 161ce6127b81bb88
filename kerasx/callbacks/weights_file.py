"""Weights of a model in one file: written whole or not at all, verified when read."""

import os

import keras

from kerasx.checkpoints import open_checkpoint, save_safetensors
from kerasx.files.atomic import check_digest, digested_path
from kerasx.models.keras_weights import load_keras_weights

__all__ = ["load_weights", "save_weights"]

SUFFIXES = (".weights.h5", ".safetensors", ".keras")


def save_weights(model, path):
    """Write the weights of a model, and the digest `path`.sha256 beside them.

    A process killed at any time leaves the old version or the new one. A `.keras` file holds the
    whole model, a `.safetensors` file the weights under their Keras paths.

    Args:
        model: a built keras.Model.
        path: ends in `.weights.h5`, `.safetensors` or `.keras`; its folder exists.

    Raises:
        ValueError: another suffix, no such folder, or two weights with one path (safetensors).

    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> path = os.path.join(tempfile.mkdtemp(), "best.weights.h5")
    >>> save_weights(model, path)
    >>> sorted(os.listdir(os.path.dirname(path)))
    ['best.weights.h5', 'best.weights.h5.sha256']
    >>> load_weights(model, path)
    """
    check_path(path, SUFFIXES)
    with digested_path(path) as temporary:
        if path_ends(path, ".weights.h5"):
            model.save_weights(temporary)
        elif path_ends(path, ".keras"):
            model.save(temporary)
        else:
            save_safetensors(temporary, {k: w.numpy() for k, w in _by_path(model).items()})


def load_weights(model, path):
    """Read what `save_weights` wrote into a model of the same layers: all weights or none.

    Raises:
        ValueError: the file does not have the digest beside it (a bit flipped, say), or holds the
            weights of another model.
    """
    check_path(path, SUFFIXES)
    check_digest(path, required=True)
    if path_ends(path, ".weights.h5"):
        functional = isinstance(model, keras.Sequential) or hasattr(model, "operations")
        load_keras_weights(model, path) if functional else model.load_weights(path)
    elif path_ends(path, ".keras"):
        stored = keras.saving.load_model(path, compile=False)
        _assign(model, {k: w.numpy() for k, w in _by_path(stored).items()}, path)
    else:
        with open_checkpoint(path) as stored:
            _assign(model, stored, path)


def check_path(path, suffixes):
    """Raise the ValueError now that writing would raise after an epoch of training."""
    folder = os.path.dirname(os.path.realpath(path))
    if not any(path_ends(path, suffix) for suffix in suffixes) or not os.path.isdir(folder):
        raise ValueError(
            f"`path` must end in one of {', '.join(suffixes)}, in an existing folder. "
            f"Received: path={os.fspath(path)!r}"
        )


def path_ends(path, suffix):
    return os.fspath(path).endswith(suffix)


def _by_path(model):
    """{path: weight}, without the name of the model; two weights of one path would be one."""
    paths = [w.path.removeprefix(f"{model.name}/") for w in model.weights]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        raise ValueError(
            "the weights must have distinct paths to be stored by path; give the layers names, or "
            f"write .weights.h5. Received: {twice} more than once"
        )
    return dict(zip(paths, model.weights))


def _assign(model, stored, path):
    weights = _by_path(model)
    expected = {k: tuple(w.shape) for k, w in weights.items()}
    received = {k: tuple(stored[k].shape) for k in stored}
    wrong = sorted(k for k in {**expected, **received} if expected.get(k) != received.get(k))
    if wrong:
        raise ValueError(
            f"{os.fspath(path)} must hold the weights of the model; nothing was loaded. "
            "They differ in\n" + listed_differences(wrong, received, expected)
        )
    for name, weight in weights.items():
        weight.assign(stored[name])


def listed_differences(names, stored, expected):
    """A line for each name: what the file has and what the model needs."""
    missing = "nothing"
    return "\n".join(
        f"    {k}: {stored.get(k, missing)} in the file, {expected.get(k, missing)} in the model"
        for k in names
    )
