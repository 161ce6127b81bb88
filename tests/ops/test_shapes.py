"""bert4keras's small functions against NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import backend
from kerasx.ops import (
    align,
    batch_gather,
    divisible_temporal_padding,
    flatten,
    get_activation,
    leaky_relu,
    piecewise_linear,
    pool1d,
    reshape,
    root_mean_square,
    sequence_masking,
)


def to_numpy(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize(
    "axes, ndim, shape",
    [([0, -1], 4, (2, 1, 1, 3)), ([1, 2], None, (1, 2, 3)), ([0, 1], None, (2, 3))],
)
def test_align_puts_each_dimension_in_its_place(axes, ndim, shape):
    x = np.arange(6).reshape(2, 3)
    assert (to_numpy(align(x, axes, ndim)) == x.reshape(shape)).all()


@pytest.mark.parametrize("axes", [[0], [1, 0], [0, 0]])
def test_align_refuses_axes_that_do_not_increase_or_do_not_match(axes):
    with pytest.raises(ValueError, match="`axes` must be increasing"):
        align(np.ones((2, 3)), axes, 3)


def test_reshape_keeps_the_dimensions_that_are_none_and_flatten_merges():
    x = np.arange(24).reshape(2, 3, 4)
    assert (to_numpy(reshape(x, (None, -1))) == x.reshape(2, 12)).all()
    assert (to_numpy(flatten(x, 0, 2)) == x.reshape(6, 4)).all()
    assert (to_numpy(flatten(x, -2)) == x.reshape(2, 12)).all()
    assert (to_numpy(flatten(x)) == x.reshape(-1)).all()


def test_reshape_takes_pairs_of_a_shape_and_an_axis():
    x = np.arange(24).reshape(2, 3, 4)
    assert (to_numpy(reshape(x, (2, -1), 2)) == x.reshape(2, 3, 2, 2)).all()
    assert (to_numpy(reshape(x, (2, 2), -1, [1, 2], 0)) == x.reshape(1, 2, 3, 2, 2)).all()
    symbolic = keras.Input((3, 8))
    assert reshape(symbolic, (2, 4), 2).shape == (None, 3, 2, 4)
    with pytest.raises(ValueError, match="pairs of a shape and an axis"):
        reshape(x, (2, 2), 2, (3, 1))


@pytest.mark.parametrize(
    "axis, shape", [(1, (2, 3)), (1, (2, 3, 4)), (2, (2, 4, 3)), (-1, (2, 4, 3))]
)
def test_sequence_masking_sets_only_the_padded_places(axis, shape):
    x = np.random.normal(size=shape).astype("float32")
    mask = np.array([[1, 1, 0], [1, 0, 0]])
    got, aligned = sequence_masking(x, mask, -5, axis, return_mask=True)
    places = np.moveaxis(to_numpy(got), axis, 1)
    assert (places[mask == 0] == -5).all()
    assert (places[mask == 1] == np.moveaxis(x, axis, 1)[mask == 1]).all()
    assert len(aligned.shape) == len(shape)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_infinite_mask_values_are_finite_extremes(dtype):
    x = ops.zeros((1, 2), dtype)
    low, high = (
        to_numpy(ops.cast(sequence_masking(x, np.array([[1, 0]]), v), "float32"))
        for v in ("-inf", "inf")
    )
    assert np.isfinite([low, high]).all() and low[0, 1] < -3e4 and high[0, 1] == -low[0, 1]


def test_sequence_masking_without_a_mask_adds_only_the_bias():
    x = np.ones((1, 2), "float32")
    assert (to_numpy(sequence_masking(x, bias=2.0 * x)) == 3).all()
    assert sequence_masking(x, return_mask=True)[1] is None


def test_sequence_masking_masks_several_axes_and_by_a_boolean_bias():
    scores = np.random.normal(size=(2, 3, 4, 4)).astype("float32")
    mask = np.array([[1, 1, 1, 0], [1, 0, 0, 0]], "bool")
    pairs = mask[:, None, :, None] & mask[:, None, None, :]
    causal = np.tri(4, dtype="bool")[None, None]
    keys = np.broadcast_to(mask[:, None, None], scores.shape)
    for got, kept in [
        (sequence_masking(scores, mask, -5, axis=[2, -1]), pairs),
        (sequence_masking(scores, mask, -5, -1, bias=causal), causal & keys),
        (sequence_masking(scores, bias=causal, value=-5), causal),
    ]:
        np.testing.assert_allclose(to_numpy(got), np.where(kept, scores, -5))
    got = sequence_masking(scores, mask, -5, -1, bias=2 * scores)
    np.testing.assert_allclose(to_numpy(got), np.where(keys, 3 * scores, -5), rtol=1e-6)


def test_batch_gather_gathers_within_each_example():
    x = np.arange(24).reshape(2, 3, 4)
    index = np.array([[2, 0], [1, 1]])
    expected = np.stack([x[b][index[b]] for b in range(2)])
    assert (to_numpy(batch_gather(x, index)) == expected).all()
    assert (to_numpy(batch_gather(x, index[:, 0].astype("float32"))) == expected[:, 0]).all()


def test_batch_gather_gathers_along_the_last_axis_of_the_indices():
    x = np.random.normal(size=(2, 3, 4, 5)).astype("float32")
    index = np.random.default_rng(0).integers(0, 4, (2, 3, 6))
    for params in (x, x[..., 0]):
        expected = [[row[i] for row, i in zip(rows, ids)] for rows, ids in zip(params, index)]
        np.testing.assert_array_equal(to_numpy(batch_gather(params, index)), expected)
    with pytest.raises(ValueError, match="`indices` must have no more axes than `params`"):
        batch_gather(x[0, 0], index)


@pytest.mark.parametrize("mode, reduce", [("max", np.max), ("avg", np.mean)])
def test_pool1d_reduces_windows_of_time(mode, reduce):
    x = np.random.normal(size=(2, 7, 3)).astype("float32")
    expected = np.stack([reduce(x[:, t : t + 3], axis=1) for t in range(0, 5, 2)], axis=1)
    got = pool1d(ops.convert_to_tensor(x), 3, 2, pool_mode=mode)
    np.testing.assert_allclose(to_numpy(got), expected, atol=1e-6)
    got = pool1d(ops.convert_to_tensor(x.swapaxes(1, 2)), 3, 2, "valid", "channels_first", mode)
    np.testing.assert_allclose(to_numpy(got), expected.swapaxes(1, 2), atol=1e-6)


def test_pool1d_refuses_an_unknown_mode():
    with pytest.raises(ValueError, match="`pool_mode` must be one of 'max', 'avg'"):
        pool1d(np.ones((1, 2, 3)), 2, pool_mode="mean")


@pytest.mark.parametrize("n, length", [(4, 8), (5, 5), (1, 5)])
def test_temporal_padding_appends_zeros_up_to_a_multiple(n, length):
    got = to_numpy(divisible_temporal_padding(np.ones((1, 5, 2), "float32"), n))
    assert got.shape == (1, length, 2) and got.sum() == 10


@pytest.mark.parametrize("from_zero", [True, False])
@pytest.mark.parametrize("schedule", [{10: 1.0, 30: 0.2}, {0: 0.5, 20: 1.0}, {5: 2.0}])
def test_piecewise_linear_interpolates_and_stays_at_the_last_value(schedule, from_zero):
    points = dict(schedule)
    points.setdefault(0, 0.0 if from_zero else schedule[min(schedule)])
    xs = sorted(points)
    for t in (0, 1, 5, 9, 10, 17, 30, 99):
        got = float(piecewise_linear(t, schedule, from_zero))
        assert abs(got - np.interp(t, xs, [points[x] for x in xs])) < 1e-5


def test_an_empty_schedule_is_refused():
    with pytest.raises(ValueError, match="`schedule` must have at least one"):
        piecewise_linear(0, {})


def test_search_layer_finds_what_the_output_was_computed_from():
    x = keras.Input((3,))
    hidden = keras.layers.Dense(4, name="hidden")
    inner = keras.Model(x, hidden(x), name="inner")
    z = keras.Input((3,))
    top = keras.layers.Dense(2, name="top")
    y = top(inner(z))
    keras.layers.Dense(5, name="aside")(z)
    assert backend.search_layer(inner.output, "hidden") is hidden
    assert backend.search_layer(keras.Model(z, y), "hidden") is hidden
    assert backend.search_layer(top, "hidden") is hidden
    assert backend.search_layer(y, "aside") is None


@pytest.mark.parametrize("name", ["gelu", "gelu_new", "swish", "relu", "linear"])
def test_activations_by_name_are_their_formulas(name):
    from math import erf, pi, sqrt

    formulas = {
        "gelu": lambda x: x * (1 + erf(x / sqrt(2))) / 2,
        "gelu_new": lambda x: x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2,
        "swish": lambda x: x / (1 + np.exp(-x)),
        "relu": lambda x: max(x, 0),
        "linear": lambda x: x,
    }
    x = np.linspace(-4, 4, 33).astype("float32")
    got = to_numpy(get_activation(name)(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(got, [formulas[name](float(t)) for t in x], atol=1e-5)


def test_root_mean_square_and_leaky_relu():
    x = np.random.normal(size=(3, 4)).astype("float32")
    got = to_numpy(root_mean_square(x, axis=1, keepdims=True))
    np.testing.assert_allclose(got, np.sqrt((x**2).mean(1, keepdims=True)), rtol=1e-5)
    got = to_numpy(leaky_relu(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(got, np.maximum(x, 0.2 * x), rtol=1e-5)
