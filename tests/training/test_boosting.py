"""AdaBoost: its identities, that of scikit-learn, and the network that its learners make up."""

import functools
import logging

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.training import adaboost, boosted_network, boosting
from kerasx.training.boosting import BoostedClassifier

JIT = keras.backend.backend() == "jax"  # elsewhere it would take longer than it saves
ERRORS = [1e-6, 0.1, 0.3, 0.499]


def ring(n=60, seed=0):
    """Return points of the plane, and whether they are outside of a ring: no line divides them."""
    x = np.random.default_rng(seed).normal(size=(n, 2)).astype("float32")
    return x, (np.linalg.norm(x, axis=1) > 1).astype("int32")


def linear(loss="binary_crossentropy", units=1, activation="sigmoid", rate=0.1, name=None):
    """Return a compiled linear classifier of the plane."""
    dense = keras.layers.Dense(units, activation, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((2,), name="plane"), dense], name=name)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=JIT)
    return model


class Fixed(keras.layers.Layer):
    """The first number of x compared with a threshold: as -1 or 1, or the opposite."""

    def __init__(self, threshold, sign=1, **kwargs):
        super().__init__(**kwargs)
        self.threshold, self.sign = threshold, sign

    def call(self, x):
        return ops.where(x[:, :1] > self.threshold, 1.0, -1.0) * self.sign


def fixed_learners(*arguments):
    """Return a `build` that makes, one after the other, learners that cannot be trained."""
    queue = iter(arguments)

    def build():
        inputs = keras.Input((1,))
        model = keras.Model(inputs, Fixed(*next(queue))(inputs))
        model.compile("sgd", "mse", run_eagerly=True)
        return model

    return build


@pytest.mark.once
@pytest.mark.parametrize("error", ERRORS)
def test_the_normalizer_is_the_sum_before_it_and_the_next_error_is_a_half(error):
    weights = np.array([error / 2, error / 2, 0.25 - error / 4, 0.75 - error * 3 / 4])
    right = np.array([False, False, True, True])
    assert boosting.weighted_error(weights, right) == pytest.approx(error, rel=1e-12)
    alpha, z = boosting.vote_weight(error), boosting.normalizer(error)
    assert np.sum(weights * np.exp(np.where(right, -alpha, alpha))) == pytest.approx(z, rel=1e-12)
    after = boosting.next_weights(weights, right, error)
    assert after.sum() == pytest.approx(1, rel=1e-12)
    assert boosting.weighted_error(after, right) == pytest.approx(0.5, rel=1e-12)
    assert z <= np.exp(-2 * (0.5 - error) ** 2)


@pytest.fixture(scope="module")
def ringed():
    """Return (classifier, x, y), trained on the ring with weights to begin with."""
    keras.utils.set_random_seed(1)
    x, y = ring()
    weights = np.linspace(1, 2, len(y))
    options = {"epochs": 8, "batch_size": 20, "class_weight": {0: 1.0, 1: 1.5}}
    classifier = adaboost(lambda: linear(name="weak"), x, y, 4, sample_weight=weights, **options)
    assert len(classifier.learners) > 1
    return classifier, x, y


def test_the_mean_exponential_loss_is_the_product_of_the_normalizers(ringed):
    classifier, x, y = ringed
    weights = np.linspace(1, 2, len(y)) * np.where(y == 1, 1.5, 1.0)
    weights /= weights.sum()
    signs, votes = 2 * y - 1, classifier.votes(x)
    for k, bound in enumerate(classifier.bounds, 1):
        scores = classifier.alphas[:k] @ votes[:k]
        assert np.sum(weights * np.exp(-signs * scores)) == pytest.approx(bound, rel=1e-6)
        assert np.sum(weights[signs * scores <= 0]) <= bound


def test_scores_labels_and_margins_agree(ringed):
    classifier, x, y = ringed
    scores, margins = classifier.scores(x), classifier.margins(x, y)
    assert np.array_equal(classifier.predict(x), scores > 0)
    assert np.array_equal(margins > 0, classifier.predict(x) == y)
    assert np.abs(margins).max() <= 1


