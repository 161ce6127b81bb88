"""WMD and WRD: closed forms, properties of distances, and lower bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kerasx.similarity import SentenceIndex, word_movers_distance, word_rotators_distance
from kerasx.similarity.bags import cosine_cost, euclidean_cost, norm_bag, uniform_bag

pytestmark = pytest.mark.backend_free
RNG = np.random.default_rng(0)
TEXTS = st.integers(1, 5).flatmap(
    lambda n: arrays("float64", (n, 3), elements=st.integers(-8, 8).map(float))
)
WITH_WORDS = TEXTS.filter(lambda x: np.abs(x).sum() > 0)
few = settings(max_examples=15, deadline=None)


def text(n, d=6):
    return RNG.normal(size=(n, d))


def test_one_word_each_is_the_distance_of_the_two():
    x, y = text(1), text(1)
    assert abs(word_movers_distance(x, y) - np.linalg.norm(x - y)) < 1e-9
    cosine = (x * y).sum() / np.linalg.norm(x) / np.linalg.norm(y)
    assert abs(word_rotators_distance(x, y) - (1 - cosine)) < 1e-9


def test_on_a_line_it_is_the_area_between_the_distribution_functions():
    x, y = RNG.normal(size=7), RNG.normal(size=5)
    grid = np.sort(np.concatenate([x, y]))
    below = [np.searchsorted(np.sort(z), grid[:-1], "right") / len(z) for z in (x, y)]
    area = (np.abs(below[0] - below[1]) * np.diff(grid)).sum()
    assert abs(word_movers_distance(x[:, None], y[:, None]) - area) < 1e-9


def test_a_repeated_word_is_one_word_of_twice_the_weight():
    x, y = text(3), text(4)
    again = word_movers_distance(x[[0, 0, 1, 2]], y)
    assert abs(word_movers_distance(x, y, p=[2, 1, 1]) - again) < 1e-9


@few
@given(TEXTS, TEXTS, TEXTS)
def test_wmd_is_a_metric(x, y, z):
    d = word_movers_distance
    assert d(x, x[::-1]) < 1e-9
    assert abs(d(x, y) - d(y, x)) < 1e-8
    assert d(x, z) <= d(x, y) + d(y, z) + 1e-8
    same = {tuple(row) for row in x} == {tuple(row) for row in y}
    assert same or d(x, y) > 0


@few
@given(WITH_WORDS, WITH_WORDS)
def test_wrd_is_symmetric_between_0_and_2_and_0_for_a_text_and_itself(x, y):
    d = word_rotators_distance
    assert d(x, x[::-1]) < 1e-9
    assert abs(d(x, y) - d(y, x)) < 1e-8
    assert -1e-12 <= d(x, y) <= 2 + 1e-9


def test_wrd_keeps_when_a_text_is_scaled_or_both_are_rotated():
    x, y = text(5), text(4)
    turn = np.linalg.qr(text(6))[0]
    wanted = word_rotators_distance(x, y)
    for a, b in ((3 * x, y), (x, 0.01 * y), (x @ turn, y @ turn)):
        assert abs(word_rotators_distance(a, b) - wanted) < 1e-8


@few
@given(WITH_WORDS, WITH_WORDS)
def test_no_bound_is_above_its_distance(x, y):
    for name, distance, of_words, cost_of in (
        ("wmd", word_movers_distance, uniform_bag, euclidean_cost),
        ("wrd", word_rotators_distance, norm_bag, cosine_cost),
    ):
        (a, p), (b, q) = of_words(x), of_words(y)
        cost = cost_of(a, b)
        of_centroids = cost_of((p @ a)[None], (q @ b)[None]).item()
        bound = max(of_centroids, p @ cost.min(1), q @ cost.min(0))
        assert bound <= distance(x, y) + 1e-8
        slack = 1e-6 * np.linalg.norm(np.concatenate([a, b]), axis=1).max()  # that of a search
        (found,) = SentenceIndex([y], name).bounds(x)
        assert found - slack <= distance(x, y)
        assert abs(found - bound) <= slack / 10


def test_the_post_divides_by_the_root_of_the_dimension():
    x, y = text(4), text(3)
    posts = word_movers_distance(x / np.sqrt(6), y / np.sqrt(6))
    assert abs(word_movers_distance(x, y) / posts - np.sqrt(6)) < 1e-8


def test_sinkhorn_is_an_upper_bound_for_long_texts():
    x, y = text(60), text(50)
    for distance in (word_movers_distance, word_rotators_distance):
        exact, near = distance(x, y), distance(x, y, method="sinkhorn", regularization=0.005)
        assert exact - 1e-9 <= near <= 1.02 * exact


@pytest.mark.parametrize("distance", [word_movers_distance, word_rotators_distance])
@pytest.mark.parametrize(
    "x, y, match",
    [
        (np.zeros((0, 3)), np.ones((1, 3)), "leave out empty texts"),
        (np.ones((1, 3)), np.ones((1, 2)), "of one size"),
        (np.full((1, 3), np.inf), np.ones((1, 3)), "finite word vectors"),
        (np.ones(3), np.ones((1, 3)), "word vectors"),
    ],
)
def test_what_is_no_text_is_refused(distance, x, y, match):
    with pytest.raises(ValueError, match=match):
        distance(x, y)


def test_weights_that_add_up_to_nothing_are_refused():
    with pytest.raises(ValueError, match="not all 0"):
        word_rotators_distance(np.zeros((2, 3)), np.ones((1, 3)))
    with pytest.raises(ValueError, match="not all 0"):
        word_movers_distance(np.ones((2, 3)), np.ones((1, 3)), p=[1.0, -1.0])
