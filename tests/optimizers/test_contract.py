"""Contract of every optimizer of kerasx.optimizers; a name without a row in the tables fails."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import optimizers
from kerasx.optimizers import PiecewiseLinear
from tests.names import defined_names
from tests.optimizers import extension_table, table

ROWS = [*table.ROWS, *extension_table.ROWS]
BACKEND = keras.backend.backend()
SCHEDULES = {"AmosDecay", "PiecewiseLinear", "warmup_cosine"}
STEPS = 50

each_row = pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: row.name + (f" {row.case}" if getattr(row, "case", "") else "")
)
one_of_each_name = pytest.mark.parametrize(
    "row", {row.name: row for row in ROWS}.values(), ids=lambda row: row.name
)


def variables(values):
    return [keras.Variable(np.asarray(v, "float32"), name=k) for k, v in values.items()]


def apply(optimizer, thetas, grads):
    grads = [ops.convert_to_tensor(np.asarray(g, "float32")) for g in grads]
    if BACKEND != "jax" or not optimizer.built:
        return optimizer.apply(grads, thetas)
    stateless_apply = compiled(optimizer)
    state = [v.value for v in optimizer.variables], grads, [v.value for v in thetas]
    new_thetas, new_state = stateless_apply(*state)
    for variable, value in zip([*thetas, *optimizer.variables], [*new_thetas, *new_state]):
        variable.assign(value)


@functools.lru_cache(1)
def compiled(optimizer):
    """Return the step compiled, as JAX runs it in `fit`; single operations take far longer."""
    import jax

    return jax.jit(optimizer.stateless_apply)


def numpy(x):
    return ops.convert_to_numpy(x)


# how a few steps run soonest, and how else: on TensorFlow tracing takes longer than they do
WAYS = {
    "tensorflow": [{"run_eagerly": True}, {"jit_compile": False}],
    "jax": [{"jit_compile": True}, {"jit_compile": False}],
    "torch": [{"jit_compile": False}],
}[BACKEND]
slow = pytest.mark.slow("compiled the other way")
each_way = pytest.mark.parametrize(
    "way", [WAYS[0], *(pytest.param(x, marks=slow) for x in WAYS[1:])], ids=str
)


def tiny_model(row, policy="float32", way=WAYS[0]):
    """Return a model of Embedding, mean, LayerNormalization and Dense, with the row's optimizer."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(11, 6, dtype=policy),
            keras.layers.GlobalAveragePooling1D(dtype=policy),
            keras.layers.LayerNormalization(dtype=policy),
            keras.layers.Dense(1, dtype="float32"),
        ]
    )
    optimizer = row.make()
    if policy == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(optimizer, "mse", auto_scale_loss=False, **way)
    return model


def data(n=8):
    random = np.random.default_rng(0)
    return random.integers(0, 11, (n, 4)).astype("int32"), random.normal(size=(n, 1)) * 3


def train(model, batches, x, y):
    for _ in range(batches):
        model.train_on_batch(x, y)
    return [numpy(v) for v in model.trainable_variables]


def makes_an_optimizer(name, value):
    optimizer = isinstance(value, type) and issubclass(value, keras.optimizers.Optimizer)
    return optimizer or name == "lora_plus" or name.startswith("extend_with_")


def test_every_name_that_makes_an_optimizer_has_a_row_exported_or_not():
    names = {row.name for row in ROWS}
    assert names == {n for n, x in defined_names(optimizers).items() if makes_an_optimizer(n, x)}
    assert names == set(optimizers.__all__) - SCHEDULES


@each_row
def test_one_step_is_as_by_hand(row):
    name, value, gradient, expected = row.one_step
    (theta,) = variables({name: value})
    apply(row.make(), [theta], [gradient])
    np.testing.assert_allclose(numpy(theta), expected, rtol=2e-6)


@each_row
def test_fifty_steps_equal_the_equations(row):
    random = np.random.default_rng(2)
    shapes = {"kernel": (6, 5), "bias": (5,), "embeddings": (7, 5), "gamma": (5,)}
    values = {k: random.normal(size=s).astype("float32") for k, s in shapes.items()}
    gradients = [
        {k: random.normal(size=s).astype("float32") for k, s in shapes.items()}
        for _ in range(STEPS)
    ]
    thetas, optimizer = variables(values), row.make()
    for grads in gradients:
        apply(optimizer, thetas, grads.values())
    for theta, expected in zip(thetas, row.reference(values, gradients).values()):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(numpy(theta) / scale, expected / scale, atol=1e-6)


def rosenbrock(x):
    a, b = x
    loss = (1 - a) ** 2 + 10 * (b - a**2) ** 2
    return loss, np.array([2 * (a - 1) - 40 * a * (b - a**2), 20 * (b - a**2)])


def matrix(x):
    target = np.arange(12.0).reshape(4, 3) / 4 - 1
    return ((x - target) ** 2).sum(), 2 * (x - target)


