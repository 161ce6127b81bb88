"""Training a network on noise, and a head on its squares."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.diffusion import AddNoise, linear_schedule, noise_prediction, variance_prediction
from kerasx.diffusion.variance_heads import DataVariance
from tests.compiling import each_jit
from tests.diffusion.networks import (
    Linear,
    exact_factors,
    exact_network,
    exact_variance,
    inputs_of,
    small_network,
)

ALPHA_BAR = linear_schedule(1000)[:801:40]  # 20 times, with some of the data left
BETA_BAR = np.sqrt(1 - ALPHA_BAR**2)


def numpy_of(tensors):
    return [ops.convert_to_numpy(x) for x in tensors]


def test_noise_is_added_as_the_schedule_says():
    data = np.random.default_rng(0).normal(size=(4000, 2, 3)).astype("float32")
    noisy, t, noise = numpy_of(AddNoise(ALPHA_BAR, seed=1)(data))
    a, b = (x[t][:, None, None] for x in (ALPHA_BAR, BETA_BAR))
    np.testing.assert_allclose(noisy, a * data + b * noise, atol=1e-5)
    assert (np.bincount(t, minlength=21)[1:] > 130).all() and t.min() == 1 and t.max() == 20
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02


def test_noise_differs_from_call_to_call_and_is_set_by_the_seed():
    data = np.zeros((8, 2), "float32")
    layers = [AddNoise(ALPHA_BAR, seed=1) for _ in range(2)]
    first = [numpy_of(layer(data))[0] for layer in layers]
    np.testing.assert_array_equal(*first)
    assert not np.allclose(numpy_of(layers[0](data))[0], first[0])


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "float64"])
def test_noisy_data_are_float32(policy):
    layer = AddNoise(ALPHA_BAR, dtype=policy)
    spec = layer(keras.Input((3,), dtype="uint8"))
    outputs = layer(np.ones((2, 3), "uint8"))
    for x in (spec, outputs):
        dtypes = [keras.backend.standardize_dtype(y.dtype) for y in x]
        assert dtypes == ["float32", "int32", "float32"]


def test_the_loss_of_an_exact_network_is_the_variance_of_the_noise():
    """E (ε - m)² = ᾱ² s² / (ᾱ² s² + β̄²), on average over the times."""
    trainer = noise_prediction(exact_network(ALPHA_BAR, 0.6), ALPHA_BAR, seed=0)
    trainer.compile("sgd")
    data = np.random.default_rng(0).normal(0, 0.6, (20_000, 1))
    loss = trainer.evaluate(data, batch_size=20_000, verbose=0)
    expected = 1 - (exact_factors(ALPHA_BAR, 0.6) * BETA_BAR)[1:].mean()
    assert loss == pytest.approx(expected, rel=0.04)


@each_jit
def test_a_network_learns_to_predict_noise(jit_compile):
    network = small_network(20)
    trainer = noise_prediction(network, ALPHA_BAR, seed=0)
    trainer.compile(keras.optimizers.Adam(0.1), jit_compile=jit_compile)
    data = np.full((512, 2), 0.5, "float32")  # all noise is seen in x_t
    losses = trainer.fit(data, batch_size=64, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 < losses[0]
    predicted = network.predict_on_batch([data + 1, np.full(512, 20)])
    assert predicted.shape == (512, 2)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_training_in_half_precision_is_finite(policy):
    keras.config.set_dtype_policy(policy)
    try:
        trainer = noise_prediction(small_network(20), ALPHA_BAR)
    finally:
        keras.config.set_dtype_policy("float32")
    trainer.compile("adam")
    history = trainer.fit(np.ones((8, 2)), verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_a_trainer_and_a_model_with_variance_are_saved_and_loaded(tmp_path):
    network, head = small_network(20), small_network(20)
    _, model = variance_prediction(network, head, ALPHA_BAR, "error", bounds=(-1, 1))
    for name, saved in {"trainer": noise_prediction(network, ALPHA_BAR), "model": model}.items():
        saved.save(tmp_path / f"{name}.keras")
        loaded = keras.models.load_model(tmp_path / f"{name}.keras")
        assert len(loaded.weights) == len(saved.weights)
    inputs = [np.ones((3, 2), "float32"), np.array([1, 5, 20])]
    for a, b in zip(model.predict_on_batch(inputs), loaded.predict_on_batch(inputs)):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def exact_heads(deviation, factor):
    """Return the network factor · m, and the best heads of both forms: E[target | x_t]."""
    mean, inputs = exact_factors(ALPHA_BAR, deviation), inputs_of(1)
    left = 1 - mean * BETA_BAR  # Var(ε | x_t)
    targets = {"noise": mean, "error": (1 - factor) * mean}
    heads = {
        form: keras.Model(inputs, Linear(m, square=True, constant=left)(inputs))
        for form, m in targets.items()
    }
    return exact_network(ALPHA_BAR, deviation, factor=factor), heads


def variances(deviation, factor, x, t):
    network, heads = exact_heads(deviation, factor)
    return {
        form: variance_prediction(network, head, ALPHA_BAR, form)[1].predict_on_batch([x, t])
        for form, head in heads.items()
    }


def test_both_forms_are_the_posterior_variance_for_an_exact_network():
    x, t = np.linspace(-2, 2, 20)[:, None].astype("float32"), np.arange(1, 21)
    for noise, variance in variances(0.6, 1.0, x, t).values():
        np.testing.assert_allclose(noise[:, 0], exact_factors(ALPHA_BAR, 0.6)[t] * x[:, 0], 1e-5)
        np.testing.assert_allclose(variance[:, 0], exact_variance(ALPHA_BAR, 0.6)[t], rtol=1e-3)


def test_the_forms_differ_by_what_the_network_is_off():
    """NPR - SN = β̄²/ᾱ² · 2 ε_θ (ε_θ - m); SN would be below 0 in places, and is clipped."""
    x, t = np.linspace(-3, 3, 20)[:, None].astype("float32"), np.arange(1, 21)
    mean = exact_factors(ALPHA_BAR, 0.6)[t] * x[:, 0]
    ratio = 1 / ALPHA_BAR[t] ** 2 - 1
    found = variances(0.6, 1.3, x, t)
    (_, sn), (_, npr) = found["noise"], found["error"]
    gap = ratio * 2 * 1.3 * mean * 0.3 * mean
    unclipped = exact_variance(ALPHA_BAR, 0.6)[t] + ratio * 0.09 * mean**2 - gap
    np.testing.assert_allclose(sn[:, 0], np.clip(unclipped, 0, ratio), rtol=1e-3, atol=1e-5)
    assert (unclipped < 0).any() and (npr > 0).all()
    np.testing.assert_allclose(npr[:, 0], np.clip(unclipped + gap, 0, ratio), rtol=1e-3)


def test_bounds_limit_the_variance_of_a_head():
    layer = DataVariance(ALPHA_BAR, "error", (-1, 1))
    huge = np.full((20, 1), 9.0, "float32")
    found = ops.convert_to_numpy(layer([np.arange(1, 21), huge, huge]))[:, 0]
    np.testing.assert_allclose(found, np.minimum(1 / ALPHA_BAR[1:] ** 2 - 1, 1), rtol=1e-5)


@each_jit
@pytest.mark.parametrize("form", ["noise", "error"])
def test_a_head_learns_the_squares_and_leaves_the_network_alone(form, jit_compile):
    network, (x, t) = small_network(1), inputs_of(2)
    head = keras.Model([x, t], keras.layers.Embedding(2, 2)(t))
    trainer, model = variance_prediction(network, head, ALPHA_BAR[[0, 10]], form, seed=0)
    before = network.get_weights()
    trainer.compile(keras.optimizers.AdamW(0.05, weight_decay=0.1), jit_compile=jit_compile)
    data = np.random.default_rng(0).normal(size=(2048, 2)).astype("float32")
    trainer.fit(data, batch_size=64, epochs=2, verbose=0)
    for a, b in zip(before, network.get_weights()):
        np.testing.assert_array_equal(a, b)
    noise = np.random.default_rng(1).normal(size=data.shape).astype("float32")
    noisy = ALPHA_BAR[10] * data + BETA_BAR[10] * noise
    ones = np.ones(len(data), "int32")
    predicted, _ = model.predict_on_batch([noisy, ones])
    target = noise if form == "noise" else noise - predicted
    learnt = head.predict_on_batch([noisy, ones])[0]
    np.testing.assert_allclose(learnt, np.square(target).mean(0), rtol=0.25)


@pytest.mark.once
def test_other_models_are_errors():
    (x, t), wide = inputs_of(2), keras.Input((3,))
    good = small_network(20)
    for model in (
        keras.Model(x, x),
        keras.Model([x, t], keras.layers.Dense(3)(x)),
        keras.Model([x, wide], x),
        keras.layers.Dense(2),
    ):
        with pytest.raises(ValueError, match="`network` must be"):
            noise_prediction(model, ALPHA_BAR)
        with pytest.raises(ValueError, match="`head` must be"):
            variance_prediction(good, model, ALPHA_BAR)
    with pytest.raises(ValueError, match="`form`"):
        variance_prediction(good, good, ALPHA_BAR, "data")
