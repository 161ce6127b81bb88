"""Pooling, cosines and Spearman's correlation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from kerasx.similarity import (
    SpearmanEvaluation,
    cls_pooling,
    first_last_avg_pooling,
    mean_pooling,
    spearman_correlation,
)
from kerasx.similarity.spearman import cosine_similarities

pytestmark = pytest.mark.backend_free
RNG = np.random.default_rng(0)
HIDDEN = RNG.normal(size=(3, 4, 5))
MASK = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]])


def test_the_mean_is_over_real_tokens_and_none_give_zeros():
    pooled = mean_pooling(HIDDEN, MASK)
    np.testing.assert_allclose(pooled[0], HIDDEN[0, :2].mean(0))
    np.testing.assert_allclose(pooled[1], HIDDEN[1].mean(0))
    assert not pooled[2].any()


def test_padding_may_be_nan():
    hidden = np.where(MASK[..., None], HIDDEN, np.nan)
    np.testing.assert_array_equal(mean_pooling(hidden, MASK), mean_pooling(HIDDEN, MASK))


def test_first_and_last_layer_are_averaged():
    pooled = first_last_avg_pooling(HIDDEN, 3 * HIDDEN, MASK)
    np.testing.assert_allclose(pooled, 2 * mean_pooling(HIDDEN, MASK))
    np.testing.assert_array_equal(cls_pooling(HIDDEN), HIDDEN[:, 0])


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="n > 0"):
        cls_pooling(HIDDEN[:, :0])
    with pytest.raises(ValueError, match="`mask` .b, n."):
        mean_pooling(HIDDEN, MASK[:, :2])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12))
def test_spearman_equals_scipys_with_ties(pairs):
    x, y = np.array(pairs).T
    if len(set(x)) > 1 and len(set(y)) > 1:
        assert abs(spearman_correlation(x, y) - spearmanr(x, y).statistic) < 1e-12


@pytest.mark.parametrize(
    "x, y, match",
    [
        ([1, 1], [1, 2], "two different values"),
        ([], [], "two different values"),
        ([1, 2], [1, 2, 3], "numbers .n,., of one length"),
        ([1, np.nan], [1, 2], "none of them NaN"),
    ],
)
def test_what_has_no_order_is_refused(x, y, match):
    with pytest.raises(ValueError, match=match):
        spearman_correlation(x, y)


class Doubling:
    def predict(self, x, batch_size, verbose):
        return 2 * x


def test_the_evaluation_compares_the_cosines_of_what_the_model_predicts():
    first, second, scores = RNG.normal(size=(9, 4)), RNG.normal(size=(9, 4)), RNG.random(9)
    cosines = cosine_similarities(first, second)
    wanted = {"spearman": spearman_correlation(cosines, scores)}
    assert SpearmanEvaluation(first, second, scores)(Doubling()) == wanted
    moved = SpearmanEvaluation(first, second, scores, transform=lambda v: v + 1)(Doubling())
    cosines = cosine_similarities(2 * first + 1, 2 * second + 1)
    assert moved == {"spearman": spearman_correlation(cosines, scores)}
