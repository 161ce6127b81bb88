"""Hypotheses in another order."""

import math

import numpy as np
import pytest

from kerasx.generation import Generated, rerank, vote
from kerasx.text import evaluate

FOUND = Generated([["1+1", "2", "3", "4/2"], ["5"]], [[-2.0, -1.5, -1.0, -2.5], [-3.0]])


def test_a_function_of_prompt_sequence_and_score_decides():
    found = rerank(FOUND, lambda i, sequence, score: (1 - 2 * i) * len(sequence) + score / 10)
    assert found.sequences == [["1+1", "4/2", "3", "2"], ["5"]]
    np.testing.assert_allclose(found.scores[0], [2.8, 2.75, 0.9, 0.85])
    np.testing.assert_allclose(found.scores[1], [-1.3])


def test_equal_scores_leave_the_order():
    assert rerank(FOUND, lambda *_: 1).sequences == FOUND.sequences


def test_probabilities_of_equal_values_add_up():
    found = vote(FOUND, evaluate)
    assert found.sequences == [["2", "3"], ["5"]]
    two = math.log(math.exp(-2.0) + math.exp(-1.5) + math.exp(-2.5))
    np.testing.assert_allclose(found.scores[0], [two, -1.0])


def test_a_sequence_that_was_sampled_twice_counts_once():
    found = vote(Generated([["2", "2", "3", "1+2"]], [[-1.5, -1.5, -2.0, -1.8]]), evaluate)
    three = math.log(math.exp(-2.0) + math.exp(-1.8))
    assert found.sequences == [["1+2", "2"]]
    np.testing.assert_allclose(found.scores[0], [three, -1.5])


def test_different_values_keep_their_order():
    found = vote(FOUND, lambda x: x)
    assert found.best == ["3", "5"]
    assert found.scores == [[-1.0, -1.5, -2.0, -2.5], [-3.0]]


@pytest.mark.parametrize("value", [evaluate, {"7": 7}.get])
def test_what_has_no_value_comes_last_each_for_itself(value):
    found = vote(Generated([["1/0", "1+", "7"]], [[-0.1, -0.2, -9.0]]), value)
    assert found == Generated([["7", "1/0", "1+"]], [[-9.0, -0.1, -0.2]])


def test_impossible_hypotheses_do_not_count():
    found = vote(Generated([["1", "2", "3-1"]], [[-5.0, -math.inf, -math.inf]]), evaluate)
    assert found.best == ["1"]


def test_nothing_generated_stays_nothing():
    nothing = Generated([], [])
    assert vote(nothing, evaluate) == rerank(nothing, max) == nothing


def test_a_score_that_is_no_number_is_an_error():
    with pytest.raises(ValueError, match="`function` must return numbers"):
        rerank(FOUND, lambda *_: math.nan)
