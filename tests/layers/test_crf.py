"""CRF and MEMM as layers: losses under masks, constraints, decoding, saving, training."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.layers import ConditionalRandomField, MaximumEntropyMarkovModel
from kerasx.spans import ViterbiDecoder, allowed_transitions, tag_set, tags_to_spans
from tests.gradients import gradient

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(3, 5, 3)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [0, 1, 0, 1, 0], [0, 0, 0, 0, 0]], "bool")
TAGS = RNG.integers(0, 3, (3, 5))
TRANS = RNG.normal(size=(3, 3)).astype("float32")
TAG_NAMES = tag_set(["PER"], "BIO")


def numpy(x):
    return ops.convert_to_numpy(x)


def layer_of(cls, trans=TRANS, **options):
    layer = cls(**options)
    layer.build((None, None, 3))
    layer.set_weights([trans / options.get("lr_multiplier", 1)])
    return layer


def masked(layer, scores=SCORES):
    return layer(ops.convert_to_tensor(scores), mask=ops.convert_to_tensor(MASK))


def test_the_loss_of_a_sentence_is_that_of_its_real_places_alone():
    crf = layer_of(ConditionalRandomField)
    losses = numpy(crf.sparse_loss(TAGS, masked(crf)))
    for loss, scores, tags, mask in zip(losses, SCORES, TAGS, MASK):
        every = itertools.product(range(3), repeat=int(mask.sum()))
        found = {
            y: sum(scores[mask][range(len(y)), y]) + sum(TRANS[a, b] for a, b in zip(y, y[1:]))
            for y in map(list, every)
            for y in [tuple(y)]
        }
        wanted = np.logaddexp.reduce([*found.values()]) - found[tuple(tags[mask])]
        np.testing.assert_allclose(loss, wanted, rtol=1e-5, atol=1e-6)
    one_hot = np.eye(3)[TAGS]
    np.testing.assert_array_equal(numpy(crf.dense_loss(one_hot, masked(crf))), losses)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_masks_survive_half_precision_and_the_cast_of_a_loss(dtype):
    crf = layer_of(ConditionalRandomField, dtype=dtype)
    half = masked(crf)
    scores = ops.cast(half, "float32")
    np.testing.assert_array_equal(numpy(crf.real(half)), MASK)
    np.testing.assert_array_equal(numpy(crf.real(scores)), MASK)
    loss = numpy(crf.sparse_loss(TAGS, half))
    np.testing.assert_array_equal(loss, numpy(crf.sparse_loss(TAGS, scores)))
    full = layer_of(ConditionalRandomField)
    np.testing.assert_allclose(loss, numpy(full.sparse_loss(TAGS, masked(full))), atol=0.05)


@pytest.mark.parametrize("cls", [ConditionalRandomField, MaximumEntropyMarkovModel])
def test_accuracy_is_over_the_real_places_and_one_for_the_right_tags(cls):
    layer = layer_of(cls, 0 * TRANS)
    right = SCORES.argmax(-1)
    assert float(layer.sparse_accuracy(right, masked(layer))) == 1
    right[0, 0], right[2] = (right[0, 0] + 1) % 3, (right[2] + 1) % 3  # the third has no real place
    np.testing.assert_allclose(float(layer.sparse_accuracy(right, masked(layer))), 6 / 7, rtol=1e-6)
    dense = layer.dense_accuracy(np.eye(3)[right], masked(layer))
    np.testing.assert_allclose(float(dense), 6 / 7, rtol=1e-6)


@pytest.mark.parametrize("cls", [ConditionalRandomField, MaximumEntropyMarkovModel])
def test_the_multiplier_divides_what_is_stored_and_not_what_counts(cls):
    plain, fast = layer_of(cls), layer_of(cls, lr_multiplier=100)
    np.testing.assert_allclose(numpy(fast.trans), TRANS, rtol=1e-6)
    np.testing.assert_allclose(fast.get_weights()[0], TRANS / 100, rtol=1e-6)
    losses = [numpy(layer.sparse_loss(TAGS, masked(layer))) for layer in (plain, fast)]
    np.testing.assert_allclose(*losses, rtol=1e-5)
    fresh = cls(lr_multiplier=100)
    fresh.build((None, None, 3))
    assert 0 < np.abs(fresh.get_weights()[0]).max() <= 0.01  # Glorot's 1 / 100


def test_decoding_agrees_with_numpy_sentence_by_sentence():
    crf = layer_of(ConditionalRandomField)
    tags, decoder = numpy(crf.decode(numpy(masked(crf)))), ViterbiDecoder(TRANS)
    for row, scores, mask in zip(tags, SCORES, MASK):
        np.testing.assert_array_equal(row[mask], decoder.decode(scores[mask]))
        assert (row[~mask] == -1).all()
    many, scores = map(numpy, crf.decode(masked(crf), n_best=2, return_scores=True))
    np.testing.assert_array_equal(many[:, 0], tags)
    assert (scores[:2, 0] > scores[:2, 1]).all() and scores[2].tolist() == [0, -np.inf]


def test_only_what_the_scheme_allows_is_decoded_or_probable():
    allowed = allowed_transitions(TAG_NAMES)
    crf = layer_of(ConditionalRandomField, 0 * TRANS, allowed=allowed)
    scores = np.array([[[0, 0, 9], [0, 0, 9], [9, 0, 0], [0, 0, 9]]], "float32")
    tags = [TAG_NAMES[i] for i in numpy(crf.decode(scores))[0]]
    assert tags_to_spans(tags, strict=True) == [(0, 2, "PER")] and tags[3] != "I-PER"
    marginals = numpy(crf.marginals(scores))
    assert marginals[0, 0, 2] == 0 and marginals[0, 1, 2] > 0.9
    np.testing.assert_allclose(marginals.sum(-1), 1, rtol=1e-5)
    free = layer_of(ConditionalRandomField, 0 * TRANS)
    legal = np.array([[1, 2, 0, 1]])
    assert numpy(crf.sparse_loss(legal, scores)) < numpy(free.sparse_loss(legal, scores))


def test_a_label_outside_the_tag_set_makes_the_loss_nan():
    crf = layer_of(ConditionalRandomField)
    tags = np.where(MASK, TAGS, 7)
    assert np.isfinite(numpy(crf.sparse_loss(tags, masked(crf)))).all()
    tags[0, 0] = 3
    assert np.isnan(numpy(crf.sparse_loss(tags, masked(crf)))).tolist() == [True, False, False]


UNLABELLED = {  # of five places; the second sentence has places of padding, too
    "first": [[0], [0], [0]],
    "last": [[4], [3], [4]],
    "inner": [[1, 3], [1], [2]],
    "whole row": [[0, 1, 2, 3, 4], [1], []],
}


@pytest.mark.parametrize("cls", [ConditionalRandomField, MaximumEntropyMarkovModel])
@pytest.mark.parametrize("where", UNLABELLED)
def test_a_label_of_minus_100_leaves_its_place_out(cls, where):
    """As if the sentence were shorter: in loss and accuracy, with finite gradients, 0 there."""
    layer, tags, left = layer_of(cls), TAGS.copy(), MASK.copy()
    for row, places in enumerate(UNLABELLED[where]):
        tags[row, places], left[row, places] = -100, False
    shorter = layer(ops.convert_to_tensor(SCORES), mask=ops.convert_to_tensor(left))
    for name in ("sparse_loss", "sparse_accuracy"):
        wanted, got = (
            getattr(layer, name)(*pair) for pair in ((TAGS, shorter), (tags, masked(layer)))
        )
        np.testing.assert_allclose(numpy(got), numpy(wanted), rtol=1e-6)
    slopes = gradient(lambda s: layer.sparse_loss(tags, layer(s, mask=MASK)), SCORES)
    assert np.isfinite(slopes).all() and not slopes[~left].any()
    assert slopes[left].any() == left.any()


def test_the_loss_without_some_labels_is_that_of_all_sequences_of_the_others():
    crf, labels = layer_of(ConditionalRandomField), np.array([[-100, 1, 0, -100, 2]])
    scores, known = SCORES[0][labels[0] >= 0], labels[labels >= 0]

    def score(tags):
        pairs = sum(TRANS[a, b] for a, b in zip(tags, tags[1:]))
        return scores[range(len(tags)), list(tags)].sum() + pairs

    every = [score(tags) for tags in itertools.product(range(3), repeat=3)]
    wanted = np.logaddexp.reduce(every) - score(known)
    np.testing.assert_allclose(numpy(crf.sparse_loss(labels, SCORES[:1]))[0], wanted, rtol=1e-6)


def test_a_label_that_is_none_does_not_train():
    """The loss is NaN, and no backend moves the weights by the gradient of a part of it."""
    crf, tags = layer_of(ConditionalRandomField), np.where(MASK, TAGS, 0)
    tags[0, 0] = 3
    slopes = gradient(lambda s: crf.sparse_loss(tags, crf(s, mask=MASK)), SCORES)
    assert np.isfinite(slopes).all() and not slopes[0].any() and slopes[1].any()


@pytest.mark.parametrize("cls", [ConditionalRandomField, MaximumEntropyMarkovModel])
def test_labels_of_minus_100_train_in_fit(cls):
    inputs, layer = keras.Input((5, 3)), cls()
    model = keras.Model(inputs, layer(keras.layers.Dense(3)(inputs)))
    compiles = keras.backend.backend() != "torch"
    model.compile("sgd", layer.sparse_loss, jit_compile=compiles)
    tags = np.where(np.arange(5) < 2, -100, TAGS)
    before = [numpy(w) for w in model.weights]
    assert np.isfinite(model.fit(SCORES, tags, epochs=2, verbose=0).history["loss"]).all()
    assert all(np.isfinite(w).all() and (w != b).any() for w, b in zip(model.get_weights(), before))


def test_transitions_learn_in_a_compiled_fit_and_are_saved_with_the_model(tmp_path):
    compiles = keras.backend.backend() != "torch"  # there it means minutes of C++ compilation
    ids = RNG.integers(1, 5, (8, 6))
    ids[:, 4:] = 0
    tags = np.where(np.arange(6) % 2, 1, 2)[None].repeat(
        8, 0
    )  # allowed pairs of tags, for any order of the ids
    inputs = keras.Input((None,), dtype="int32")
    crf = ConditionalRandomField(lr_multiplier=10, name="crf")
    outputs = crf(keras.layers.Dense(3)(keras.layers.Embedding(5, 4, mask_zero=True)(inputs)))
    model = keras.Model(inputs, outputs)
    metrics = [crf.sparse_accuracy]
    model.compile("adam", crf.sparse_loss, metrics=metrics, jit_compile=compiles)
    before = numpy(crf.trans)
    history = model.fit(ids, tags, batch_size=4, epochs=8, verbose=0).history["loss"]
    moved = numpy(crf.trans) - before
    assert history[-1] < history[0] and moved[2, 1] > 0.05 and moved[1, 2] > 0.05
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(numpy(again.get_layer("crf").trans), numpy(crf.trans))
    np.testing.assert_allclose(numpy(again(ids)), numpy(model(ids)), atol=1e-6)


@pytest.mark.parametrize("loss", ["sparse_loss", "dense_loss"])
@pytest.mark.parametrize("cls", [ConditionalRandomField, MaximumEntropyMarkovModel])
def test_a_compiled_model_comes_back_with_the_loss_of_its_own_layer(cls, loss, tmp_path):
    inputs = keras.Input((5, 3))
    layer = cls(name="tags")
    model = keras.Model(inputs, layer(keras.layers.Dense(3)(inputs)))
    model.compile("adam", loss=getattr(layer, loss))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    cls(name="tags")  # a later layer of this name changes nothing
    assert again.loss.layer is again.get_layer("tags") is not layer
    labels = TAGS if loss == "sparse_loss" else np.eye(3)[TAGS]
    before = model.evaluate(SCORES, labels, verbose=0)
    np.testing.assert_allclose(again.evaluate(SCORES, labels, verbose=0), before, rtol=1e-5)
    again.fit(SCORES, labels, verbose=0)
    assert again.evaluate(SCORES, labels, verbose=0) != before
    np.testing.assert_allclose(model.evaluate(SCORES, labels, verbose=0), before, rtol=1e-6)


@pytest.mark.parametrize(
    "config",
    [
        {"layer": "nowhere", "method": "sparse_loss"},
        {"layer": "tags", "method": "build"},
        {"layer": "tags", "method": "__init__"},
        {"layer": "tags", "method": "missing"},
    ],
)
def test_only_losses_of_layers_are_made_from_a_configuration(config):
    crf = ConditionalRandomField(name="tags")
    with pytest.raises(ValueError, match="must name a layer of the model and its loss"):
        type(crf.sparse_loss).from_config(config)


def memm_likelihood(scores, tags):
    """Compute log p summed over both directions, by the formula."""

    def one(logits, tag):
        return logits[tag] - np.logaddexp.reduce(logits)

    total = 0
    for order, trans in ((1, TRANS), (-1, TRANS.T)):
        s, y = scores[::order].astype("float64"), list(tags)[::order]
        total += one(s[0], y[0]) if y else 0
        total += sum(one((s[t] + trans[y[t - 1]]) / 2, y[t]) for t in range(1, len(y)))
    return total


def test_memm_loss_is_the_mean_over_directions_and_real_places():
    memm = layer_of(MaximumEntropyMarkovModel)
    wanted = sum(memm_likelihood(s[m], y[m]) for s, y, m in zip(SCORES, TAGS, MASK))
    loss = numpy(memm.sparse_loss(TAGS, masked(memm)))
    np.testing.assert_allclose(loss, -wanted / (2 * MASK.sum()), rtol=1e-5)


def test_memm_decodes_the_sequence_of_the_highest_likelihood():
    memm = layer_of(MaximumEntropyMarkovModel)
    tags = numpy(memm.decode(masked(memm)))
    for row, scores, mask in zip(tags, SCORES, MASK):
        every = itertools.product(range(3), repeat=int(mask.sum()))
        best = max(every, key=lambda y: memm_likelihood(scores[mask], y))
        assert row[mask].tolist() == list(best) and (row[~mask] == -1).all()


def test_transitions_of_low_rank_are_a_product():
    memm = MaximumEntropyMarkovModel(lr_multiplier=5, hidden_dim=2)
    memm.build((None, None, 3))
    left, right = memm.get_weights()
    np.testing.assert_allclose(numpy(memm.trans), 25 * left @ right.T, rtol=1e-5, atol=1e-7)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="other backends show metrics weights")
def test_an_accuracy_that_needs_weights_says_why_it_is_no_metric_on_jax():
    inputs = keras.Input((5, 3))
    memm = MaximumEntropyMarkovModel()
    model = keras.Model(inputs, memm(inputs))
    model.compile(loss=memm.sparse_loss, metrics=[memm.sparse_accuracy])
    with pytest.raises(ValueError, match="must not be a metric of `compile` on JAX"):
        model.evaluate(SCORES, TAGS, verbose=0)