def test_a_seed_repeats_it(ringed):
    again = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        x, y = ring()
        again.append(adaboost(linear, x, y, 2, epochs=8, batch_size=20).scores(x))
    assert np.array_equal(*again)


def test_it_is_the_boosting_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.ensemble")
    from sklearn.base import BaseEstimator, ClassifierMixin

    options = {"epochs": 10, "batch_size": 20, "shuffle": False, "verbose": 0}

    class Weak(ClassifierMixin, BaseEstimator):
        def fit(self, x, y, sample_weight):
            self.model_, self.classes_ = linear(), np.array([0, 1])
            self.model_.fit(x, y, sample_weight=sample_weight * len(y), **options)
            return self

        def predict(self, x):
            return (self.model_.predict(x, verbose=0)[:, 0] > 0.5).astype("int32")

    x, y = ring()
    theirs = sklearn.AdaBoostClassifier(Weak(), n_estimators=3).fit(x, y)
    ours = adaboost(linear, x, y, 3, **options)
    assert len(ours.learners) == 3
    np.testing.assert_allclose(ours.errors, theirs.estimator_errors_, rtol=1e-5)
    np.testing.assert_allclose(2 * ours.alphas, theirs.estimator_weights_, rtol=1e-5)
    difference = 2 * ours.scores(x) / ours.alphas.sum()  # of the shares of the two classes
    np.testing.assert_allclose(difference, theirs.decision_function(x), atol=1e-5)
    assert np.array_equal(ours.predict(x), theirs.predict(x))


LINE = np.arange(6, dtype="float32")[:, None]
ABOVE_2 = np.array([-1, -1, -1, 1, 1, 1])


def test_a_learner_without_an_error_ends_it_and_decides_alone():
    classifier = adaboost(fixed_learners((0.5,), (4.5,), (2.5,)), LINE, ABOVE_2, 9)
    assert len(classifier.learners) == 3
    assert classifier.errors[-1] == 0 and classifier.bounds[-1] == 0
    assert classifier.alphas[-1] > classifier.alphas[:-1].sum()
    assert np.array_equal(classifier.predict(LINE), ABOVE_2)


def test_a_first_learner_that_is_no_better_than_chance_is_an_error():
    with pytest.raises(ValueError, match="an error of 0.500.*Train the networks longer"):
        adaboost(fixed_learners((9.0,)), LINE, ABOVE_2)


def test_a_later_learner_that_is_no_better_than_chance_ends_it(caplog):
    with caplog.at_level(logging.WARNING, "kerasx"):
        classifier = adaboost(fixed_learners((1.5,), (1.5,)), LINE, ABOVE_2, 5)
    assert len(classifier.learners) == 1
    assert "ended after 1 of 5 rounds: the error of the next network is 0.500" in caplog.text


LOGITS = {"from_logits": True}


@pytest.mark.parametrize(
    ("labels", "kind", "weak"),
    [
        ((0, 1), "probability", {}),
        ((-1, 1), "probability", {"loss": keras.losses.binary_crossentropy}),
        ((0, 1), "logit", {"loss": keras.losses.BinaryCrossentropy(**LOGITS), "activation": None}),
        ((-1, 1), "score", {"loss": "mse", "activation": "tanh"}),
        ((0, 1), "score", {"loss": "hinge", "activation": None}),
        ((-1, 1), "probability", {"loss": "sparse_categorical_crossentropy", "units": 2}),
    ],
)
def test_labels_and_outputs_of_every_kind(labels, kind, weak):
    activation = "softmax" if weak.get("units") == 2 else weak.get("activation", "sigmoid")
    x = ring()[0]
    y = np.where(x[:, 0] > 0.1, labels[1], labels[0])
    classifier = adaboost(
        lambda: linear(**{**weak, "activation": activation}), x, y, 1, epochs=30, batch_size=30
    )
    assert classifier.kind == kind
    assert (classifier.predict(x) == y).mean() > 0.9
    learner = classifier.learners[0]
    outputs = learner.predict(x, verbose=0)
    middle = 0.5 if kind == "probability" else 0
    second = outputs[:, -1] > middle
    assert np.array_equal(classifier.votes(x)[0], np.where(second, 1, -1))


