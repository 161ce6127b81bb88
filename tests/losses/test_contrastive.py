"""InfoNCE and FlatNCE: how their gradients are related, and what floating point does to them."""

import numpy as np
import pytest
from keras import ops

from kerasx import backend, losses
from kerasx.losses.contrastive import flat_nce, in_batch_scores
from tests.losses.derivatives import gradient

RNG = np.random.default_rng(0)
SCORES = (3 * RNG.normal(size=(5, 7))).astype("float32")
RIGHT = RNG.integers(0, 7, 5).astype("int32")


def numbers(x):
    return ops.convert_to_numpy(x)


def xi(scores, right):
    s = scores.astype("float64")
    terms = np.exp(s - s[np.arange(len(s)), right][:, None])
    return terms.sum(-1) - 1


def test_info_nce_is_the_cross_entropy_of_picking_the_positive():
    ce = backend.sparse_cross_entropy(RIGHT, SCORES)
    np.testing.assert_allclose(numbers(losses.info_nce(SCORES, RIGHT)), numbers(ce), rtol=1e-5)


def test_flat_nce_reports_the_value_of_info_nce():
    np.testing.assert_allclose(
        numbers(flat_nce(SCORES, RIGHT)), np.log1p(xi(SCORES, RIGHT)), rtol=1e-5
    )


def test_gradient_of_info_nce_is_xi_by_one_plus_xi_times_that_of_flat_nce():
    flat = gradient(lambda s: flat_nce(s, RIGHT), SCORES)
    info = gradient(lambda s: losses.info_nce(s, RIGHT), SCORES)
    ratio = xi(SCORES, RIGHT) / (1 + xi(SCORES, RIGHT))
    np.testing.assert_allclose(info, ratio[:, None] * flat, rtol=1e-4, atol=1e-7)


def test_flat_nce_pulls_the_positive_by_one_and_pushes_the_negatives_by_one_in_all():
    for scale in (0.01, 1, 30):
        grad = gradient(lambda s: flat_nce(s, RIGHT), scale * SCORES)
        rows = np.arange(5)
        np.testing.assert_allclose(grad[rows, RIGHT], -1, rtol=1e-5)
        grad[rows, RIGHT] = 0
        assert (grad >= 0).all()
        np.testing.assert_allclose(grad.sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize("dtype, margin", [("float16", 7.7), ("float32", 16.7), ("float64", 36.8)])
def test_the_loss_is_there_where_the_sum_form_rounds_to_nothing(dtype, margin):
    sums = [np.log(np.asarray(1 + np.exp(-m), dtype)) for m in (margin - 0.4, margin)]
    assert sums[0] > 0 and sums[1] == 0
    ours = losses.info_nce(np.array([[margin, 0.0]], "float32"), [0])
    np.testing.assert_allclose(numbers(ours), np.log1p(np.exp(-margin)), rtol=1e-5)


def test_at_a_margin_of_20_in_float32_both_still_have_value_and_gradient():
    scores = np.array([[20.0] + [0.0] * 7], "float32")
    assert np.log(np.float32(1) + np.float32(7 * np.exp(-20))) == 0
    np.testing.assert_allclose(float(losses.info_nce(scores)[0]), 1.4428e-8, rtol=1e-4)
    info = gradient(losses.info_nce, scores)
    flat = gradient(flat_nce, scores)
    np.testing.assert_allclose(info[0, 0], -1.4428e-8, rtol=1e-4)
    np.testing.assert_allclose(flat[0, 0], -1, rtol=1e-6)


def test_candidates_outside_the_mask_take_no_part():
    mask = np.ones_like(SCORES, "bool")
    mask[:, 3] = False
    right = np.where(RIGHT == 3, 0, RIGHT)
    kept = right - (right > 3)
    for loss in (losses.info_nce, flat_nce):
        got = numbers(loss(SCORES, right, mask))
        np.testing.assert_allclose(got, numbers(loss(np.delete(SCORES, 3, 1), kept)), rtol=1e-5)
        assert not gradient(lambda s, loss=loss: loss(s, right, mask), SCORES)[:, 3].any()


@pytest.mark.parametrize("loss", [losses.info_nce, flat_nce])
def test_a_row_without_negatives_or_without_its_positive_costs_nothing(loss):
    mask = np.array([[True, False], [True, False]])  # row 0 has no negative, row 1 no positive
    scores = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    assert not numbers(loss(scores, None, mask)).any()
    assert not gradient(lambda s: loss(s, None, mask), scores).any()
    assert not numbers(loss(scores[:, :1], [0, 0])).any()


def cosines(x, y):
    return x @ y.T / np.linalg.norm(x, axis=-1)[:, None] / np.linalg.norm(y, axis=-1)


def test_neighbouring_rows_are_views_of_one_example_and_no_row_is_its_own_candidate():
    x = RNG.normal(size=(6, 4)).astype("float32")
    scores, positives, mask = (numbers(t) for t in in_batch_scores(x, 0.05))
    np.testing.assert_allclose(scores, cosines(x, x) / 0.05, rtol=1e-4, atol=1e-5)
    assert positives.tolist() == [1, 0, 3, 2, 5, 4]
    np.testing.assert_array_equal(mask, ~np.eye(6, dtype=bool))


def test_the_published_simcse_loss_is_the_same():
    x = RNG.normal(size=(6, 4)).astype("float32")
    s = cosines(x, x) / 0.05 - 1e12 * np.eye(6)
    plain = np.log(np.exp(s).sum(-1)) - s[np.arange(6), [1, 0, 3, 2, 5, 4]]
    got = losses.InfoNCE(0.05)(np.zeros(6), x)
    np.testing.assert_allclose(float(got), plain.mean(), rtol=1e-4)


def test_two_towers_are_compared_across():
    x = RNG.normal(size=(5, 2, 4)).astype("float32")
    scores, positives, mask = (numbers(t) for t in in_batch_scores(x, 0.5))
    np.testing.assert_allclose(scores, cosines(x[:, 0], x[:, 1]) / 0.5, rtol=1e-5, atol=1e-6)
    assert positives.tolist() == [0, 1, 2, 3, 4] and mask.all()


def test_an_embedding_of_zeros_has_a_finite_gradient():
    x = np.zeros((4, 3), "float32")
    for loss in (losses.InfoNCE(), losses.FlatNCE()):
        assert np.isfinite(gradient(lambda x, loss=loss: loss(np.zeros(4), x), x)).all()


@pytest.mark.parametrize("shape", [(3, 4), (4, 3, 4), (4,)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="neighbouring rows"):
        in_batch_scores(np.ones(shape, "float32"), 0.05)


def test_the_temperature_must_be_positive():
    with pytest.raises(ValueError, match="`temperature` must be a finite number above 0"):
        losses.InfoNCE(temperature=0)
