"""Read and write the whole state of a training run as named arrays and JSON text in one file.

The state is the variables of the model (weights, seed generators), optimizer and metrics, and the
random number generators of Python, NumPy and the backend.
"""

import hashlib
import json
import random
import re

import keras
import numpy as np

from kerasx import backend
from kerasx.backend.random_state import get_random_state, set_random_state
from kerasx.callbacks.weights_file import check_same
from kerasx.checkpoints import open_checkpoint, save_safetensors
from kerasx.checks import invalid
from kerasx.files.atomic import check_digest, digested_path

_KEY = "kerasx.training_state"


def sections(model):
    """Return {section: list of variables} of a compiled model; call `synced` before reading."""
    return {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "metrics": model.metrics_variables,
    }


def synced(model):
    """Return the model with up-to-date variables; on JAX, `fit` keeps their values elsewhere."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()
    return model


def stop_together(model):
    """Let the `fit` of all processes end if it is to end in one of them."""
    model.stop_training = backend.in_any_process(getattr(model, "stop_training", False))


def bare_optimizer(model):
    """Return the optimizer of a model, taken out of a LossScaleOptimizer."""
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def variable_names(model, names=("model", "optimizer", "metrics")):
    """Return {"model/0/dense/kernel": variable}, names that are the same in another process.

    Keras numbers layers by what the process made before ("dense_3"), so the number is removed, and
    the position in the list tells layers apart.
    """
    return {
        f"{name}/{i}/{re.sub(r'_[0-9]+(?=[_/]|$)', '', v.path)}": v
        for name in names
        for i, v in enumerate(sections(model)[name])
    }


def check_variables(model, tensors, names):
    """Raise a ValueError if stored tensors differ in names, shapes or dtypes from a model's."""
    variables = variable_names(model, names)
    expected = {k: (tuple(v.shape), str(v.dtype)) for k, v in variables.items()}
    stored = {k: (tuple(v.shape), str(v.dtype)) for k, v in tensors.items()}
    stored = {k: v for k, v in stored.items() if k.startswith(tuple(f"{n}/" for n in names))}
    message = (
        "The training state must come from the same model, optimizer and metrics; nothing was "
        "loaded. Build and compile as the stored run did, or start anew with another path."
    )
    check_same(stored, expected, message)


def assign_variables(model, tensors, names):
    """Assign stored tensors to the variables of some sections."""
    for name, variable in variable_names(model, names).items():
        backend.fill(variable, np.asarray(tensors[name]))


def read_random():
    """Return (arrays, text), the state of Python's, NumPy's and the backend's generators."""
    numpy_state = np.random.get_state(legacy=False)
    arrays = {**get_random_state(), "numpy": numpy_state["state"].pop("key")}
    return arrays, {"numpy": numpy_state, "python": random.getstate()}


def digest_of_random(arrays, text):
    """Return a str that tells a state that `read_random` returned from others, on any GPU."""
    digest = hashlib.sha256(json.dumps(text).encode())
    for name in sorted(name for name in arrays if not name.startswith("cuda")):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def write_random(arrays, text):
    """Restore a state that `read_random` returned."""
    state = {**text["numpy"]["state"], "key": arrays["numpy"]}
    np.random.set_state({**text["numpy"], "state": state})
    version, numbers, gauss = text["python"]
    random.setstate((version, tuple(numbers), gauss))
    set_random_state({k: v for k, v in arrays.items() if k != "numpy"})


def save_state(path, model, random_arrays, text):
    """Write all variables, the arrays of random states and JSON text as one file, and its digest.

    It is replaced atomically. With several processes all call it, and the first one writes.
    """
    variables = variable_names(synced(model))

    def write():
        tensors = {k: np.array(keras.ops.convert_to_numpy(v)) for k, v in variables.items()}
        with digested_path(path) as temporary:
            metadata = {_KEY: json.dumps(text)}
            save_safetensors(temporary, {**tensors, **random_arrays}, metadata=metadata)

    backend.write_in_first_process(path, write, list(variables.values()))


def load_state(path):
    """Return (tensors, text) of a file that `save_state` wrote; raise if it is damaged."""
    check_digest(path, required=True)
    with open_checkpoint(path) as stored:
        metadata = getattr(stored, "metadata", {})
        if _KEY not in metadata:
            raise invalid(
                "`path` must be a file that `Resume` wrote; choose another name.",
                path=path,
                metadata=sorted(metadata),
            )
        return {name: stored[name] for name in stored}, json.loads(metadata[_KEY])
