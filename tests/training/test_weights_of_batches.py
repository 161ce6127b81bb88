"""Micro-batches equal the large batch, in steps and in `evaluate`, whatever a loss divides by."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import layers, losses, training
from kerasx.callbacks import FlushGradients
from kerasx.optimizers import Tiger, extend_with_gradient_accumulation
from tests.training.models import numpy

VOCAB = 9
RNG = np.random.default_rng(0)
LENGTHS = (12, 4, 8, 3)
IDS = np.zeros((4, 12), "int32")
for _row, _n in zip(IDS, LENGTHS):
    _row[:_n] = RNG.integers(1, VOCAB, _n)
NEXT = np.where(np.roll(IDS, -1, 1) > 0, np.roll(IDS, -1, 1), -100)
NEXT[:, -1] = -100
TAGS = np.where(IDS > 0, IDS % 3, -100)
HOT = RNG.integers(0, 2, (4, 12, 5)).astype("float32")
ROWS = np.array([1.0, 3.0, 0.5, 2.0], "float32")


def encoder(units, mask_zero=True):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(VOCAB, 6, mask_zero=mask_zero)(inputs)
    return inputs, keras.layers.Dense(units)(x)


def loss_layer():
    inputs, scores = encoder(VOCAB)
    return keras.Model(inputs, layers.CrossEntropy(1)([inputs, scores])), None, None


def compiled(loss, y, units=VOCAB, mask_zero=True):
    return lambda: (keras.Model(*encoder(units, mask_zero)), loss, y)


def tagger(layer, loss="sparse_loss"):
    def make():
        inputs, scores = encoder(3)
        tags = layer()
        return keras.Model(inputs, tags(scores)), getattr(tags, loss), TAGS

    return make


def own_loss(y_true, y_pred):
    errors = ops.mean(ops.square(y_pred), -1)
    return losses.masked_mean(errors, y_true >= 0)


def pooled():
    inputs, scores = encoder(1)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(scores)), "mse", HOT[:, 0, :1]


def two_outputs():
    inputs, scores = encoder(VOCAB)
    other = keras.layers.Dense(3)(scores)
    return (
        keras.Model(inputs, [scores, other]),
        [losses.MaskedCrossEntropy(), losses.MaskedCrossEntropy()],
        [NEXT, np.where(NEXT < 0, NEXT, NEXT % 3)],
    )


KERAS = keras.losses.SparseCategoricalCrossentropy
MODELS = {
    "CrossEntropy": loss_layer,
    "MaskedCrossEntropy": compiled(losses.MaskedCrossEntropy(), NEXT, mask_zero=False),
    "MaskedCrossEntropy, mask": compiled(losses.MaskedCrossEntropy(), NEXT),
    "TaiLr": compiled(losses.TaiLr(), NEXT),
    "multilabel": compiled(losses.MultilabelCategoricalCrossentropy(), HOT, 5),
    "CRF": tagger(layers.ConditionalRandomField),
    "MEMM": tagger(layers.MaximumEntropyMarkovModel),
    "own": compiled(own_loss, NEXT, mask_zero=False),
    "Keras, mask": compiled(KERAS(True), np.maximum(NEXT, 0)),
    "Keras, rows": pooled,
    "two outputs": two_outputs,
}


def micro_batches(y, sizes, weights):
    """Cut the arrays into batches, each padded to the length of its longest row."""
    for stop, size in zip(np.cumsum(sizes), sizes):
        rows = slice(stop - size, stop)
        n = max(LENGTHS[rows])

        def cut(array, places=(rows, slice(n))):
            return array[places[: array.ndim]]

        yield tuple(
            None if t is None else keras.tree.map_structure(cut, t) for t in (IDS, y, weights)
        )


def step(make, sizes, optimizer, weights=None, trick=None):
    """Return the weights after an update from micro-batches, the loss shown, and that after it."""
    model, loss, y = make()
    model.compile(optimizer(len(sizes)), loss)
    model = trick(model) if trick else training.weigh_batches(model)
    for batch in micro_batches(y, sizes, weights):
        shown = model.train_on_batch(*batch)
    after = [numpy(v.value) for v in model.trainable_variables]
    return after, float(np.ravel(shown)[0])


def accumulating(k):
    return extend_with_gradient_accumulation(keras.optimizers.SGD)(0.5, grad_accum_steps=k)


def assert_equal(a, b, atol=2e-7):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, atol=atol)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 1), (1, 1, 1, 1)])
@pytest.mark.parametrize("name", MODELS)
def test_micro_batches_of_any_numbers_of_tokens_equal_the_large_batch(name, sizes):
    whole, parts = (step(MODELS[name], s, accumulating)[0] for s in ((4,), sizes))
    assert_equal(parts, whole)


@pytest.mark.parametrize("of", ["rows", "tokens"])
def test_weights_of_rows_and_of_tokens(of):
    weights = ROWS if of == "rows" else ROWS[:, None] * RNG.random((4, 12)).astype("float32")
    make = compiled(losses.MaskedCrossEntropy(), NEXT)

    def cut(trainer, sizes):
        return step(make, sizes, trainer, weights)[0]

    if of == "tokens":
        weights = np.where(IDS > 0, weights, 0)
    assert_equal(cut(accumulating, (3, 1)), cut(accumulating, (4,)))


def test_an_optimizer_that_sums_in_its_momentum_is_exact_with_a_buffer():
    def tiger(k):
        return extend_with_gradient_accumulation(Tiger)(0.01, grad_accum_steps=k)

    whole, parts = (step(loss_layer, sizes, tiger)[0] for sizes in ((4,), (2, 2)))
    assert_equal(parts, whole)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "CrossEntropy"])
def test_chunks_of_a_batch_equal_it_whatever_the_loss(name):
    def in_chunks(model):
        return training.contrastive_accumulation(model, 3)

    whole, shown = step(MODELS[name], (4,), accumulating)
    parts, shown_again = step(MODELS[name], (4,), accumulating, trick=in_chunks)
    assert_equal(parts, whole)
    assert shown_again == pytest.approx(shown, abs=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_evaluate_shows_the_mean_over_all_tokens_whatever_the_batches(name):
    model, loss, y = MODELS[name]()
    model.compile("sgd", loss)
    training.weigh_batches(model)
    whole, *parts = (
        float(np.ravel(model.evaluate(IDS, y, batch_size=size, verbose=0))[0]) for size in (4, 3, 1)
    )
    assert parts == pytest.approx([whole] * 2, abs=1e-6)


def test_the_callback_weighs_batches_in_fit_and_in_validation():
    results = []
    for size, steps in ((4, 1), (2, 2)):
        model, *_ = loss_layer()
        model.compile(accumulating(steps))
        history = model.fit(
            IDS,
            batch_size=size,
            validation_data=(IDS,),
            validation_batch_size=size,
            callbacks=[FlushGradients()],
            shuffle=False,
            verbose=0,
        ).history
        results.append([history["loss"][0], history["val_loss"][0]])
    assert results[1] == pytest.approx(results[0], abs=2e-6)


def test_half_precision_counts_more_tokens_than_it_could_add_up():
    """Ones added one by one stop growing at 2048 in float16."""
    ids = np.ones((2, 3000), "int32")
    inputs = keras.Input((None,), dtype="int32")
    scores = keras.layers.Embedding(2, 2, dtype="mixed_float16")(inputs)
    model = keras.Model(inputs, scores)
    optimizer = extend_with_gradient_accumulation(keras.optimizers.SGD)(grad_accum_steps=2)
    model.compile(optimizer, losses.MaskedCrossEntropy())
    training.weigh_batches(model).train_on_batch(ids, ids)
    assert float(optimizer.examples) == 6000
