"""The step equals that of Keras, and tricks can be attached at any time."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import training
from kerasx.layers import Loss
from kerasx.training.objective import attach
from tests.compiling import each_jit_of
from tests.training.models import classifier, linear, numpy, three_classes


def as_it_is(model):
    return attach(model, lambda objective, *arguments: objective(*arguments))


def fitted(change, policy="float32", jit=False, **options):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = change(
            classifier(0.3, optimizer=keras.optimizers.Adam(0.02), jit_compile=jit, **options)
        )
        x, y = three_classes(22)
        weights = np.linspace(0.5, 1.5, 22).astype("float32")
        history = model.fit(x, y, 8, 3, verbose=0, shuffle=False, sample_weight=weights).history
    finally:
        keras.config.set_dtype_policy(before)
    return history, [numpy(w.value) for w in model.weights]


@each_jit_of("policy", ["float32", "mixed_bfloat16", "mixed_float16"], quick="float32")
def test_without_a_trick_it_is_what_keras_does(policy, jit_compile):
    options = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    changes = (lambda m: m, as_it_is)
    plain, ours = (fitted(change, policy, jit_compile, **options) for change in changes)
    assert plain[0].keys() == ours[0].keys()
    for name in plain[0]:
        np.testing.assert_allclose(plain[0][name], ours[0][name], rtol=1e-5)
    for a, b in zip(plain[1], ours[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def clipped(model):
    return training.flooding(training.adversarial_training(model, "hidden", epsilon=0.1), 0.01)


@pytest.mark.parametrize("trick", [as_it_is, clipped])
def test_tricks_train_with_the_accumulation_of_keras(trick):
    """Two micro-batches of equal size are one step of Keras's own accumulation."""
    x, y = three_classes(8)
    model, whole = (
        trick(classifier(optimizer=keras.optimizers.SGD(0.1, gradient_accumulation_steps=k)))
        for k in (2, None)
    )
    if trick is clipped:
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
        return
    for rows in (slice(4), slice(4, None)):
        model.train_on_batch(x[rows], y[rows])
    whole.train_on_batch(x, y)
    for a, b in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_same_seed_trains_the_same_weights():
    """To the last bit, with dropout, on every backend."""
    first, second = (fitted(as_it_is)[1] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_losses_in_layers_and_regularizers_count_once():
    class Square(Loss):
        def compute_loss(self, inputs, mask=None):
            return ops.mean(inputs**2)

    losses = []
    for change in (lambda m: m, as_it_is):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((3,))
        x = keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.1))(inputs)
        model = keras.Model(inputs, Square()(x))
        model.compile(keras.optimizers.SGD(0.1))
        x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
        losses.append(change(model).fit(x, batch_size=4, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_several_inputs_outputs_and_losses():
    histories = []
    for change in (lambda m: m, as_it_is):
        keras.utils.set_random_seed(0)
        a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
        shared = keras.layers.Dense(3, "tanh")(keras.layers.Concatenate()([a, b]))
        outputs = {
            "p": keras.layers.Dense(1, name="p")(shared),
            "q": keras.layers.Dense(1, name="q")(shared),
        }
        model = keras.Model({"a": a, "b": b}, outputs)
        model.compile("sgd", {"p": "mse", "q": "mae"}, loss_weights={"p": 1.0, "q": 0.5})
        rng = np.random.default_rng(0)
        x = {"a": rng.normal(size=(6, 2)), "b": rng.normal(size=(6, 2))}
        y = {"p": rng.normal(size=(6, 1)), "q": rng.normal(size=(6, 1))}
        histories.append(change(model).fit(x, y, batch_size=3, epochs=2, verbose=0).history)
    assert histories[0].keys() == histories[1].keys() and len(histories[0]) == 3
    for name in histories[0]:
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-5)


def test_moving_averages_and_seeds_advance():
    for change in (lambda m: m, as_it_is):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((3,))
        norm, dropout = keras.layers.BatchNormalization(), keras.layers.Dropout(0.5, seed=1)
        model = change(keras.Model(inputs, keras.layers.Dense(1)(dropout(norm(inputs)))))
        model.compile("sgd", "mse")
        before = numpy(dropout.seed_generator.state.value)
        model.train_on_batch(np.ones((4, 3)), np.ones((4, 1)))
        assert numpy(norm.moving_mean.value) == pytest.approx(np.full(3, 0.01), rel=1e-5)
        assert not np.array_equal(before, numpy(dropout.seed_generator.state.value))


def test_a_trick_takes_effect_before_compile_after_it_and_after_fit():
    x, y = three_classes()
    model = classifier()
    model.fit(x, y, verbose=0)
    high = training.flooding(model, 50.0).fit(x, y, verbose=0).history["loss"][0]
    assert high > 50
    fresh = training.flooding(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), 50.0)
    fresh.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert fresh.fit(x, y, verbose=0).history["loss"][0] > 50


