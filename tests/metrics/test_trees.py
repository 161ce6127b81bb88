"""Bracket F1 and attachment score: by hand, and what is not comparable."""

import pytest

from kerasx.metrics.trees import bracket_f1, unlabelled_attachment_score

pytestmark = pytest.mark.backend_free


def test_hits_are_counted_over_all_sentences():
    predicted = [{(0, 2), (0, 3)}, [(0, 2), (0, 2)]]
    gold = [{(0, 3)}, {(1, 3), (0, 3)}]
    assert bracket_f1(predicted, gold) == 2 * 1 / (3 + 3)
    assert bracket_f1(gold, predicted) == bracket_f1(predicted, gold)


def test_nothing_to_find_and_nothing_found_is_right():
    assert bracket_f1([], []) == bracket_f1([set()], [set()]) == 1
    assert bracket_f1([set()], [{(0, 2)}]) == 0
    assert unlabelled_attachment_score([], []) == 1


def test_heads_are_compared_word_by_word_and_any_negative_number_is_the_root():
    assert unlabelled_attachment_score([[1, -1], [-5]], [[-1, -1], [-1]]) == 2 / 3


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="as many sentences"):
        bracket_f1([set()], [])
    with pytest.raises(ValueError, match="as many words"):
        unlabelled_attachment_score([[0, -1]], [[-1]])