def parabola(x):
    return (x**2 * [1, 10]).sum(), 2 * x * [1, 10]


START = {
    "parabola": (parabola, "bias", np.array([0.6, -0.4])),
    "rosenbrock": (rosenbrock, "bias", np.array([-0.5, 0.8])),
    "matrix": (matrix, "kernel", np.full((4, 3), 0.5)),
}


@each_row
@pytest.mark.parametrize("problem", START)
def test_it_converges(row, problem):
    steps = 200
    function, name, value = START[problem]
    rate = PiecewiseLinear({0: 1, steps: 0}, base=row.rates.get(problem, row.rates["matrix"]))
    (theta,), optimizer = variables({name: value}), row.make(learning_rate=rate)
    first, _ = function(value)
    for _ in range(steps):
        apply(optimizer, [theta], [function(numpy(theta).astype("float64"))[1]])
    assert function(numpy(theta))[0] < 0.02 * first


@each_way
@one_of_each_name
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_state_is_float32_under_mixed_precision(row, policy, way):
    model = tiny_model(row, policy, way)
    x, y = data()
    train(model, 2, x, y)
    state = [v for v in model.optimizer.variables if "int" not in v.dtype]
    assert {v.dtype for v in state} == {"float32"}
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    assert all(np.isfinite(numpy(v)).all() for v in model.variables)


@each_row
@pytest.mark.skipif(BACKEND != "tensorflow", reason="only TensorFlow has IndexedSlices")
def test_a_sparse_gradient_is_its_dense_sum(row):
    import tensorflow as tf

    slices = tf.IndexedSlices(
        tf.constant([[1.0, 2.0], [3.0, -1.0], [2.0, 2.0]]), tf.constant([3, 1, 3]), (5, 2)
    )
    results = []
    for gradient in (slices, tf.convert_to_tensor(slices)):
        (theta,) = variables({"embeddings": np.arange(10.0).reshape(5, 2) / 10 + 0.1})
        optimizer = row.make()
        for _ in range(4):
            optimizer.apply([gradient], [theta])
        results.append(numpy(theta))
    np.testing.assert_allclose(*results, rtol=1e-6)


@one_of_each_name
def test_fit_learns_and_does_not_retrace(row):
    jit_compile = BACKEND != "torch"
    traces = []
    optimizer = row.make()
    original = optimizer.update_step
    optimizer.update_step = lambda *args: (traces.append(1), original(*args))[1]
    model = tiny_model(row)
    model.compile(optimizer, "mse", jit_compile=jit_compile)
    x, y = data()
    first = model.fit(x, y, batch_size=4, epochs=1, verbose=0, shuffle=False)
    traced = len(traces)
    last = model.fit(x, y, batch_size=4, epochs=10, verbose=0, shuffle=False)
    assert BACKEND == "torch" or len(traces) == traced
    assert last.history["loss"][-1] < first.history["loss"][0]


@each_row
def test_config_makes_the_round_trip(row):
    optimizer = row.make(clipnorm=2.0)
    config = keras.saving.serialize_keras_object(optimizer)
    assert keras.optimizers.deserialize(config).get_config() == optimizer.get_config()
    assert keras.optimizers.serialize(optimizer)["registered_name"].startswith("kerasx>")


@each_way
@one_of_each_name
def test_training_goes_on_after_saving_as_if_nothing_had_been(row, way, tmp_path):
    model = tiny_model(row, way=way)
    x, y = data()
    train(model, 3, x, y)
    model.save(tmp_path / "model.keras")
    resumed = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(train(model, 3, x, y), train(resumed, 3, x, y)):
        np.testing.assert_array_equal(a, b)


@each_row
def test_a_non_finite_gradient_under_loss_scaling_leaves_parameters_finite(row):
    thetas = variables({"kernel": np.ones((3, 2)), "bias": np.ones(2)})
    optimizer = keras.optimizers.LossScaleOptimizer(row.make())
    optimizer.build(thetas)
    kernel, bias = np.ones((3, 2)), np.ones(2)
    apply(optimizer, thetas, [kernel, bias])
    before = [numpy(v).copy() for v in thetas]
    for bad in (np.nan, np.inf):
        apply(optimizer, thetas, [kernel * bad, bias])
        for theta, old in zip(thetas, before):
            np.testing.assert_array_equal(numpy(theta), old)
    apply(optimizer, thetas, [kernel, bias])
    assert all(np.isfinite(numpy(v)).all() for v in [*thetas, *optimizer.variables])


@each_row
def test_state_is_no_larger_than_stated(row):
    (theta,) = variables({"kernel": np.zeros((256, 256))})
    optimizer = row.make()
    optimizer.build([theta])
    floats = sum(int(np.prod(v.shape)) for v in optimizer.variables[2:])
    assert floats <= row.slots * 256 * 256
