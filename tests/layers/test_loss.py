"""The loss of a language model counts the right tokens."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.backend import K
from kerasx.layers import CrossEntropy, Embedding, Loss
from kerasx.models import bert_config, build_transformer_model

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


class Masked(Loss):
    """A loss in the way of bert4keras: the labels are integers, the mask multiplies."""

    def compute_loss(self, inputs, mask=None):
        y_true, y_pred = inputs
        loss = K.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
        counted = K.cast(y_true[:, :1] * 0 + 1, K.floatx())
        self.add_metric(K.mean(K.equal(y_true, K.argmax(y_pred))), name="accuracy")
        self.add_metric(K.sum(loss), name="total", aggregation="mean")
        return K.sum(loss * y_true * counted) / K.sum(y_true)


def masked_model(ids="int32"):
    inputs = keras.Input((None,), dtype=ids)
    scores = Embedding(9, 9, name="e")(inputs)
    model = keras.Model(inputs, Masked(1, name="loss")([inputs, scores]))
    model.compile(keras.optimizers.SGD(0.0), jit_compile=False)
    return model


IDS = np.array([[2, 5, 0], [1, 4, 3], [8, 8, 8]])


def masked_values(table, ids):
    scores = table[ids]
    losses = -np.take_along_axis(scores, ids[..., None], -1)[..., 0]
    losses += np.log(np.exp(scores).sum(-1))
    accuracy = (scores.argmax(-1) == ids).mean()
    return (losses * ids).sum() / ids.sum(), accuracy, losses.sum()


def test_integers_multiply_a_loss_and_metrics_are_means_over_batches(tmp_path):
    model, table = masked_model(), RNG.normal(size=(9, 9)).astype("float32")
    model.get_layer("e").embeddings.assign(table)
    batches = [masked_values(table, IDS[:2]), masked_values(table, IDS[2:])]
    accuracy, total = np.mean([values[1:] for values in batches], 0)
    for _ in range(2):  # each epoch starts anew
        logs = model.fit(IDS, batch_size=2, epochs=2, shuffle=False, verbose=0).history
        assert logs["accuracy"] == pytest.approx([accuracy] * 2)
        assert logs["total"] == pytest.approx([total] * 2, rel=1e-5)
    got = model.evaluate(IDS[:2], verbose=0, return_dict=True)
    assert [got[k] for k in ("loss", "accuracy", "total")] == pytest.approx(batches[0], rel=1e-5)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", custom_objects={"Masked": Masked})
    assert loaded.evaluate(IDS[:2], verbose=0, return_dict=True) == pytest.approx(got)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
@pytest.mark.parametrize("policy", ["mixed_float16", "float32"])
def test_ids_stay_exact_in_a_loss_of_any_precision(dtype, policy):
    class Sum(Loss):
        def compute_loss(self, inputs, mask=None):
            ids, x = inputs
            return ops.sum(ids * (1 + 0 * x))

    layer = Sum(1, dtype=policy)
    layer([ops.cast([[21127, 21126]], dtype), ops.ones((1, 2), "float16")])
    assert float(layer.losses[0]) == 42253


def test_a_metric_outside_of_a_graph_is_tracked_as_well():
    layer = Masked(1)
    for _ in range(2):
        layer([ops.convert_to_tensor(IDS), ops.one_hot(IDS, 9)])
    assert [m.name for m in layer.metrics] == ["accuracy", "total"]
    assert float(layer.metrics[0].result()) == 1
    with pytest.raises(ValueError, match="`aggregation` must be one of 'mean'"):
        layer.add_metric(1.0, "x", aggregation="max")


class Similarity(Loss):
    """Sentences 2i and 2i + 1 of a batch say the same; one number for each sentence."""

    def compute_loss(self, inputs, mask=None):
        x = K.l2_normalize(inputs, axis=1)
        b = K.shape(x)[0]
        scores = (K.dot(x, K.transpose(x)) - K.eye(b) * 1e12) * 30
        i = K.arange(0, b)
        twin = K.equal((i + 1 - i % 2 * 2)[:, None], i[None, :])
        return K.categorical_crossentropy(K.cast(twin, K.floatx()), scores, from_logits=True)


def test_a_loss_between_the_examples_of_a_batch_counts_by_its_mean():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, Similarity()(inputs))
    model.compile(keras.optimizers.SGD(0.0))
    x = RNG.normal(size=(6, 3)).astype("float32")
    units = x / np.linalg.norm(x, axis=1, keepdims=True)
    losses = []
    for u in (units[:4], units[4:]):
        scores = 30 * u @ u.T - 1e12 * np.eye(len(u))
        twins = np.arange(len(u)) ^ 1
        losses += list(np.log(np.exp(scores).sum(1)) - scores[range(len(u)), twins])
    got = model.fit(x, batch_size=4, shuffle=False, verbose=0).history["loss"]
    assert got == pytest.approx([np.mean(losses)], rel=1e-4)


@pytest.mark.parametrize("options", [{"application": "lm"}, {"with_mlm": True}])
def test_probabilities_are_not_taken_for_logits(options):
    bert = build_transformer_model(bert_config(9, 8, num_hidden_layers=1), **options)
    with pytest.raises(ValueError, match='with_mlm="linear"'):
        CrossEntropy(1)([bert.inputs[0], bert.outputs[0]])
    with pytest.raises(ValueError, match='with_mlm="linear"'):
        CrossEntropy(1)([bert.inputs[0], bert(bert.inputs)])
    CrossEntropy(1, from_logits=False)([bert.inputs[0], bert.outputs[0]])


@pytest.mark.parametrize("shapes", [[(None, 9), (None,)], [(None, 9)], [(None,), (9,)]])
def test_cross_entropy_names_the_inputs_that_it_wants(shapes):
    tensors = [keras.Input(shape) for shape in shapes]
    with pytest.raises(ValueError, match=r"\[token_ids \(b, n\), scores \(b, n, v\)\]"):
        CrossEntropy(0)(tensors)
