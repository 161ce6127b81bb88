"""Cross-entropy of the tokens that count, and perplexity."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import losses
from kerasx.losses.token_loss import TokenLoss
from tests.losses.derivatives import gradient

RNG = np.random.default_rng(0)
IDS = np.array([[3, 1, 4, 0, 0], [2, 5, 0, 0, 0]], "int32")
LOGITS = (2 * RNG.normal(size=(2, 5, 6))).astype("float32")
MASK = IDS != 0
P = np.exp(LOGITS.astype("float64")) / np.exp(LOGITS.astype("float64")).sum(-1, keepdims=True)
CE = -np.log(np.take_along_axis(P, IDS[..., None], -1)[..., 0])


def test_it_is_the_mean_over_the_tokens_that_count():
    got = float(losses.masked_cross_entropy(IDS, LOGITS, MASK))
    assert got == pytest.approx(CE[MASK].mean(), rel=1e-5)
    assert float(losses.masked_cross_entropy(IDS, LOGITS)) == pytest.approx(CE.mean(), rel=1e-5)


def test_it_is_the_token_weighted_mean_of_the_losses_of_the_turns():
    turns = [np.arange(5) < 2, np.arange(5) >= 2]  # a dialogue of two turns, one loss each
    masks = [MASK & turn for turn in turns]
    each = [float(losses.masked_cross_entropy(IDS, LOGITS, m)) for m in masks]
    counts = [m.sum() for m in masks]
    whole = float(losses.masked_cross_entropy(IDS, LOGITS, MASK))
    assert whole == pytest.approx(np.average(each, weights=counts), rel=1e-5)


def test_weights_below_one_are_weights_all_the_same():
    got = float(losses.masked_cross_entropy(IDS, LOGITS, 0.01 * MASK.astype("float32")))
    assert got == pytest.approx(CE[MASK].mean(), rel=1e-5)


def test_ids_that_do_not_count_may_be_anything_and_their_logits_have_no_gradient():
    ids = np.where(MASK, IDS, -100)
    assert float(losses.masked_cross_entropy(ids, LOGITS, MASK)) == pytest.approx(CE[MASK].mean())
    grad = gradient(lambda s: losses.masked_cross_entropy(ids, s, MASK), LOGITS)
    assert not grad[~MASK].any() and grad[MASK].all()


def test_label_smoothing_spreads_over_the_vocabulary():
    wanted = 0.9 * CE[MASK].mean() + 0.1 * -np.log(P[MASK]).mean()
    assert float(losses.masked_cross_entropy(IDS, LOGITS, MASK, 0.1)) == pytest.approx(wanted)
    assert float(losses.MaskedCrossEntropy(0, 0.1)(IDS, LOGITS)) == pytest.approx(wanted)


@pytest.mark.parametrize("padding", [0, -100, 5])
def test_the_loss_class_ignores_its_class(padding):
    ids = np.where(MASK, np.minimum(IDS, 4), padding)
    wanted = float(losses.masked_cross_entropy(ids, LOGITS, MASK))
    assert float(losses.MaskedCrossEntropy(padding)(ids, LOGITS)) == pytest.approx(wanted)


def test_sample_weights_may_be_of_examples_or_of_tokens():
    loss = losses.MaskedCrossEntropy(ignore_class=0)
    got = float(loss(IDS, LOGITS, np.array([1.0, 0.0])))
    assert got == pytest.approx(CE[0][MASK[0]].mean(), rel=1e-5)
    tokens = RNG.random((2, 5)).astype("float32")
    wanted = (CE * tokens * MASK).sum() / (tokens * MASK).sum()
    assert float(loss(IDS, LOGITS, tokens)) == pytest.approx(wanted, rel=1e-5)


def test_the_keras_mask_of_the_model_counts_too():
    inputs = keras.Input((5,), dtype="int32")
    x = keras.layers.Embedding(6, 4, mask_zero=True)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(6)(x))
    logits = model(IDS)
    got = losses.MaskedCrossEntropy(ignore_class=None)(IDS, logits)
    wanted = losses.masked_cross_entropy(IDS, ops.convert_to_numpy(logits), MASK)
    assert float(got) == pytest.approx(float(wanted), rel=1e-5)


def test_ids_survive_a_loss_in_half_precision():
    loss = losses.MaskedCrossEntropy(dtype="bfloat16")
    logits = np.zeros((1, 1, 300), "float32")
    logits[0, 0, 257] = 50  # bfloat16 would have 256
    assert loss.dtype == "float32" and float(loss(np.array([[257]]), logits)) < 1e-6


def test_labels_with_a_last_dimension_of_one_are_taken():
    got = float(losses.MaskedCrossEntropy(None)(IDS[0][:, None], LOGITS[0]))
    assert got == pytest.approx(CE[0].mean(), rel=1e-5)


def test_perplexity_is_over_all_tokens_and_not_a_mean_of_batches():
    metric = losses.Perplexity(ignore_class=0)
    for ids, logits in zip(IDS, LOGITS):
        metric.update_state(ids[None], logits[None])
    assert float(metric.result()) == pytest.approx(np.exp(CE[MASK].mean()), rel=1e-5)
    metric.reset_state()
    metric.update_state(IDS, LOGITS, sample_weight=np.array([0.0, 1.0]))
    assert float(metric.result()) == pytest.approx(np.exp(CE[1][MASK[1]].mean()), rel=1e-5)


def test_an_indifferent_model_has_the_perplexity_of_its_vocabulary():
    metric = losses.Perplexity(ignore_class=None)
    metric.update_state(IDS, np.zeros((2, 5, 6), "float32"))
    assert float(metric.result()) == pytest.approx(6, rel=1e-5)


def test_perplexity_counts_in_fit():
    inputs = keras.Input((5,), dtype="int32")
    x = keras.layers.Embedding(6, 4)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(6)(x))
    metric, jit = losses.Perplexity(0), keras.backend.backend() != "torch"
    model.compile("sgd", losses.MaskedCrossEntropy(0), metrics=[metric], jit_compile=jit)
    history = model.fit(IDS, IDS, batch_size=2, verbose=0).history
    assert history["perplexity"][0] == pytest.approx(np.exp(history["loss"][0]), rel=1e-4)


def test_a_token_loss_without_its_formula_says_what_to_override():
    loss = TokenLoss()
    with pytest.raises(ValueError, match=r"must override compute\(ids, logits\)"):
        loss(np.zeros((1, 2), "int32"), np.zeros((1, 2, 3), "float32"))


def test_without_an_argument_no_token_id_is_taken_for_padding():
    """0 is a token of GPT-2, 1 is the padding of RoBERTa; -100 is what labels are padded with."""
    for loss in (losses.MaskedCrossEntropy(), losses.TaiLr(gamma=0.0, min_weight=0.0)):
        assert float(loss(IDS, LOGITS)) == pytest.approx(CE.mean(), rel=1e-5)
        ids = np.where(MASK, IDS, -100)
        assert float(loss(ids, LOGITS)) == pytest.approx(CE[MASK].mean(), rel=1e-5)
    for loss in (losses.SoftAccuracy(), losses.ExactAccuracy()):
        some = np.where(IDS == 2, -100, IDS)
        assert float(loss(some, LOGITS)) != pytest.approx(float(loss(IDS, LOGITS)))
    metric = losses.Perplexity()
    metric.update_state(np.where(MASK, IDS, -100), LOGITS)
    assert float(metric.result()) == pytest.approx(np.exp(CE[MASK].mean()), rel=1e-5)


@pytest.mark.parametrize("value", [True, 0.5, "0"])
def test_the_class_that_is_ignored_is_an_integer(value):
    for cls in (losses.MaskedCrossEntropy, losses.Perplexity, losses.SoftAccuracy):
        with pytest.raises(ValueError, match="`ignore_class` must be an integer"):
            cls(ignore_class=value)
