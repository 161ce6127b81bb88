"""Evaluation sees the averages, training the weights."""

import keras
import numpy as np
import pytest

from kerasx.callbacks import EMAEvaluation, Evaluator, Resume
from kerasx.callbacks.averages import averaged_weights
from kerasx.models.surgery.lora import enable_lora
from kerasx.optimizers import extend_with_exponential_moving_average
from tests.callbacks.helpers import equal_arrays, make_line


class WithAverages(keras.optimizers.SGD):
    """An optimizer with the two methods for averages, whose averages are ones."""

    def apply_ema_weights(self):
        self.kept = [keras.ops.copy(v) for v in self._trainable_variables]
        for variable in self._trainable_variables:
            variable.assign(keras.ops.ones(variable.shape))

    def reset_old_weights(self):
        for variable, value in zip(self._trainable_variables, self.kept):
            variable.assign(value)


OPTIMIZERS = {
    "keras": lambda: keras.optimizers.SGD(0.01, use_ema=True),
    "methods": lambda: WithAverages(0.01),
    "loss-scale": lambda: keras.optimizers.LossScaleOptimizer(WithAverages(0.01)),
}
each_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


def trained(make):
    model, data = make_line(make())
    model.fit(*data, batch_size=2, verbose=0)
    return model, data


def test_an_optimizer_without_averages_is_refused_when_training_begins():
    model, data = make_line()
    with pytest.raises(ValueError, match="must keep moving averages"):
        model.fit(*data, callbacks=[EMAEvaluation()], verbose=0)
    with pytest.raises(ValueError, match="must keep moving averages"):
        model.evaluate(*data, callbacks=[EMAEvaluation()], verbose=0)


@each_optimizer
def test_before_the_first_step_the_weights_are_their_own_average(make):
    model, data = make_line(make())
    before = model.get_weights()
    with averaged_weights(model):
        assert equal_arrays(before, model.get_weights())


def test_the_averages_are_those_of_the_equation():
    model, data = make_line(keras.optimizers.SGD(0.01, use_ema=True, ema_momentum=0.5))
    seen = []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((self.model.get_weights(), logs))
            with averaged_weights(self.model):
                seen.append((self.model.get_weights(), logs))

    model.fit(*data, epochs=2, callbacks=[Look()], verbose=0)
    (first, _), (average1, _), (second, _), (average2, _) = seen
    for w1, a1, w2, a2 in zip(first, average1, second, average2):
        np.testing.assert_allclose(a1, w1, rtol=1e-6)
        np.testing.assert_allclose(a2, 0.5 * a1 + 0.5 * w2, rtol=1e-6)


@each_optimizer
def test_the_weights_come_back_also_when_the_block_raises(make):
    model, _ = trained(make)
    before = model.get_weights()
    with pytest.raises(RuntimeError, match="inside"):
        with averaged_weights(model):
            raise RuntimeError("inside")
    assert equal_arrays(before, model.get_weights())


def three_layers(optimizer):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(4, name=f"l{i}") for i in range(3)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(optimizer, "mse")
    return model, np.random.default_rng(0).normal(size=(2, 8, 4)).astype("float32")


def freeze(model):
    model.get_layer("l0").trainable = False


def unfreeze(model):
    for layer in model.layers:
        layer.trainable = True


def adapt(model):
    enable_lora(model, 2, layers="l[01]")


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("change", [lambda _: None, freeze, unfreeze, adapt])
def test_each_average_is_put_into_its_own_variable(change, ours):
    """Also where the model has other trainable variables than those it was trained with."""
    extended = extend_with_exponential_moving_average(keras.optimizers.SGD)
    optimizer = extended(0.5) if ours else keras.optimizers.SGD(0.5, use_ema=True)
    model, data = three_layers(optimizer)
    model.get_layer("l0").trainable = change is not unfreeze
    for x, y in zip(*data.reshape(2, 4, 2, 4)):
        model.train_on_batch(x, y)
    known = [v for layer in model.layers for v in (layer.kernel, layer.bias) if v.trainable]
    scale = 1 - 0.999**4 if ours else 1
    averages = optimizer._averages if ours else optimizer._model_variables_moving_average
    wanted = [keras.ops.convert_to_numpy(a) / scale for a in averages]
    change(model)
    before = model.get_weights()
    with averaged_weights(model):
        for variable, average in zip(known, wanted, strict=True):
            found = keras.ops.convert_to_numpy(variable)
            np.testing.assert_allclose(found, average, rtol=1e-6, atol=1e-7)
    assert equal_arrays(before, model.get_weights())


