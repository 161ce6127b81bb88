"""Generated pairs of questions are reproducible, distinct, and scored by intent and product."""

from collections import Counter

import pytest

from kerasx.datasets import generate_paraphrases
from kerasx.datasets.paraphrases import _GOODS, _INTENTS

pytestmark = pytest.mark.backend_free
PAIRS = generate_paraphrases(900, seed=3)


def meaning(text):
    """Return (intent, product) of a question, found by its only wording and its only name."""
    found = {
        (i, g)
        for i, wordings in enumerate(_INTENTS)
        for g, names in enumerate(_GOODS)
        for wording in wordings
        for name in names
        if wording.format(name) in text
    }
    assert len(found) == 1, (text, found)
    return found.pop()


def test_no_pair_is_an_empty_list():
    assert generate_paraphrases(0) == []


def test_a_shorter_list_is_the_start_of_a_longer_one_and_no_pair_comes_twice():
    assert generate_paraphrases(50, seed=3) == PAIRS[:50]
    assert len({pair[:2] for pair in PAIRS}) == len(PAIRS)
    more = generate_paraphrases(900, seed=3, exclude={pair[:2] for pair in PAIRS})
    assert not {pair[:2] for pair in PAIRS} & {pair[:2] for pair in more}


def test_the_score_is_how_much_two_questions_share():
    for first, second, score in PAIRS:
        (i, g), (j, h) = meaning(first), meaning(second)
        assert score == (i == j) + (g == h) and first != second


def test_a_third_of_the_pairs_has_each_score():
    counts = Counter(pair.score for pair in PAIRS)
    assert set(counts) == {0, 1, 2} and min(counts.values()) > 250
