"""Brackets and heads, against values computed by hand."""

import pytest

from kerasx.metrics import bracket_f1, brackets, unlabelled_attachment_score

pytestmark = pytest.mark.backend_free


def test_brackets_are_the_spans_of_inner_nodes():
    assert brackets(((0, 1), (2, (3, 4)))) == {(0, 2), (3, 5), (2, 5), (0, 5)}
    assert brackets((0, 1, 2)) == {(0, 3)} and brackets(0) == set()


def test_hits_are_counted_over_all_sentences_without_the_whole_one():
    gold = [((0, 1), (2, 3)), (0, (1, 2))]
    predicted = [(((0, 1), 2), 3), (0, (1, 2))]
    score = bracket_f1(gold, predicted)
    assert score.f1 == pytest.approx(2 * 2 / (3 + 3))
    assert bracket_f1(gold, gold).f1 == 1


def test_heads_are_compared_word_by_word_and_any_negative_number_is_the_root():
    assert unlabelled_attachment_score([[1, -1], [-5]], [[-1, -1], [-1]]) == 2 / 3
    assert unlabelled_attachment_score([], []) == 1


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="same length"):
        unlabelled_attachment_score([[0]], [])
    with pytest.raises(ValueError, match="same length"):
        unlabelled_attachment_score([[0, -1]], [[-1]])
