"""Folders of random models give transformers' outputs, however they are written, both ways."""

import json

import keras
import numpy as np
import pytest
import transformers

from kerasx.models import build_transformer_model, save_pretrained
from tests.models.test_families import inputs_of
from tests.parity.random_folders import outputs_of, random_folder
from tests.parity.record import record

COUNT, MANY, PARTS = 40, 300, 10
BACKENDS = ["tensorflow", "jax", "torch"]  # each reads its share of the first folders
FIRST = BACKENDS.index(keras.backend.backend())
TOLERANCE = 1e-4


def ours_of(model, folder):
    """Return a kerasx model's outputs for a folder's tokens."""
    if len(folder.tokens) > 1:
        inputs = folder.tokens
    else:
        inputs = inputs_of(model, folder.tokens[0], folder.segments)
    jax = keras.backend.backend() == "jax"  # one compilation instead of one for each operation
    out = model.predict_on_batch(inputs) if jax else model(inputs, training=False)
    return [keras.ops.convert_to_numpy(x) for x in keras.tree.flatten(out)]


def largest_difference(found, expected, real):
    """Return the largest difference between lists of outputs, at the real tokens."""
    assert len(found) == len(expected)
    errors = []
    for x, y in zip(found, expected):
        x = x[..., 0] if x.ndim > y.ndim else x
        assert x.shape == y.shape
        places = real if x.shape[:2] == real.shape else slice(None)
        errors.append(np.abs(x[places] - y[places]).max())
    return max(errors)


def check(seed, path):
    """Assert that kerasx reads folder `seed`, and transformers what kerasx writes of it."""
    folder = random_folder(seed, path)
    expected, real = folder.expected(), folder.real()
    model = build_transformer_model(str(path), **folder.options)
    error = largest_difference(ours_of(model, folder), expected, real)
    assert error < TOLERANCE, folder.steps
    save_pretrained(model, path / "written")
    head = json.loads((path / "written" / "config.json").read_text())["architectures"][0]
    again = getattr(transformers, head).from_pretrained(path / "written").eval()
    error = max(error, largest_difference(outputs_of(again, folder), expected, real))
    assert error < TOLERANCE, folder.steps
    return error


@pytest.mark.parametrize("seed", range(FIRST, COUNT, len(BACKENDS)))
def test_a_random_folder_gives_the_same_outputs(seed, tmp_path):
    record(check(seed, tmp_path))


@pytest.mark.slow("hundreds of folders")
@pytest.mark.parametrize("part", range(PARTS))
def test_every_random_folder_gives_the_same_outputs(part, tmp_path):
    record(max(check(seed, tmp_path / str(seed)) for seed in range(part, MANY, PARTS)))
