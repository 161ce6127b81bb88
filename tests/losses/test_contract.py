"""Contract of every loss and metric of kerasx.losses; a name without a row in the table fails."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import losses
from tests.compiling import BACKEND
from tests.losses.derivatives import value_and_gradient
from tests.losses.table import LOSSES, METRICS, TABLE, B
from tests.names import defined_names
from tests.numpy_numbers import assert_same_config, made_with_numpy

BASES = {"BatchLoss", "ScoreLoss", "TokenLoss"}
HELPERS = BASES | {"as_ids", "checked_class", "mean_divisor", "smoothed"}
HELPERS |= {"token_weight"}
DTYPES = ["float32", "float16", "bfloat16"]
each_loss = pytest.mark.parametrize("name", LOSSES)
each_function = pytest.mark.parametrize("name", TABLE)
each_class = pytest.mark.parametrize("name", LOSSES | METRICS)


def example(name, scale=1.0):
    row, rng = (TABLE | METRICS)[name], np.random.default_rng(0)
    return row.labels(rng), (scale * rng.normal(size=row.shape)).astype("float32")


def numbers(x):
    return ops.convert_to_numpy(ops.cast(x, "float32"))


def test_the_table_has_a_row_for_each_loss_and_function_exported_or_not():
    zlpr = {"multilabel_categorical_crossentropy", "sparse_multilabel_categorical_crossentropy"}
    assert set(TABLE | METRICS) == defined_names(losses).keys() - HELPERS | zlpr
    assert set(losses.__all__) <= set(TABLE | METRICS)


@each_class
def test_numbers_of_numpy_are_taken_and_saved(name):
    made = (LOSSES | METRICS)[name].loss(name="a-name")
    twin = made_with_numpy(made)
    assert_same_config(twin, made)


@each_class
def test_config_holds_every_argument_and_round_trips(name):
    made = (LOSSES | METRICS)[name].loss(name="a-name")
    config = made.get_config()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    makers = [vars(c).get("__init__") for c in type(made).__mro__ if "kerasx" in c.__module__]
    arguments = [p for f in makers if f for p in inspect.signature(f).parameters.values()]
    wanted = {p.name for p in arguments if p.kind in kinds} - {"self"}
    assert wanted | {"name"} | ({"reduction"} if name in LOSSES else {"dtype"}) <= set(config)
    assert type(made).from_config(made.get_config()).get_config() == config
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(again) is type(made) and again.get_config() == config


@pytest.mark.parametrize("dtype", DTYPES)
@each_function
def test_scores_of_ten_thousand_have_finite_losses_in_float32_and_gradients(name, dtype):
    labels, scores = example(name)
    scores = np.where(scores > 0, 1e4, -1e4).astype("float32")
    dtypes = set()

    def function(s):
        value = ops.convert_to_tensor(TABLE[name].function(labels, s))
        dtypes.add(keras.backend.standardize_dtype(value.dtype))
        return value

    value, grad = value_and_gradient(function, scores, dtype)
    assert np.isfinite(value).all() and np.isfinite(grad).all()
    assert dtypes == {"float32"}


@pytest.mark.parametrize("name", [name for name in LOSSES])
def test_half_precision_scores_cost_what_they_cost_in_float32(name):
    labels, scores = example(name)
    half = ops.cast(scores, "float16")
    got, wanted = LOSSES[name].function(labels, half), LOSSES[name].function(labels, numbers(half))
    np.testing.assert_allclose(numbers(got), numbers(wanted), rtol=1e-6)


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.padded is not None])
def test_where_nothing_counts_the_loss_and_its_gradient_are_zero(name):
    row, (_, scores) = TABLE[name], example(name)
    value, grad = value_and_gradient(lambda s: row.function(row.padded, s), scores)
    assert not value.any() and not grad.any()


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.zero_width])
def test_no_classes_cost_nothing(name):
    labels, scores = (x[..., :0] for x in example(name))
    assert not numbers(TABLE[name].function(labels, scores)).any()


@pytest.mark.parametrize("name", [n for n, r in (TABLE | METRICS).items() if r.wrong])
def test_labels_of_a_wrong_shape_are_refused_with_what_is_expected(name):
    row, (_, scores) = (TABLE | METRICS)[name], example(name)
    labels, match = row.wrong
    with pytest.raises(ValueError, match=match):
        row.loss().update_state(labels, scores) if name in METRICS else row.function(labels, scores)


@each_loss
def test_sample_weights_scale_the_examples(name):
    if name == "Flooding":
        pytest.skip("the weights are inside what is flooded: test_flooding")
    loss = LOSSES[name].loss(reduction="sum")
    labels, scores = example(name)
    each = LOSSES[name].loss(reduction=None)(labels, scores)
    weights = np.arange(B).astype("float32")
    wanted = weights @ numbers(each).reshape(B, -1).sum(-1)
    np.testing.assert_allclose(numbers(loss(labels, scores, weights)), wanted, rtol=1e-5)


# on JAX a step is compiled sooner as a whole than operation by operation; not so on TensorFlow
QUICK = BACKEND == "jax"
STEPS = [(x, policy, QUICK) for x in LOSSES for policy in ("mixed_float16", "mixed_bfloat16")]
if BACKEND != "torch":  # jit is minutes of C++ there
    marks = {x: [pytest.mark.slow("compiled the other way")] for x in LOSSES}
    marks["MaskedCrossEntropy"] = []
    STEPS += [pytest.param(x, "mixed_bfloat16", not QUICK, marks=marks[x]) for x in LOSSES]


@pytest.mark.parametrize("name, policy, jit_compile", STEPS)
def test_fit_runs_and_moves_the_weights(name, policy, jit_compile):
    labels, scores = example(name)
    x = np.random.default_rng(1).normal(size=(B, 3)).astype("float32")
    inputs = keras.Input((3,))
    outputs = keras.layers.Dense(int(np.prod(scores.shape[1:])), dtype=policy)(inputs)
    model = keras.Model(inputs, keras.layers.Reshape(scores.shape[1:], dtype=policy)(outputs))
    before = [w.copy() for w in model.get_weights()]
    model.compile(keras.optimizers.SGD(0.1), LOSSES[name].loss(), jit_compile=jit_compile)
    loss = model.fit(x, labels, batch_size=B, verbose=0).history["loss"]
    assert np.isfinite(loss).all()
    assert any(np.any(w != v) for w, v in zip(model.get_weights(), before))
