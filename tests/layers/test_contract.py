"""Contract of every layer of kerasx.layers; a layer without a row in the table fails."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import layers
from tests.compiling import each_jit_of
from tests.gradients import gradient
from tests.layers.table import TABLE, MeanSquare
from tests.numpy_numbers import made_with_numpy

B, N = 3, 5
MEMBERS = [
    "__init__",
    "build",
    "compute_mask",
    "call",
    "compute_output_shape",
    "compute_output_spec",
    "get_config",
]
DTYPES = ["float32", "float16", "bfloat16"]
MASKED = [name for name, row in TABLE.items() if row.masks]
each_layer = pytest.mark.parametrize("name", TABLE)


def numbers(outputs):
    """Return the outputs as a flat list of NumPy arrays, float32 where they are floating."""
    flat = [ops.convert_to_tensor(x) for x in keras.tree.flatten(outputs)]
    floating = ["float" in keras.backend.standardize_dtype(x.dtype) for x in flat]
    flat = [ops.cast(x, "float32") if f else x for x, f in zip(flat, floating)]
    return [ops.convert_to_numpy(x) for x in flat]


def assert_close(ours, theirs, tolerance=1e-5):
    ours, theirs = numbers(ours), numbers(theirs)
    assert len(ours) == len(theirs)
    for x, y in zip(ours, theirs):
        np.testing.assert_allclose(x, y, atol=tolerance, rtol=tolerance)


def example(name, b=B, n=N):
    return TABLE[name].inputs(b, n, np.random.default_rng(0))


def symbolic(inputs):
    """Return keras.Inputs like the arrays, of unknown batch size."""
    return keras.tree.map_structure(lambda x: keras.Input(x.shape[1:], dtype=str(x.dtype)), inputs)


def functional(name, layer=None):
    row, inputs = TABLE[name], symbolic(example(name))
    layer = layer or row.make()
    return keras.Model(inputs, layer(inputs, **row.call))


def as_mask(inputs, mask):
    return [mask] * len(inputs) if isinstance(inputs, list) else mask


def test_the_table_has_a_row_for_each_public_layer_and_no_other():
    assert sorted(TABLE) == sorted(layers.__all__)


@each_layer
def test_config_holds_every_argument_and_round_trips(name):
    layer = TABLE[name].make(name="a-name")
    config = layer.get_config()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    classes = [c for c in type(layer).__mro__ if c.__module__.startswith(("kerasx", "tests"))]
    makers = [vars(c)["__init__"] for c in classes if "__init__" in vars(c)]
    arguments = [p for f in makers for p in inspect.signature(f).parameters.values()]
    wanted = {p.name for p in arguments if p.kind in kinds} - {"self"}
    assert wanted | {"name", "dtype"} <= set(config)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == config
    revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(revived) is type(layer) and revived.get_config() == config


@each_layer
def test_a_saved_model_gives_the_same_outputs(name, tmp_path):
    model, inputs = functional(name), example(name)
    before = model(inputs)
    model.save(tmp_path / "model.keras")
    assert_close(keras.saving.load_model(tmp_path / "model.keras")(inputs), before, 1e-6)


@each_layer
def test_the_symbolic_shape_and_dtype_are_the_eager_ones(name):
    row, inputs = TABLE[name], example(name)
    layer = row.make()
    specs = keras.tree.map_structure(lambda x: keras.KerasTensor(x.shape, str(x.dtype)), inputs)
    laid = keras.tree.flatten(layer(specs, **row.call))
    run = keras.tree.flatten(layer(inputs, **row.call))
    assert len(laid) == len(run)
    for spec, x in zip(laid, run):
        sizes = zip(spec.shape, ops.shape(x))
        assert len(spec.shape) == len(x.shape) and all(s in (None, t) for s, t in sizes)
        assert keras.backend.standardize_dtype(x.dtype) == spec.dtype


@each_layer
def test_numbers_of_numpy_are_taken_and_saved(name):
    row, inputs = TABLE[name], example(name)
    layer = row.make()
    expected, twin = layer(inputs, **row.call), made_with_numpy(layer)
    twin(inputs, **row.call)
    twin.set_weights(layer.get_weights())
    assert_close(twin(inputs, **row.call), expected, 1e-6)


@each_jit_of("name", TABLE, quick="LayerNormalization")
def test_a_compiled_training_step_runs_and_moves_the_weights(name, jit_compile):
    if not TABLE[name].trains:
        pytest.skip(f"{name} is for decoding only, or trained by a loss of its own")
    body = functional(name)
    model = keras.Model(body.inputs, MeanSquare()(body.outputs))
    before = [ops.convert_to_numpy(w).copy() for w in body.trainable_variables]
    model.compile(keras.optimizers.SGD(0.1), jit_compile=jit_compile)
    x = example(name, 4)
    history = model.fit(x, batch_size=2, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    moved = [np.any(ops.convert_to_numpy(w) != v) for w, v in zip(body.trainable_variables, before)]
    assert any(moved) == bool(body.trainable_variables)


@pytest.mark.parametrize("policy, tolerance", [("mixed_bfloat16", 2e-2), ("mixed_float16", 1e-2)])
@each_layer
def test_mixed_precision_computes_in_half_and_keeps_variables_in_float32(name, policy, tolerance):
    row, inputs = TABLE[name], example(name)
    full, half = row.make(), row.make(dtype=policy)
    expected, got = full(inputs, **row.call), half(inputs, **row.call)
    half.set_weights(full.get_weights())
    got = half(inputs, **row.call)
    assert all(w.dtype == "float32" for w in half.weights)
    for x in keras.tree.flatten(got):
        assert keras.backend.standardize_dtype(x.dtype) in (half.compute_dtype, "bool")
    assert all(np.isfinite(x).all() for x in numbers(got))
    assert_close(got, expected, tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MASKED)
def test_a_fully_masked_example_is_finite_and_has_zero_gradient(name, dtype):
    row, inputs = TABLE[name], example(name)
    layer = row.make(dtype=f"mixed_{dtype}" if dtype != "float32" else dtype)
    mask = np.ones((B, N), "bool")
    mask[1] = False

    def call(x):
        x = [x] * len(inputs) if isinstance(inputs, list) else x
        return layer(x, mask=as_mask(x, ops.convert_to_tensor(mask)), **row.call)

    x = row.loud * (inputs[0] if isinstance(inputs, list) else inputs)
    assert all(np.isfinite(y).all() for y in numbers(call(ops.cast(x, dtype))))
    grad = gradient(call, x, dtype)
    assert np.isfinite(grad).all()
    assert (grad[1] == 0).all() and (grad[0] != 0).any()


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.time is not None])
def test_padding_changes_nothing(name):
    row, inputs = TABLE[name], example(name)
    layer, rng = row.make(), np.random.default_rng(1)
    layer(inputs, **row.call)

    def pad(i, x):
        if i not in row.time:
            return x
        tail = rng.integers(1, 7, (B, 2)) if x.dtype == "int32" else 9 * rng.normal(size=(B, 2, 1))
        tail = np.broadcast_to(tail, (B, 2, *x.shape[2:])).astype(x.dtype)
        return np.concatenate([x, tail], axis=1)

    listed = isinstance(inputs, list)
    padded = [pad(i, x) for i, x in enumerate(inputs)] if listed else pad(0, inputs)
    real = np.arange(N + 2)[None].repeat(B, 0) < N
    kwargs = {"mask": as_mask(inputs, ops.convert_to_tensor(real))} if row.masks else {}
    with_pads = ops.convert_to_numpy(layer(padded, **kwargs, **row.call))
    without = ops.convert_to_numpy(layer(inputs, **row.call))
    assert_close(with_pads[:, :N] if without.ndim == 3 else with_pads, without)


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.alone])
def test_a_batch_gives_what_its_examples_give_alone(name):
    row, inputs = TABLE[name], example(name)
    layer = row.make()
    together = numbers(layer(inputs, **row.call))
    for i in range(B):
        one = keras.tree.map_structure(lambda x, i=i: x[i : i + 1], inputs)
        assert_close(layer(one, **row.call), [x[i : i + 1] for x in together])


@each_layer
def test_a_sequence_of_no_tokens_is_finite_or_a_value_error(name):
    row, inputs = TABLE[name], example(name, n=0)
    try:
        outputs = numbers(row.make()(inputs, **row.call))
    except ValueError as error:
        assert "shape" in str(error)
    else:
        assert all(np.isfinite(x).all() for x in outputs)


@each_layer
def test_members_come_in_the_order_of_the_library(name):
    cls = getattr(layers, name)
    order = [MEMBERS.index(m) for m in vars(cls) if m in MEMBERS]
    assert order == sorted(order)


@pytest.mark.parametrize(
    "bad, match", [pytest.param(*e, id=f"{k}-{e[1]}") for k, r in TABLE.items() for e in r.errors]
)
def test_bad_arguments_are_refused_with_a_reason(bad, match):
    with pytest.raises(ValueError, match=match):
        bad()