def test_the_last_trick_is_the_outermost():
    x, y = three_classes()
    losses = []
    for order in (1, -1):
        model = classifier()
        for level in (10.0, 3.0)[::order]:
            model = training.flooding(model, level)
        losses.append(float(model.train_on_batch(x, y)))
    plain = float(classifier().train_on_batch(x, y))
    inner_high, inner_low = 20 - plain, 20 - (6 - plain)
    assert losses == pytest.approx([inner_high, inner_low], rel=1e-5)


def test_evaluation_and_the_saved_file_are_those_of_the_plain_model(tmp_path):
    x, y = three_classes()
    model = training.flooding(classifier(), 50.0)
    assert model.evaluate(x, y, verbose=0) < 50
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model) and loaded.fit(x, y, verbose=0).history["loss"][0] < 50


def test_a_second_step_traces_nothing_new():
    traces = []

    def counting(objective, *arguments):
        traces.append(1)
        return objective(*arguments)

    x, y = three_classes()
    model = attach(classifier(), counting)
    model.train_on_batch(x, y)
    first = len(traces)
    model.train_on_batch(x, y)
    if keras.backend.backend() == "torch":
        assert len(traces) == 2 * first  # it runs the Python of each step
    else:
        assert len(traces) == first


def test_the_norm_of_the_gradient_is_reported():
    x, y = three_classes()
    model = training.report_gradient_norm(classifier(metrics=["accuracy"]))
    before = [numpy(w.value) for w in model.trainable_variables]
    logs = model.train_on_batch(x, y, return_dict=True)
    moves = [b - numpy(w.value) for b, w in zip(before, model.trainable_variables)]
    length = np.sqrt(sum((m**2).sum() for m in moves))
    assert float(logs["gradient_norm"]) == pytest.approx(length, rel=1e-4)
    assert {"loss", "accuracy", "gradient_norm"} == set(logs)
    assert "gradient_norm" in model.fit(x, y, verbose=0).history


class OwnStep(keras.Model):
    def train_step(self, data):
        return {}


def test_wrong_models_and_layers_are_named():
    with pytest.raises(ValueError, match="overrides train_step"):
        training.flooding(OwnStep(), 0.1)
    with pytest.raises(ValueError, match="must be a keras.Model. Received: type='int'"):
        training.flooding(3, 0.1)
    with pytest.raises(ValueError, match="Did you mean 'linear'.*The model has"):
        training.adversarial_training(linear(), "liner")
    with pytest.raises(ValueError, match="and has none"):
        training.adversarial_training(classifier(0.5), "drop")


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: training.adversarial_training(m, "linear", epsilon=0), "`epsilon`"),
        (lambda m: training.adversarial_training(m, "linear", steps=0), "`steps`"),
        (lambda m: training.virtual_adversarial_training(m, "linear", iters=-1), "`iters`"),
        (lambda m: training.random_noise(m, "linear", stddev=-1), "`stddev`"),
        (lambda m: training.flooding(m, -0.1), "`level`"),
        (lambda m: training.gradient_penalty(m, "linear", 0), "`epsilon`"),
        (lambda m: training.implicit_gradient_regularization(m, 0), "`step_size`"),
        (lambda m: training.r_drop(m, alpha=-4), "`alpha`"),
        (lambda m: training.contrastive_accumulation(m, 0), "`chunks`"),
        (lambda m: training.zeroth_order(m, samples=0), "`samples`"),
        (lambda m: training.policy_gradient(m, reward=1), "`reward`"),
    ],
)
def test_wrong_numbers_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(linear())
