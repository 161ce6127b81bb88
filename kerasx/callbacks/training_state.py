"""All that a training run is made of, as named arrays and a little text, in one file.

Weights, seed generators, optimizer and metrics are the variables of a model; beside them stand the
random numbers that belong to no model. Nothing here knows about callbacks.
"""

import json
import random
import re

import keras
import numpy as np

from kerasx.backend.random_state import get_random_state, set_random_state
from kerasx.callbacks.weights_file import listed_differences
from kerasx.checkpoints import open_checkpoint, save_safetensors
from kerasx.files.atomic import check_digest, digested_path

__all__ = []

_KEY = "kerasx.training_state"


def sections(model):
    """{name: list of variables} of a compiled model; reading them needs `synced(model)`."""
    return {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "metrics": model.metrics_variables,
    }


def synced(model):
    """The model, its variables holding what they should: on JAX, `fit` keeps them elsewhere."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()
    return model


def variable_names(model, names=("model", "optimizer", "metrics")):
    """{"model/0/dense/kernel": variable}; the numbers Keras adds to names are left out.

    They count what the process made before ("dense_3"), so a model built again has others; the
    position in the list stands for them.
    """
    return {
        f"{name}/{i}/{re.sub(r'_[0-9]+(?=[_/]|$)', '', v.path)}": v
        for name in names
        for i, v in enumerate(sections(model)[name])
    }


def read_variables(model):
    """{name: array} of all sections."""
    variables = variable_names(synced(model))
    return {k: np.array(keras.ops.convert_to_numpy(v)) for k, v in variables.items()}


def check_variables(model, tensors, names):
    """Raise a ValueError that lists how the stored tensors differ from the model's variables."""
    variables = variable_names(model, names)
    expected = {k: (tuple(v.shape), str(v.dtype)) for k, v in variables.items()}
    stored = {k: (tuple(v.shape), str(v.dtype)) for k, v in tensors.items()}
    stored = {k: v for k, v in stored.items() if k.startswith(tuple(f"{n}/" for n in names))}
    wrong = sorted(k for k in {**expected, **stored} if expected.get(k) != stored.get(k))
    if wrong:
        raise ValueError(
            "the training state must come from the same model, optimizer and metrics; nothing was "
            "loaded. Build and compile as the stored run did, or start anew with another path. "
            "They differ in\n" + listed_differences(wrong, stored, expected)
        )


def assign_variables(model, tensors, names):
    for name, variable in variable_names(model, names).items():
        variable.assign(tensors[name])


def read_random():
    """(arrays, text) of Python's, NumPy's and the backend's generators."""
    numpy_state = np.random.get_state(legacy=False)
    arrays = {**get_random_state(), "numpy": numpy_state["state"].pop("key")}
    return arrays, {"numpy": numpy_state, "python": random.getstate()}


def write_random(arrays, text):
    """Put back what `read_random` gave."""
    state = {**text["numpy"]["state"], "key": arrays["numpy"]}
    np.random.set_state({**text["numpy"], "state": state})
    version, numbers, gauss = text["python"]
    random.setstate((version, tuple(numbers), gauss))
    set_random_state({k: v for k, v in arrays.items() if k != "numpy"})


def save_state(path, tensors, text):
    """Write arrays and JSON text as one safetensors file and its digest; atomic."""
    with digested_path(path) as temporary:
        save_safetensors(temporary, tensors, metadata={_KEY: json.dumps(text)})


def load_state(path):
    """(tensors, text) of a file that `save_state` wrote; ValueError if it is damaged."""
    check_digest(path, required=True)
    with open_checkpoint(path) as stored:
        metadata = getattr(stored, "metadata", {})
        if _KEY not in metadata:
            raise ValueError(
                "`path` must be a file that `Resume` wrote; choose another name. "
                f"Received: path={path!r} with metadata {sorted(metadata)}"
            )
        return {name: stored[name] for name in stored}, json.loads(metadata[_KEY])
