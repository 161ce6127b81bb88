"""All tricks at once, gradient accumulation and Theseus."""

import keras
import numpy as np
import pytest

from kerasx import training
from kerasx.callbacks import FlushGradients
from kerasx.models import build_transformer_model, theseus
from kerasx.optimizers import extend_with_gradient_accumulation
from tests.compiling import JIT, WITHOUT_JIT
from tests.training.models import classifier, numpy, three_classes


def all_tricks(model, layer):
    model = training.contrastive_accumulation(model, 2)
    model = training.random_noise(model, layer, 0.01)
    model = training.flooding(model, 0.05)
    model = training.gradient_penalty(model, layer, 0.1)
    model = training.r_drop(model, 1.0)
    model = training.virtual_adversarial_training(model, layer, 0.1)
    model = training.adversarial_training(model, layer, 0.1, steps=2)
    return training.report_gradient_norm(model)


@pytest.mark.parametrize(
    "policy",
    [
        "float32",
        "mixed_bfloat16",
        "mixed_float16",
    ],
)
def test_all_at_once_they_train(policy):
    assert_all_train(policy, jit=JIT[-1], epochs=8)


@pytest.mark.skipif(JIT == [False], reason="the test above is this one")
@pytest.mark.parametrize("jit", [pytest.param(False, marks=WITHOUT_JIT)])
def test_all_at_once_they_run_without_compilation(jit):
    assert_all_train("float32", jit=jit, epochs=1)


def assert_all_train(policy, jit, epochs):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        accumulating = extend_with_gradient_accumulation(keras.optimizers.Adam)
        optimizer = accumulating(0.03, grad_accum_steps=2, use_ema=True, ema_momentum=0.9)
        model = all_tricks(classifier(0.1, optimizer=optimizer, jit_compile=jit), "hidden")
        x, y = three_classes(40)
        history = model.fit(x, y, batch_size=10, epochs=epochs, verbose=0).history
    finally:
        keras.config.set_dtype_policy(before)
    assert all(np.isfinite(history["gradient_norm"]))
    assert epochs == 1 or history["loss"][-1] < history["loss"][0] - 0.1


@pytest.mark.parametrize("n, steps", [(10, 3), (9, 2), (4, 3)])
def test_fit_with_accumulation_is_fit_with_large_batches(n, steps):
    """Micro-batches of 4, the last one smaller, and a tail that no update closes."""
    x, y = three_classes(n)
    whole = classifier()
    whole.fit(x, y, batch_size=4 * steps, shuffle=False, verbose=0)
    optimizer = extend_with_gradient_accumulation(keras.optimizers.SGD)(1.0, grad_accum_steps=steps)
    parts = classifier(optimizer=optimizer)
    parts.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[FlushGradients()])
    for a, b in zip(whole.weights, parts.weights):
        np.testing.assert_allclose(numpy(a.value), numpy(b.value), atol=1e-6)


CONFIG = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position": 16,
}


def builders(application="encoder", depths=(4, 2)):
    return [
        build_transformer_model(
            {**CONFIG, "num_hidden_layers": depth},
            prefix=prefix,
            application=application,
            return_keras_model=False,
        )
        for depth, prefix in zip(depths, ("Predecessor-", "Successor-"))
    ]


@pytest.mark.parametrize("application", ["encoder", "lm", "unilm"])
def test_theseus_predicts_with_the_successor_and_trains_only_it(application):
    predecessor, successor = builders(application)
    model = theseus(predecessor, successor, rate=0.5)
    inputs = [np.random.randint(1, 20, (3, 6)), np.array([[0, 0, 0, 1, 1, 1]] * 3)]
    hidden = keras.Model(
        successor.model.inputs,
        successor.model.get_layer("Successor-Transformer-1-FeedForward-Norm").output,
    )
    np.testing.assert_allclose(numpy(model(inputs)), numpy(hidden(inputs)), atol=1e-5)
    old = [numpy(w.value) for w in predecessor.model.weights]
    new = [numpy(w.value) for w in successor.model.weights]
    model.compile("sgd", "mse")
    model.fit(inputs, np.ones((3, 6, 8)), epochs=4, verbose=0)
    for before, weight in zip(old, predecessor.model.weights):
        np.testing.assert_array_equal(before, numpy(weight.value))
    assert any(not np.array_equal(b, numpy(w.value)) for b, w in zip(new, successor.model.weights))


def test_theseus_at_rate_zero_trains_on_the_predecessor():
    predecessor, successor = builders()
    model = theseus(predecessor, successor, rate=0.0)
    inputs = [np.random.randint(1, 20, (3, 6)), np.zeros((3, 6), "int32")]
    np.testing.assert_allclose(
        numpy(model(inputs, training=True)), numpy(predecessor.model(inputs)), atol=1e-5
    )


def test_theseus_names_what_does_not_fit():
    predecessor, successor = builders(depths=(4, 3))
    with pytest.raises(ValueError, match="successor=3, predecessor=4"):
        theseus(predecessor, successor)
    with pytest.raises(ValueError, match="prefix"):
        theseus(predecessor, predecessor)
