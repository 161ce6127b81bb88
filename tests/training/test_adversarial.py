import keras
import numpy as np
import pytest
from keras import ops

from kerasx import training
from kerasx.training.draws import Draws
from tests.training.models import (
    FLOAT64,
    classifier,
    data,
    linear,
    numpy,
    step_gradients,
    three_classes,
)

DTYPE = "float64" if FLOAT64 else "float32"
RTOL = 1e-9 if FLOAT64 else 2e-5


def gradient(w, x, y):
    """Compute the gradient of mean (x w - y)² / 2 by w."""
    return x.T @ (x @ w - y) / len(x)


def unit(g):
    return g / np.linalg.norm(g)


def test_fgm_is_the_gradient_at_the_moved_weights_and_leaves_them_restored(floats64):
    x, y = data(dtype=DTYPE)
    model = training.adversarial_training(linear(DTYPE), "linear", epsilon=0.3)
    w = numpy(model.trainable_variables[0].value)
    there = w + 0.3 * unit(gradient(w, x, y))
    loss, (g,) = step_gradients(model, x, y)
    np.testing.assert_allclose(g, gradient(there, x, y), rtol=RTOL)
    assert loss == pytest.approx(((x @ there - y) ** 2).mean() / 2, rel=max(RTOL, 1e-6))
    still = training.adversarial_training(linear(DTYPE, rate=0.0), "linear", epsilon=0.3)
    before = numpy(still.trainable_variables[0].value)
    still.fit(x, y, epochs=3, verbose=0)
    np.testing.assert_array_equal(before, numpy(still.trainable_variables[0].value))


def test_pgd_walks_and_stays_within_its_ball(floats64):
    x, y = data(dtype=DTYPE)
    model = training.adversarial_training(linear(DTYPE), "linear", 0.5, steps=3, step_size=0.3)
    w = numpy(model.trainable_variables[0].value)
    r = np.zeros_like(w)
    for _ in range(3):
        r = r + 0.3 * unit(gradient(w + r, x, y))
        r = r * min(1, 0.5 / np.linalg.norm(r))
    assert np.linalg.norm(r) == pytest.approx(0.5)
    np.testing.assert_allclose(step_gradients(model, x, y)[1][0], gradient(w + r, x, y), rtol=RTOL)


def test_pgd_of_one_step_is_fgm():
    x, y = three_classes()
    results = []
    for options in ({}, {"steps": 1, "step_size": 2.0}):
        model = training.adversarial_training(classifier(), "hidden", 0.5, **options)
        results.append(step_gradients(model, x, y)[1])
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_a_frozen_layer_is_perturbed_too_and_does_not_learn():
    x, y = three_classes()
    losses = []
    for epsilon in (None, 0.5):
        model = classifier()
        model.get_layer("hidden").trainable = False
        if epsilon:
            model = training.adversarial_training(model, "hidden", epsilon)
        frozen = numpy(model.get_layer("hidden").kernel.value)
        losses.append(step_gradients(model, x, y)[0])
        np.testing.assert_array_equal(frozen, numpy(model.get_layer("hidden").kernel.value))
    assert losses[1] > losses[0] + 0.01


def test_a_zero_gradient_perturbs_nothing():
    x = np.zeros((4, 3), "float32")
    model = training.adversarial_training(linear(), "linear", 0.5)
    loss, (g,) = step_gradients(model, x, np.ones((4, 1)))
    assert loss == pytest.approx(0.5) and np.all(g == 0)


def test_noise_is_that_of_the_step_and_another_at_the_next():
    x, y = data()
    model = training.random_noise(linear(rate=0.0), "linear", stddev=0.1, seed=4)
    (variable,) = model.trainable_variables
    w, seen = numpy(variable.value), []
    for step in range(2):
        noise = 0.1 * numpy(Draws(4).normal_like([variable], step)[0])
        wanted = ((x @ (w + noise) - y) ** 2).mean() / 2
        seen.append(float(model.train_on_batch(x, y)))
        assert seen[-1] == pytest.approx(wanted, rel=1e-5)
    assert seen[0] != seen[1]


def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def fisher(x, w):
    """Compute ∂²/∂d² of mean KL(p(w) ‖ p(w + d)) at d = 0, over the flattened (d, c) matrix w."""
    p = softmax(x @ w)
    blocks = np.einsum("bi,bj->bij", p, -p) + np.einsum("bi,ij->bij", p, np.eye(p.shape[1]))
    f = np.einsum("bk,bl,bij->kilj", x, x, blocks) / len(x)
    return f.reshape(w.size, w.size)


def vat_model(**options):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="linear")(inputs))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.0), loss)
    return (
        model if not options else training.virtual_adversarial_training(model, "linear", **options)
    )


def test_virtual_perturbations_converge_to_the_top_eigenvector():
    """KL(θ + ε u) ≈ ε²/2 uᵀFu, which the top eigenvector of the Fisher matrix maximises."""
    x, y = three_classes()
    model = vat_model(epsilon=0.05, xi=0.05, iters=40)
    w = numpy(model.trainable_variables[0].value)
    plain = float(vat_model().train_on_batch(x, y))
    top = np.linalg.eigvalsh(fisher(x.astype("float64"), w)).max()
    assert float(model.train_on_batch(x, y)) - plain == pytest.approx(0.05**2 / 2 * top, rel=0.05)


def test_virtual_perturbation_without_iterations_is_random():
    x, y = three_classes()
    model = vat_model(epsilon=0.7, xi=10.0, iters=0, weight=2.0, seed=6)
    (variable,) = model.trainable_variables
    w = numpy(variable.value)
    u = unit(numpy(Draws(6).normal_like([variable], 0)[0]))
    p, q = softmax(x @ w), softmax(x @ (w + 0.7 * u))
    divergence = (p * np.log(p / q)).sum(-1).mean()
    plain = float(vat_model().train_on_batch(x, y))
    assert float(model.train_on_batch(x, y)) - plain == pytest.approx(2 * divergence, rel=1e-4)


def test_examples_without_labels_count_for_the_divergence_only():
    x, y = three_classes()
    model = vat_model(epsilon=0.7, iters=1)
    loss = model.train_on_batch(x, y, sample_weight=np.zeros(len(x), "float32"))
    assert float(loss) > 1e-3


def test_probabilities_do_as_logits_do():
    x, y = three_classes()
    losses = []
    for from_logits in (True, False):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((4,))
        scores = keras.layers.Dense(3, name="linear")(inputs)
        outputs = scores if from_logits else keras.layers.Softmax()(scores)
        model = keras.Model(inputs, outputs)
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits))
        model = training.virtual_adversarial_training(model, "linear", from_logits=from_logits)
        losses.append(float(model.train_on_batch(x, y)))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_draws_of_neighbouring_seeds_and_steps_differ():
    keys = [(seed, step) for seed in range(4) for step in range(4)]
    numbers = {}
    for seed, step in keys:
        with Draws(seed).at(step) as generator:
            numbers[float(ops.sum(keras.random.normal((3,), seed=generator)))] = 1
    assert len(numbers) == len(keys)
