"""The class factories one by one and all at once: equations, files, errors."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

import kerasx
from kerasx import optimizers
from kerasx.optimizers import (
    AdaFactor,
    Tiger,
    extend_with_exponential_moving_average,
    extend_with_gradient_accumulation,
    extend_with_layer_adaptation,
    extend_with_lazy_optimization,
    extend_with_lookahead,
    extend_with_parameter_wise_lr,
    extend_with_piecewise_linear_lr,
    extend_with_weight_decay,
)
from tests.compiling import each_jit

BACKEND = keras.backend.backend()
Adam, SGD = keras.optimizers.Adam, keras.optimizers.SGD
FACTORIES = [getattr(optimizers, name) for name in optimizers.__all__ if name[:7] == "extend_"]
EVERYTHING = dict(
    weight_decay_rate=0.01,
    exclude_from_weight_decay=["bias"],
    lr_schedule={2: 1, 20: 0.5},
    paramwise_lr_schedule={"dense": 2.0},
    include_in_lazy_optimization=["embeddings"],
    steps_per_slow_update=3,
    ema_momentum=0.9,
    grad_accum_steps=2,
)
each_base = pytest.mark.parametrize(
    "base", [Adam, SGD, keras.optimizers.Lion, Tiger, AdaFactor, optimizers.Adam]
)


def numpy(x):
    return ops.convert_to_numpy(x)


def variables(seed=0):
    random = np.random.default_rng(seed)
    shapes = {"embeddings": (5, 3), "kernel": (4, 3), "bias": (3,)}
    return [
        keras.Variable(random.normal(size=s).astype("float32"), name=n) for n, s in shapes.items()
    ]


def steps(optimizer, thetas, count, seed=1):
    random = np.random.default_rng(seed)
    for _ in range(count):
        optimizer.apply(
            [ops.convert_to_tensor(random.normal(size=v.shape).astype("float32")) for v in thetas],
            thetas,
        )


def everything(base=Adam):
    cls = extend_with_weight_decay(base)
    cls = extend_with_piecewise_linear_lr(cls)
    cls = extend_with_parameter_wise_lr(cls)
    cls = extend_with_lazy_optimization(cls)
    cls = extend_with_lookahead(cls)
    cls = extend_with_exponential_moving_average(cls)
    return extend_with_gradient_accumulation(cls, name="Everything")


def tiny_model(optimizer, **settings):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(11, 6, name="embedding"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, name="dense"),
        ]
    )
    model.compile(optimizer, "mse", **settings)
    return model


def data():
    random = np.random.default_rng(0)
    return random.integers(0, 9, (16, 4)), random.normal(size=(16, 1)) + 1


# --- weight decay, layer adaptation, rates


def test_excluded_variables_do_not_decay():
    plain, thetas = variables(), variables()
    steps(SGD(0.1), plain, 1)
    cls = extend_with_weight_decay(SGD)
    steps(cls(0.1, weight_decay_rate=0.5, exclude_from_weight_decay=["^bias", "emb"]), thetas, 1)
    for a, b, old in zip(thetas, plain, variables()):
        rate = 0.1 * 0.5 * (old.name == "kernel")
        np.testing.assert_allclose(numpy(a), numpy(b) - rate * numpy(old), atol=1e-6)


def test_keras_own_exclusion_is_respected():
    thetas = variables()
    optimizer = extend_with_weight_decay(SGD)(0.1, weight_decay_rate=0.5)
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    optimizer.apply([ops.zeros(v.shape) for v in thetas], thetas)
    for a, old in zip(thetas, variables()):
        kept = 1.0 if old.name == "kernel" else 0.95
        np.testing.assert_allclose(numpy(a), numpy(old) * kept, rtol=1e-6)


def test_the_weight_decay_of_keras_is_part_of_the_update():
    plain, thetas = variables(), variables()
    steps(keras.optimizers.AdamW(0.1, weight_decay=0.2), plain, 5)
    steps(extend_with_piecewise_linear_lr(keras.optimizers.AdamW)(0.1, weight_decay=0.2), thetas, 5)
    for a, b in zip(thetas, plain):
        np.testing.assert_allclose(numpy(a), numpy(b), atol=1e-6)


def test_an_optimizer_with_its_own_decay_does_not_decay_twice():
    plain, thetas = variables(), variables()
    steps(Tiger(0.1, weight_decay=0.2), plain, 5)
    steps(extend_with_piecewise_linear_lr(Tiger)(0.1, weight_decay=0.2), thetas, 5)
    for a, b in zip(thetas, plain):
        np.testing.assert_allclose(numpy(a), numpy(b), atol=1e-6)


def test_lamb_step_has_the_length_of_rate_times_norm_with_decay_in_its_direction():
    cls = extend_with_layer_adaptation(extend_with_weight_decay(Adam))
    optimizer = cls(1e-6, weight_decay_rate=0.5, exclude_from_layer_adaptation=["bias"])
    thetas = variables()
    optimizer.build(thetas)
    optimizer.iterations.assign(3)
    for _ in range(2):  # the moments of the first move the second
        direction, scale = optimizer.compute_update(
            ops.ones((4, 3)), thetas[1], ops.convert_to_tensor(1e-6)
        )
    size = np.linalg.norm(numpy(scale * direction))
    np.testing.assert_allclose(size, 1e-6 * np.linalg.norm(numpy(thetas[1])), rtol=1e-5)


@pytest.mark.parametrize("zero", ["value", "gradient"])
def test_layer_adaptation_of_a_zero_is_the_plain_step(zero):
    theta = keras.Variable([0.0, 0.0] if zero == "value" else [1.0, 2.0])
    gradient = [1.0, 2.0] if zero == "value" else [0.0, 0.0]
    before = numpy(theta).copy()
    extend_with_layer_adaptation(SGD)(0.1).apply([ops.array(gradient)], [theta])
    np.testing.assert_allclose(numpy(theta), before - 0.1 * np.array(gradient), rtol=1e-6)


def test_a_schedule_leaves_the_learning_rate_itself_to_callbacks():
    optimizer = extend_with_piecewise_linear_lr(SGD)(1.0, lr_schedule={2: 1, 4: 0})
    theta = keras.Variable(0.0)
    for rate in (1.0, 1.0, 3.0):
        optimizer.learning_rate = rate
        optimizer.apply([ops.array(-1.0)], [theta])
    assert float(numpy(theta)) == 0.5 + 3.0


# --- lazy, lookahead, averages


@each_base
def test_rows_without_gradient_are_untouched_in_value_and_slots(base):
    cls = extend_with_weight_decay(extend_with_lazy_optimization(base))
    settings = {"momentum": 0.9} if base is SGD else {}
    if base is Tiger:
        settings = {"weight_decay": None}
    if base is AdaFactor:
        settings = {"beta1": 0.9, "min_dim_size_to_factor": 99}
    optimizer = cls(
        0.1, weight_decay_rate=0.1, include_in_lazy_optimization=["embeddings"], **settings
    )
    (table, *_), rows = variables(), [0, 2, 3]
    random = np.random.default_rng(0)
    optimizer.apply([ops.convert_to_tensor(random.normal(size=(5, 3)).astype("float32"))], [table])
    watched = [v for v in [table, *optimizer.variables] if tuple(v.shape) == (5, 3)]
    before = [numpy(v).copy() for v in watched]
    for _ in range(3):
        gradient = random.normal(size=(5, 3)).astype("float32")
        gradient[rows] = 0
        optimizer.apply([ops.convert_to_tensor(gradient)], [table])
    assert len(watched) > 1
    for v, old in zip(watched, before):
        np.testing.assert_array_equal(numpy(v)[rows], old[rows])
        assert (numpy(v)[[1, 4]] != old[[1, 4]]).all()


@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_averages_are_exact_and_taken_back(momentum):
    optimizer = extend_with_exponential_moving_average(SGD)(0.1, ema_momentum=momentum)
    thetas, seen = variables(), []
    for step in range(7):
        steps(optimizer, thetas, 1, seed=step)
        seen.append([numpy(v).astype("float64") for v in thetas])
    weights = (1 - momentum) * momentum ** np.arange(6, -1, -1.0)
    optimizer.apply_ema_weights(bias_correction=False)
    for i, v in enumerate(thetas):
        expected = sum(w * s[i] for w, s in zip(weights, seen))
        np.testing.assert_allclose(numpy(v), expected, atol=1e-6)
    optimizer.reset_old_weights()
    for v, last in zip(thetas, seen[-1]):
        np.testing.assert_array_equal(numpy(v), last.astype("float32"))
    optimizer.apply_ema_weights()
    for i, v in enumerate(thetas):
        expected = sum(w * s[i] for w, s in zip(weights, seen)) / weights.sum()
        np.testing.assert_allclose(numpy(v), expected, atol=2e-6)


def test_averages_are_neither_applied_too_early_nor_twice_nor_reset_for_nothing():
    optimizer, thetas = extend_with_exponential_moving_average(SGD)(0.1), variables()
    optimizer.build(thetas)
    with pytest.raises(ValueError, match="`apply_ema_weights` must follow an update"):
        optimizer.apply_ema_weights()
    with pytest.raises(ValueError, match="`reset_old_weights` must follow"):
        optimizer.reset_old_weights()
    steps(optimizer, thetas, 1)
    optimizer.apply_ema_weights()
    with pytest.raises(ValueError, match="reset_old_weights if the averages"):
        optimizer.apply_ema_weights()


def test_averages_may_be_swapped_between_epochs_of_fit():
    x, y = data()
    cls = extend_with_exponential_moving_average(SGD)

    def swap(epoch, logs):
        model.optimizer.apply_ema_weights()
        model.optimizer.reset_old_weights()

    results = []
    for callbacks in ([], [keras.callbacks.LambdaCallback(on_epoch_end=swap)]):
        model = tiny_model(cls(0.1, ema_momentum=0.5))
        model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0, callbacks=callbacks)
        results.append([numpy(v) for v in model.weights])
    for a, b in zip(*results):
        np.testing.assert_array_equal(a, b)


# --- all at once


@each_jit
@pytest.mark.parametrize("base", [Adam, Tiger, AdaFactor])
def test_all_wrappers_at_once_train(base, jit_compile):
    settings = {**EVERYTHING, **({"weight_decay": None} if base is Tiger else {})}
    model = tiny_model(everything(base)(0.1, **settings), jit_compile=jit_compile)
    x, y = data()
    history = model.fit(x, y, batch_size=4, epochs=10, verbose=0, shuffle=False)
    assert history.history["loss"][-1] < 0.95 * history.history["loss"][0]
    assert int(model.optimizer.iterations) == 20


def test_accumulation_commutes_with_what_surrounds_it():
    settings = {**EVERYTHING, "paramwise_lr_schedule": {"kernel": 2.0}}
    del settings["steps_per_slow_update"], settings["ema_momentum"]
    del settings["include_in_lazy_optimization"]
    inner = (extend_with_weight_decay, extend_with_piecewise_linear_lr)
    results = []
    for order in (
        (extend_with_gradient_accumulation, *inner, extend_with_parameter_wise_lr),
        (*inner, extend_with_parameter_wise_lr, extend_with_gradient_accumulation),
    ):
        cls, thetas = Adam, variables()
        for factory in order:
            cls = factory(cls)
        steps(cls(0.1, **settings), thetas, 9)
        results.append([numpy(v) for v in thetas])
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, atol=1e-6)


# --- classes and files


def test_the_same_call_makes_the_same_class():
    for factory in FACTORIES:
        assert factory(Adam) is factory(Adam)
        assert factory(Adam, "Named") is factory(Adam, "Named") is not factory(Adam)
        assert factory(Adam, name="Named").__name__ == "Named"


def test_a_name_of_keras_is_no_obstacle():
    AdamW = extend_with_weight_decay(Adam, name="AdamW")
    AdamWG = extend_with_gradient_accumulation(AdamW, name="AdamWG")
    for optimizer in (AdamW(2e-5, weight_decay_rate=0.02), AdamWG(2e-5, grad_accum_steps=16)):
        config = json.loads(json.dumps(keras.optimizers.serialize(optimizer)))
        again = keras.optimizers.deserialize(config)
        assert type(again) is type(optimizer)
        assert again.get_config() == optimizer.get_config()


LOADING = """
import json, sys
import keras, kerasx.optimizers
model = keras.models.load_model(sys.argv[1])
x, y = [[1, 2, 3, 4]] * 4, [[1.0]] * 4
import numpy as np
for _ in range(3):
    model.train_on_batch(np.array(x), np.array(y))
