"""Metrics of multilabel scores and of tokens."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import losses
from kerasx.backend import mask_value
from tests.compiling import each_jit

RNG = np.random.default_rng(0)
S = RNG.normal(size=(8, 5)).astype("float32")
Y = RNG.integers(0, 2, (8, 5)).astype("float32")


def f1(y, s, axis):
    both, either = (y * (s > 0)).sum(axis), y.sum(axis) + (s > 0).sum(axis)
    return 2 * both / either


def result(metric, y=Y, s=S, weight=None):
    for part in (slice(0, 3), slice(3, None)):
        metric.update_state(y[part], s[part], None if weight is None else weight[part])
    return ops.convert_to_numpy(metric.result())


@pytest.mark.parametrize(
    "average, wanted",
    [
        ("micro", f1(Y, S, None)),
        ("macro", f1(Y, S, 0).mean()),
        ("weighted", (f1(Y, S, 0) * Y.sum(0)).sum() / Y.sum()),
        (None, f1(Y, S, 0)),
    ],
)
def test_f1_has_its_threshold_at_zero_over_all_batches(average, wanted):
    np.testing.assert_allclose(result(losses.MultilabelF1(average)), wanted, rtol=1e-5)


def test_accuracy_is_of_whole_sets_or_of_decisions():
    right = Y == (S > 0)
    assert result(losses.MultilabelAccuracy()) == pytest.approx(right.all(-1).mean())
    assert result(losses.MultilabelAccuracy("hamming")) == pytest.approx(right.mean())


def test_examples_of_weight_zero_do_not_count():
    weight = (np.arange(8) % 2).astype("float32")
    kept = slice(1, None, 2)
    got = result(losses.MultilabelF1(), weight=weight)
    assert got == pytest.approx(f1(Y[kept], S[kept], None), rel=1e-5)
    got = result(losses.MultilabelAccuracy("hamming"), weight=weight)
    assert got == pytest.approx((Y == (S > 0))[kept].mean(), rel=1e-5)


def test_leading_dimensions_are_more_examples():
    shaped = losses.MultilabelF1("macro")
    shaped.update_state(Y.reshape(2, 4, 5), S.reshape(2, 4, 5))
    assert float(shaped.result()) == pytest.approx(f1(Y, S, 0).mean(), rel=1e-5)


def test_a_score_of_zero_or_a_masked_one_is_no_label():
    s = np.array([[0.0, mask_value("float32"), 1e-6]], "float32")
    metric = losses.MultilabelAccuracy()
    metric.update_state([[0, 0, 1]], s)
    assert float(metric.result()) == 1


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="`kind` must be one of 'subset', 'hamming'"):
        losses.MultilabelAccuracy("jaccard")


def test_probabilities_are_sigmoid_of_twice_the_score():
    got = ops.convert_to_numpy(losses.multilabel_probabilities(S))
    np.testing.assert_allclose(got, 1 / (1 + np.exp(-2 * S)), rtol=1e-5)
    assert ((got > 0.5) == (S > 0)).all()


@each_jit
def test_a_model_learns_the_labels_and_reports_them(jit_compile):
    inputs = keras.Input((5,))
    model = keras.Model(inputs, keras.layers.Dense(5)(inputs))
    metrics = [losses.MultilabelF1("macro"), losses.MultilabelAccuracy()]
    loss = losses.MultilabelCategoricalCrossentropy()
    model.compile(keras.optimizers.Adam(0.1), loss, metrics=metrics, jit_compile=jit_compile)
    x = RNG.normal(size=(640, 5)).astype("float32")
    y = (x > 0).astype("float32")
    history = model.fit(x, y, batch_size=32, epochs=3, verbose=0).history
    assert history["f1"][-1] > 0.95 > history["f1"][0]
    assert history["accuracy"][-1] > 0.7 > history["accuracy"][0]
