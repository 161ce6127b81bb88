"""Make an object again with NumPy's numbers in the place of Python's."""

import json

import keras
import numpy as np
import pytest


def as_numpy(value):
    """Return a configuration's value with np.int64 and np.float32 for its numbers."""
    if isinstance(value, (list, tuple)):
        return [as_numpy(x) for x in value]
    if isinstance(value, dict):
        return {name: as_numpy(x) for name, x in value.items()}
    kinds = {int: np.int64, float: np.float32}
    return kinds.get(type(value), lambda x: x)(value)


def made_with_numpy(made):
    """Return the twin of an object, from its configuration and then from JSON."""
    config = {
        name: value if isinstance(value, dict) else as_numpy(value)
        for name, value in made.get_config().items()
    }
    twin = type(made).from_config(config)
    written = json.dumps(keras.saving.serialize_keras_object(twin))
    return keras.saving.deserialize_keras_object(json.loads(written))


def assert_same_config(ours, theirs):
    """Assert that two objects have one configuration, up to the digits of float32."""
    pairs = (keras.tree.flatten(x.get_config()) for x in (ours, theirs))
    for a, b in zip(*pairs, strict=True):
        assert a == (pytest.approx(b, rel=1e-6) if isinstance(b, float) else b)