@pytest.mark.parametrize("form", [dict, list])
def test_inputs_of_several_arrays(form):
    x, y = ring()

    def build():
        inputs = {name: keras.Input((1,), name=name) for name in ("a", "b")}
        both = keras.layers.Concatenate()(list(inputs.values()))
        inputs = inputs if form is dict else list(inputs.values())
        model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(both))
        model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy", jit_compile=JIT)
        return model

    parts = {"a": x[:, :1], "b": x[:, 1:]}
    parts = parts if form is dict else list(parts.values())
    classifier = adaboost(build, parts, y[:, None].astype(bool), 2, epochs=4, batch_size=20)
    network = boosted_network(classifier, hard=True)
    decided = network.predict(parts, verbose=0)[:, 0] > 0
    assert np.array_equal(decided, classifier.predict(parts))


def test_the_hard_network_decides_as_the_classifier_and_its_file_too(ringed, tmp_path):
    classifier, x, _ = ringed
    network = boosted_network(classifier, hard=True)
    logits = network.predict(x, verbose=0)[:, 0]
    np.testing.assert_allclose(logits, 2 * classifier.scores(x), rtol=1e-5, atol=1e-6)
    network.save(tmp_path / "boosted.keras")
    loaded = keras.models.load_model(tmp_path / "boosted.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0)[:, 0], logits, rtol=1e-6)


@pytest.mark.parametrize("hard", [False, True])
def test_the_network_can_be_trained_on(hard):
    keras.utils.set_random_seed(2)
    x, y = ring()
    classifier = adaboost(linear, x, y, 2, epochs=8, batch_size=20)
    network = boosted_network(classifier, hard)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(0.05), loss, jit_compile=JIT)
    before = [w.copy() for w in network.get_weights()]
    history = network.fit(x, y, epochs=15, batch_size=60, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert all(np.any(a != b) for a, b in zip(before, network.get_weights(), strict=True))


def test_the_last_layer_can_be_trained_alone():
    x, y = ring()
    classifier = adaboost(linear, x, y, 2, epochs=8, batch_size=20)
    for learner in classifier.learners:
        learner.trainable = False
    network = boosted_network(classifier)
    assert len(network.trainable_variables) == 2


def refused(match, **changes):
    x, y = ring(8)
    arguments = {"build": linear, "x": x, "y": y} | changes
    with pytest.raises(ValueError, match=match):
        adaboost(**arguments)


def test_bad_arguments_are_refused():
    x, y = ring(8)
    model = linear()
    refused("`rounds` must be an integer of at least 1", rounds=0)
    refused("`y` must have two labels", y=np.arange(8))
    refused("`y` must have two labels", y=np.ones(8))
    refused("of 8 examples, as many as `y`", x=x[:5])
    refused("a data set that yields batches must be collected", x=iter([x]))
    refused("`sample_weight` must be a finite number", sample_weight=-np.ones(8))
    refused("`sample_weight` must not be 0 throughout", sample_weight=np.zeros(8))
    refused("`class_weight` must have the keys", class_weight={-1: 1.0, 1: 1.0})
    refused(r"`class_weight\[1\]` must be", class_weight={0: 1.0, 1: 0.0})
    refused("must return a compiled keras.Model", build=lambda: keras.Sequential())
    three = functools.partial(linear, "sparse_categorical_crossentropy", 3, "softmax")
    refused("one output for each example, or two", build=three)
    same = BoostedClassifier((0, 1), "probability")
    same.learners.append(model)
    with pytest.raises(ValueError, match="a new model each time"):
        boosting._new_learner(lambda: model, same, None)