print(type(model.optimizer).__name__, [b.__name__ for b in type(model.optimizer).__mro__][:15])
print(json.dumps([keras.ops.convert_to_numpy(v).tolist() for v in model.trainable_variables]))
"""


def test_a_fresh_process_loads_a_model_and_goes_on_where_it_stopped(tmp_path):
    model = tiny_model(everything()(0.1, **EVERYTHING))
    x, y = data()
    model.fit(x, y, batch_size=4, epochs=3, verbose=0, shuffle=False)
    model.train_on_batch(x[:4], y[:4])
    model.save(tmp_path / "model.keras")
    paths = [str(pathlib.Path(kerasx.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    run = subprocess.run(
        [sys.executable, "-c", LOADING, str(tmp_path / "model.keras")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    kind, values = run.stdout.strip().splitlines()[-2:]
    assert kind.startswith("Everything")
    for _ in range(3):
        model.train_on_batch(np.array([[1, 2, 3, 4]] * 4), np.array([[1.0]] * 4))
    for v, value in zip(model.trainable_variables, json.loads(values)):
        np.testing.assert_allclose(numpy(v), value, atol=1e-7)


def test_a_file_that_names_what_is_not_there_says_what_to_import():
    config = keras.optimizers.serialize(extend_with_lookahead(Adam)())
    for recipe in (["Nobody>Knows", *config["config"]["recipe"][1:]], ["Adam", ["Adam", None]]):
        config["config"]["recipe"] = recipe
        with pytest.raises(ValueError, match="`recipe` must name registered classes: import"):
            keras.optimizers.deserialize(config)


# --- errors


@pytest.mark.parametrize("factory", FACTORIES)
@pytest.mark.parametrize("bad", [Adam(), "adam", keras.layers.Dense])
def test_only_optimizer_classes_are_extended(factory, bad):
    with pytest.raises(ValueError, match="`BaseOptimizer` must be"):
        factory(bad)


def test_the_same_extension_twice_is_refused():
    with pytest.raises(ValueError, match="must not have the extension WeightDecay already"):
        extend_with_weight_decay(extend_with_lookahead(extend_with_weight_decay(Adam)))


@pytest.mark.parametrize(
    "factory, settings",
    [
        (extend_with_weight_decay, {"exclude_from_weight_decay": ["Nrom", "beta"]}),
        (extend_with_weight_decay, {"include_in_weight_decay": ["kernel", "kernle"]}),
        (extend_with_layer_adaptation, {"exclude_from_layer_adaptation": ["Nrom"]}),
        (extend_with_lazy_optimization, {"include_in_lazy_optimization": ["embedings"]}),
        (extend_with_parameter_wise_lr, {"paramwise_lr_schedule": {"kernel": 1, "bert": 0.1}}),
    ],
)
def test_a_pattern_without_variable_is_named_beside_the_paths(factory, settings):
    (argument,) = settings
    with pytest.raises(ValueError, match=f"`{argument}` must match.*paths are: embeddings, ker"):
        factory(Adam)(**settings).build(variables())


def test_an_exclusion_for_models_of_all_kinds_is_accepted():
    optimizer = extend_with_weight_decay(Adam)(exclude_from_weight_decay=["Norm", "bias"])
    thetas = variables()  # none of a normalization
    optimizer.build(thetas)
    assert optimizer._decays == ["bias" not in v.path for v in thetas]


@pytest.mark.parametrize(
    "factory, settings, message",
    [
        (extend_with_weight_decay, {"weight_decay_rate": -1}, "`weight_decay_rate` must be"),
        (extend_with_weight_decay, {"weight_decay": 0.1}, "`weight_decay` must be None or 0"),
        (extend_with_piecewise_linear_lr, {"lr_schedule": {}}, "`lr_schedule` must be"),
        (extend_with_parameter_wise_lr, {"paramwise_lr_schedule": {"a": -1}}, "factors >= 0"),
        (extend_with_lookahead, {"slow_step_size": 0}, "`slow_step_size` must be"),
        (extend_with_lookahead, {"steps_per_slow_update": 0}, "`steps_per_slow_update` must be"),
        (extend_with_exponential_moving_average, {"ema_momentum": 1.0}, "`ema_momentum` must be"),
        (extend_with_exponential_moving_average, {"use_ema": True}, "`use_ema` must be False"),
    ],
)
def test_settings_are_checked(factory, settings, message):
    with pytest.raises(ValueError, match=message):
        factory(Adam)(**settings)


def test_a_pattern_that_is_no_regular_expression_is_refused():
    optimizer = extend_with_parameter_wise_lr(Adam)(paramwise_lr_schedule={"(kernel": 1.0})
    with pytest.raises(ValueError, match="parts of paths or regular expressions"):
        optimizer.build(variables())


def test_an_optimizer_that_assigns_on_its_own_is_refused():
    class Direct(keras.optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            variable.assign(variable - learning_rate * gradient)

    optimizer = extend_with_layer_adaptation(Direct)(0.1)
    with pytest.raises(ValueError, match="must update variables through self.assign"):
        steps(optimizer, variables(), 1)
