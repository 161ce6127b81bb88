"""ZLPR: the formulas in NumPy, dense = sparse, soft labels, masks, and where float32 would fail."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from kerasx.backend import mask_value
from kerasx.ops import (
    multilabel_categorical_crossentropy,
    sparse_multilabel_categorical_crossentropy,
)
from kerasx.ops.multilabel import log1p_sum_exp
from tests.losses.derivatives import gradient

RNG = np.random.default_rng(0)
S = RNG.normal(size=(6, 9)).astype("float32") * 3
HARD = RNG.integers(0, 2, S.shape).astype("float32")
SOFT = RNG.random(S.shape).astype("float32")
DTYPES = ["float32", "float16", "bfloat16"]


def dense(y, s):
    return ops.convert_to_numpy(multilabel_categorical_crossentropy(y, s))


def sparse(y, s, mask_zero=False):
    return ops.convert_to_numpy(sparse_multilabel_categorical_crossentropy(y, s, mask_zero))


def plain(y, s):
    y, s = y.astype("float64"), s.astype("float64")
    return np.log1p((y * np.exp(-s)).sum(-1)) + np.log1p(((1 - y) * np.exp(s)).sum(-1))


def bert4keras_sparse(y, s):
    """Compute the published formula: the negatives as all less the positives, in float64."""
    given = np.take_along_axis(s.astype("float64"), y, -1)
    whole = np.log1p(np.exp(s.astype("float64")).sum(-1))
    left = np.clip(1 - np.exp(np.log(np.exp(given).sum(-1)) - whole), 1e-7, 1)
    return np.log1p(np.exp(-given).sum(-1)) + whole + np.log(left)


def as_ids(row, width):
    """Return the ids of a 0/1 row, moved up by one and padded with 0."""
    ids = np.flatnonzero(row) + 1
    return np.pad(ids, (0, width - len(ids)))


@pytest.mark.parametrize("y", [HARD, SOFT], ids=["hard", "soft"])
def test_values_are_those_of_the_formula(y):
    np.testing.assert_allclose(dense(y, S), plain(y, S), rtol=1e-5)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 9]), st.sampled_from([0.1, 1, 10, 100]))
@settings(max_examples=25, deadline=None)
def test_sparse_with_padding_is_dense_for_any_labels(seed, classes, scale):
    rng = np.random.default_rng(seed)
    s = (scale * rng.normal(size=(4, classes))).astype("float32")
    y = rng.integers(0, 2, s.shape).astype("float32")
    ids = np.stack([as_ids(row, classes) for row in y])
    padded = np.concatenate([rng.normal(size=(4, 1)).astype("float32") * scale, s], -1)
    np.testing.assert_allclose(sparse(ids, padded, mask_zero=True), dense(y, s), rtol=1e-5)


def test_sparse_without_padding_is_dense_and_the_published_formula():
    ids = np.stack([RNG.permutation(9)[:3] for _ in S])
    y = np.zeros_like(S)
    np.put_along_axis(y, ids, 1, -1)
    np.testing.assert_allclose(sparse(ids, S), dense(y, S), rtol=1e-6)
    np.testing.assert_allclose(sparse(ids, S), bert4keras_sparse(ids, S), rtol=1e-5)


def test_sparse_keeps_leading_dimensions():
    s, ids = S.reshape(2, 3, 9), np.tile([[[1, 0]]], (2, 3, 1))
    np.testing.assert_allclose(
        sparse(ids, s, True).reshape(-1), sparse(ids.reshape(6, 2), S, True), rtol=1e-6
    )


def test_sparse_is_exact_where_the_difference_of_sums_is_lost():
    s = np.array([[20.0, -20.0]], "float32")
    published = float(bert4keras_sparse(np.array([[0]]), s)[0])
    exact = float(plain(np.array([[1.0, 0.0]]), s)[0])
    assert exact < 1e-8 and published > 3  # clipped at 1e-7
    np.testing.assert_allclose(sparse(np.array([[0]]), s), exact, rtol=1e-5)
    ids = np.array([[0]])
    grad = gradient(lambda s: sparse_multilabel_categorical_crossentropy(ids, s), s)
    assert grad[0, 0] < 0 < grad[0, 1]


def test_a_label_given_twice_counts_twice_among_the_positives_only():
    s = np.array([[1.0, 2.0]], "float32")
    wanted = np.log1p(2 * np.exp(-1.0)) + np.log1p(np.exp(2.0))
    np.testing.assert_allclose(sparse(np.array([[0, 0]]), s), wanted, rtol=1e-6)


def test_the_score_of_the_padding_class_does_not_matter_and_has_no_gradient():
    ids, s = np.array([[1, 0], [0, 0]]), S[:2].copy()
    before = sparse(ids, s, True)
    grad = gradient(lambda s: sparse_multilabel_categorical_crossentropy(ids, s, True), s)
    s[:, 0] = 77
    np.testing.assert_array_equal(sparse(ids, s, True), before)
    assert not grad[:, 0].any() and grad[:, 1:].all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_without_positives_or_negatives_the_other_term_is_left(value):
    y, sign = np.full_like(S, value), 1 - 2 * value
    np.testing.assert_allclose(dense(y, S), np.log1p(np.exp(sign * S).sum(-1)), rtol=1e-5)


def test_soft_labels_have_their_minimum_at_sigmoid_of_twice_the_score():
    y = 1 / (1 + np.exp(-2 * S.astype("float64")))
    grad = gradient(lambda s: multilabel_categorical_crossentropy(y, s), S)
    np.testing.assert_allclose(grad, 0, atol=1e-5)
    off = gradient(lambda s: multilabel_categorical_crossentropy(y, s), S + 0.1)
    assert (off > 0).any()


def test_the_loss_is_no_more_than_the_sum_of_binary_cross_entropies():
    binary = np.logaddexp(0, np.where(HARD == 1, -S, S)).sum(-1)
    assert (dense(HARD, S) <= binary + 1e-6).all() and (dense(HARD, S) < binary - 0.1).any()


def test_a_threshold_score_may_be_added_to_all():
    s0 = 0.7  # log(e^s0 + Σ e^s) + log(e^-s0 + Σ e^-s) is the loss of s - s0
    neg = np.log(np.exp(s0) + ((1 - HARD) * np.exp(S)).sum(-1))
    pos = np.log(np.exp(-s0) + (HARD * np.exp(-S)).sum(-1))
    np.testing.assert_allclose(dense(HARD, S - np.float32(s0)), neg + pos, rtol=1e-5)


def test_a_confident_negative_adds_nothing_and_the_order_of_classes_does_not_matter():
    more = np.concatenate([S, np.full((6, 1), -200, "float32")], -1)
    y = np.concatenate([HARD, np.zeros((6, 1), "float32")], -1)
    np.testing.assert_array_equal(dense(y, more), dense(HARD, S))
    order = RNG.permutation(9)
    np.testing.assert_allclose(dense(HARD[:, order], S[:, order]), dense(HARD, S), rtol=1e-6)


@pytest.mark.parametrize("value", ["mask_value", "-inf"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_masked_scores_are_left_out_whatever_their_label(dtype, value):
    value = mask_value(dtype) if value == "mask_value" else -np.inf
    s, wanted = S.copy(), dense(HARD[:, 3:], ops.cast(S[:, 3:], dtype))
    s[:, :3] = value
    for y in (HARD, np.where(np.arange(9) < 3, SOFT, HARD), np.where(np.arange(9) < 3, 1, HARD)):
        np.testing.assert_allclose(dense(y, ops.cast(s, dtype)), wanted, rtol=1e-6)
        grad = gradient(lambda s, y=y: multilabel_categorical_crossentropy(y, s), s, dtype)
        assert np.isfinite(grad).all() and not grad[:, :3].any() and grad[:, 3:].all()


@pytest.mark.parametrize("value", ["mask_value", "-inf"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_masked_scores_are_left_out_of_the_sparse_form(dtype, value):
    s = S.copy()
    s[:, :3] = mask_value(dtype) if value == "mask_value" else -np.inf
    ids = np.tile([[4, 1]], (6, 1))  # the second one is masked
    grad = gradient(lambda s: sparse_multilabel_categorical_crossentropy(ids, s), s, dtype)
    assert np.isfinite(grad).all() and not grad[:, :3].any()
    wanted = sparse(ids[:, :1] - 3, ops.cast(S[:, 3:], dtype))
    np.testing.assert_allclose(sparse(ids, ops.cast(s, dtype)), wanted, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_where_all_scores_are_masked_loss_and_gradient_are_zero(dtype):
    s = np.full((2, 4), mask_value(dtype), "float32")
    y = np.array([[1, 1, 1, 1], [0, 1, 0, 1]], "float32")
    assert not dense(y, ops.cast(s, dtype)).any()
    assert not gradient(lambda s: multilabel_categorical_crossentropy(y, s), s, dtype).any()


def test_the_largest_half_precision_scores_that_are_no_mask_count():
    s, y = np.array([[-1e4, 1e4]], "float32"), np.array([[1.0, 0.0]])
    np.testing.assert_allclose(dense(y, ops.cast(s, "float16")), 2e4, rtol=1e-6)


def test_integer_scores_and_lists_are_taken():
    np.testing.assert_allclose(dense([[1, 0]], [[3, -2]]), dense([[1, 0]], [[3.0, -2.0]]))


def test_no_labels_at_all_are_no_positives():
    none = np.zeros((6, 0), "int32")
    np.testing.assert_allclose(sparse(none, S), dense(np.zeros_like(S), S), rtol=1e-6)


def test_tiny_sums_are_not_rounded_to_nothing():
    x = np.array([[-20.0, -21.0]], "float32")
    wanted = np.exp(-20.0) + np.exp(-21.0)
    np.testing.assert_allclose(ops.convert_to_numpy(log1p_sum_exp(x)), wanted, rtol=1e-5)
    grad = gradient(log1p_sum_exp, x)
    np.testing.assert_allclose(grad, np.exp(x.astype("float64")), rtol=1e-5)


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda: dense(HARD[:, :8], S), "a label for each class, of shape .6, 9."),
        (lambda: dense(HARD[0], S), "`y_true` must be"),
        (lambda: sparse(np.ones((5, 2), "int32"), S), "ids of the true labels, of shape .6, None."),
    ],
)
def test_labels_of_another_shape_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_the_number_of_classes_may_be_unknown_when_a_graph_is_built():
    ids, scores = keras.KerasTensor((2, 1), "int32"), keras.KerasTensor((2, None), "float32")
    loss = keras.layers.Lambda(lambda x: sparse_multilabel_categorical_crossentropy(*x, True))
    assert loss([ids, scores]).shape == (2,)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX has no float64 by default")
def test_scores_of_float64_are_not_rounded():
    s, y = RNG.normal(size=(4, 7)), np.eye(4, 7)
    positive = np.log1p(np.sum(y * np.exp(-s), -1))
    negative = np.log1p(np.sum((1 - y) * np.exp(s), -1))
    np.testing.assert_allclose(dense(y, s), positive + negative, rtol=1e-14)
