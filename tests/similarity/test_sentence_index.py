"""The search equals an exhaustive search, and computes few exact distances."""

import numpy as np
import pytest

from kerasx.similarity import SentenceIndex, search, word_movers_distance, word_rotators_distance

pytestmark = pytest.mark.backend_free
DISTANCES = {"wmd": word_movers_distance, "wrd": word_rotators_distance}
each_distance = pytest.mark.parametrize("distance", DISTANCES)
RNG = np.random.default_rng(0)
WORDS = RNG.normal(size=(60, 8)) * RNG.uniform(0.5, 2, (60, 1))


def text(n):
    return WORDS[RNG.integers(0, 60, n)]


CORPUS = [text(n) for n in RNG.integers(1, 9, 40)]
QUERIES = [text(5), CORPUS[7], RNG.normal(size=(2, 8))]


@each_distance
def test_search_equals_comparing_with_every_text_and_bounds_hold(distance):
    index = SentenceIndex(CORPUS, distance)
    for query in QUERIES:
        found = index.search(query, k=5)
        every = np.array([DISTANCES[distance](query, x) for x in CORPUS])
        assert (index.bounds(query) <= every + 1e-6).all()
        np.testing.assert_allclose(found.distances, np.sort(every)[:5], atol=1e-9)
        np.testing.assert_allclose(every[found.indices], found.distances, atol=1e-9)
        assert 5 <= found.solved <= len(CORPUS)


@each_distance
def test_most_exact_problems_are_pruned_where_some_texts_are_near(distance):
    found = SentenceIndex(CORPUS, distance).search(CORPUS[7], k=1)
    assert found.distances[0] < 1e-6 and found.solved < 0.5 * len(CORPUS)


def test_a_list_is_searched_like_an_index_and_k_may_exceed_the_corpus():
    found = search(CORPUS[3], CORPUS[:6], k=100, distance="wmd")
    assert sorted(found.indices) == list(range(6)) and found.solved == 6
    assert found.indices[0] == 3 and (np.diff(found.distances) >= 0).all()


def test_of_equal_texts_the_first_comes_first():
    found = search(CORPUS[3], [CORPUS[4], CORPUS[3], CORPUS[3]], k=2)
    assert found.indices.tolist() == [1, 2]


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`distance` must be one of"):
        SentenceIndex(CORPUS, "cosine")
    with pytest.raises(ValueError, match="at least one array"):
        SentenceIndex([])
    with pytest.raises(ValueError, match="all of one d"):
        SentenceIndex([np.ones((1, 2)), np.ones((1, 3))])
    with pytest.raises(ValueError, match="`k` must be"):
        search(CORPUS[0], CORPUS, k=0)
    with pytest.raises(ValueError, match="`query` must be vectors of size 8"):
        search(np.ones((1, 3)), CORPUS)
    with pytest.raises(ValueError, match="leave out empty texts"):
        search(np.ones((0, 8)), CORPUS)
