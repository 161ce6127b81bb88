"""The loss of a language model counts the right tokens."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.layers import CrossEntropy, Embedding

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(3, 6, 9)).astype("float32")
LOG_P = SCORES - np.log(np.exp(SCORES).sum(-1, keepdims=True))


def wanted(ids, counted):
    """Compute the mean of -log p over the targets (places from 1 on) that count."""
    losses = -np.take_along_axis(LOG_P[:, :-1], ids[:, 1:, None], -1)[..., 0]
    return losses[np.array(counted, "bool")[:, 1:]].mean()


def loss_of(ids, mask=None, **options):
    layer = CrossEntropy(output_axis=1, **options)
    layer([ops.convert_to_tensor(ids), ops.convert_to_tensor(SCORES)], mask=[None, mask])
    return float(layer.losses[0])


def rows(pad):
    return np.array([[2, 5, 0, 1, 4, 3], [2, 0, 3, pad, pad, pad], [2, 3, pad, pad, pad, pad]])


REAL = np.array([[1] * 6, [1] * 3 + [0] * 3, [1] * 2 + [0] * 4])


@pytest.mark.parametrize("pad_id", [1, 8])
def test_the_padding_is_what_the_mask_or_the_argument_says(pad_id):
    ids = rows(pad_id)
    assert loss_of(ids, REAL) == pytest.approx(wanted(ids, REAL), rel=1e-5)
    real = ids != pad_id
    assert loss_of(ids, pad_id=pad_id) == pytest.approx(wanted(ids, real), rel=1e-5)
    assert loss_of(ids) == pytest.approx(wanted(ids, np.ones((3, 6))), rel=1e-5)


def test_of_rows_padded_with_their_end_token_the_first_end_counts():
    ids = np.array([[2, 5, 3, 1, 4, 3], [2, 0, 3, 3, 3, 3], [3, 3, 3, 3, 3, 3]])
    counted = [[1] * 6, [1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0]]
    assert loss_of(ids, end_id=3) == pytest.approx(wanted(ids, counted), rel=1e-5)


@pytest.mark.parametrize("pad_id", [None, 0, 1])
def test_the_layer_sees_the_padding_of_the_model(pad_id):
    inputs = keras.Input((None,), dtype="int32")
    x = Embedding(9, 9, mask_zero=pad_id is not None, pad_id=pad_id or 0, name="e")(inputs)
    model = keras.Model(inputs, CrossEntropy(1)([inputs, x]))
    model.compile("sgd")
    table = RNG.normal(size=(9, 9)).astype("float32")
    model.get_layer("e").embeddings.assign(table)
    ids = rows(1 if pad_id is None else pad_id)
    log_p = table[ids] - np.log(np.exp(table[ids]).sum(-1, keepdims=True))
    losses = -np.take_along_axis(log_p[:, :-1], ids[:, 1:, None], -1)[..., 0]
    mean = losses.mean() if pad_id is None else losses[ids[:, 1:] != pad_id].mean()
    assert model.evaluate(ids, verbose=0) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("name", ["pad_id", "end_id"])
def test_ids_are_integers_of_any_kind_and_are_saved(name):
    layer = CrossEntropy(**{name: np.int64(3)})
    assert type(layer.get_config()[name]) is int
    with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least 0"):
        CrossEntropy(**{name: -1})
