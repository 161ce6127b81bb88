"""CRF, MEMM and both kinds of GlobalPointer equal bert4keras on the same weights."""

import os

import numpy as np
import pytest
from keras import ops

from kerasx import layers
from tests.parity.make_bert4keras_heads import POINTERS, TAGGERS
from tests.parity.record import record

with np.load(os.path.join(os.path.dirname(__file__), "bert4keras", "heads.npz")) as file:
    REFERENCE = dict(file)
MASK = np.arange(6) < REFERENCE["lengths"][:, None]


def applied(name, options, key):
    """Return the layer with bert4keras's weights, and its outputs."""
    layer = getattr(layers, name.split("-")[0])(**options)
    layer.build(REFERENCE[key].shape)
    layer.set_weights([REFERENCE[f"{name}/weight_{i}"] for i in range(len(layer.weights))])
    assert f"{name}/weight_{len(layer.weights)}" not in REFERENCE
    return layer, layer(REFERENCE[key], mask=ops.convert_to_tensor(MASK))


@pytest.mark.parametrize("name", POINTERS)
def test_scores_of_spans_equal_those_of_bert4keras(name):
    ours, theirs = ops.convert_to_numpy(applied(name, POINTERS[name], "x")[1]), f"{name}/output"
    masked = np.isneginf(REFERENCE[theirs])
    np.testing.assert_array_equal(ours < -1e30, masked)
    error = np.abs(ours - REFERENCE[theirs])[~masked].max()
    record(error)
    assert error < 1e-5


@pytest.mark.parametrize("name", TAGGERS)
def test_losses_accuracies_and_tags_equal_those_of_bert4keras(name):
    layer, outputs = applied(name, TAGGERS[name], "scores")
    loss = ops.convert_to_numpy(layer.sparse_loss(REFERENCE["tags"], outputs))
    error = np.abs(loss - REFERENCE[f"{name}/loss"]).max()
    record(error)
    assert error < 1e-4
    accuracy = ops.convert_to_numpy(layer.sparse_accuracy(REFERENCE["tags"], outputs))
    np.testing.assert_allclose(accuracy, REFERENCE[f"{name}/accuracy"], rtol=1e-5)
    if name == "ConditionalRandomField":
        tags = ops.convert_to_numpy(layer.decode(outputs))
        np.testing.assert_array_equal(np.where(MASK, tags, 0), REFERENCE[f"{name}/decoded"])