def test_validation_and_inner_callbacks_see_the_averages_and_training_does_not():
    model, data = make_line(WithAverages(0.01))
    ones = make_line()[0]
    ones.set_weights([np.ones((2, 1)), np.ones(1)])
    inner = Evaluator(lambda m: {"sum": sum(w.sum() for w in m.get_weights())}, verbose=False)
    plain, _ = make_line(WithAverages(0.01))
    plain.set_weights(model.get_weights())
    options = {"epochs": 2, "shuffle": False, "validation_data": data, "verbose": 0}
    history = model.fit(*data, callbacks=[EMAEvaluation(inner)], **options).history
    plain.fit(*data, epochs=2, shuffle=False, verbose=0)
    assert equal_arrays(plain.get_weights(), model.get_weights())
    assert history["sum"] == [3.0, 3.0]
    assert history["val_loss"] == pytest.approx([ones.evaluate(*data, verbose=0)] * 2)


class Broken(keras.metrics.Metric):
    """A metric that raises when evaluation calls it eagerly."""

    armed = False

    def update_state(self, *args, **kwargs):
        if self.armed:
            raise RuntimeError("broken metric")

    def result(self):
        return keras.ops.zeros(())


@pytest.mark.parametrize("within", ["fit", "evaluate"])
@each_optimizer
def test_the_weights_come_back_when_evaluation_raises(make, within):
    broken = Broken()
    model, data = make_line(make(), metrics=[broken], run_eagerly=True)
    if within == "fit" and model.optimizer.use_ema and keras.backend.backend() == "jax":
        pytest.skip("Keras itself puts the averages into the model when fit raises on JAX")
    model.fit(*data, batch_size=2, verbose=0)
    model.set_weights([w + 1 for w in model.get_weights()])  # not what Keras left: the averages
    before, seen = model.get_weights(), []

    class Arm(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            seen.append(self.model.get_weights())
            broken.armed = True

    with pytest.raises(RuntimeError, match="broken metric"):
        if within == "evaluate":
            model.evaluate(*data, callbacks=[EMAEvaluation(), Arm()], verbose=0)
        else:
            model.optimizer.learning_rate = 0.0
            model.fit(*data, validation_data=data, callbacks=[EMAEvaluation(), Arm()], verbose=0)
    broken.armed = False
    assert not equal_arrays(before, seen[0])
    assert equal_arrays(before, model.get_weights())
    model.evaluate(*data, verbose=0)


def test_the_weights_come_back_when_an_inner_callback_raises():
    model, data = trained(OPTIMIZERS["methods"])
    model.optimizer.learning_rate = 0.0
    before = model.get_weights()
    inner = Evaluator(lambda m: float("nan"))
    with pytest.raises(ValueError, match="finite"):
        model.fit(*data, callbacks=[EMAEvaluation(inner)], verbose=0)
    assert equal_arrays(before, model.get_weights())


def test_the_averages_of_the_extension_are_seen_from_the_first_epoch_on():
    make = extend_with_exponential_moving_average(keras.optimizers.SGD)
    model, data = make_line(make(0.01, ema_momentum=0.5))
    seen = []
    inner = Evaluator(lambda m: seen.append(m.get_weights()) or 1.0, verbose=False)
    model.evaluate(*data, callbacks=[EMAEvaluation()], verbose=0)
    model.fit(*data, validation_data=data, callbacks=[EMAEvaluation(inner)], epochs=2, verbose=0)
    final = model.get_weights()
    with averaged_weights(model):
        assert equal_arrays(seen[-1], model.get_weights())
    assert equal_arrays(final, model.get_weights()) and not equal_arrays(final, seen[-1])


def test_inner_callbacks_get_every_other_call_too(tmp_path):
    model, data = make_line(WithAverages(0.01))
    inner = Resume(tmp_path / "run.safetensors", every=1, verbose=False)
    model.fit(*data, batch_size=2, epochs=2, callbacks=[EMAEvaluation(inner)], verbose=0)
    assert (tmp_path / "run.safetensors").exists() and inner.model is model
