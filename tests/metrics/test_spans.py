"""Precision, recall and F1 of sets against counting by hand, and top-k accuracy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.metrics import (
    event_f1,
    segmentation_f1,
    set_f1,
    span_f1,
    span_report,
    spo_f1,
    top_k_accuracy,
)
from kerasx.metrics.spans import Score

pytestmark = pytest.mark.backend_free
SETS = st.lists(st.tuples(st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5))), max_size=6)


@given(SETS)
@settings(max_examples=100, deadline=None)
def test_scores_are_the_counts_over_all_examples(pairs):
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    score = set_f1(gold, predicted)
    right = sum(x in p for g, p in pairs for x in g)
    assert score[3:] == (right, sum(map(len, predicted)), sum(map(len, gold)))
    if right:
        harmonic = 2 / (1 / score.precision + 1 / score.recall)
        np.testing.assert_allclose(score.f1, harmonic, rtol=1e-12)
    turned = set_f1(predicted, gold)
    assert (turned.precision, turned.f1) == (score.recall, score.f1)
    assert set_f1(gold, gold).f1 == 1


def test_nothing_to_find_and_nothing_found_is_perfect_and_else_zero():
    assert set_f1([], []).f1 == set_f1([[]], [[]]).f1 == 1
    assert set_f1([[1]], [[]])[:3] == set_f1([[]], [[1]])[:3] == (0, 0, 0)


def test_an_entity_counts_if_its_ends_and_its_label_are_right():
    gold = [[(0, 2, "PER"), (3, 5, "LOC"), (6, 7, "PER")], []]
    predicted = [[(0, 2, "PER"), (3, 4, "LOC"), (6, 7, "ORG")], [(0, 1, "PER")]]
    assert span_f1(gold, predicted) == Score.of(1, 4, 3)
    assert span_report(gold, predicted) == {
        "LOC": Score.of(0, 1, 1),
        "ORG": Score.of(0, 1, 0),
        "PER": Score.of(1, 2, 2),
        "micro": Score.of(1, 4, 3),
    }


def test_lists_do_as_spans_and_count_once():
    assert span_f1([[[0, 2, "PER"]]], [[(0, 2, "PER"), [0, 2, "PER"]]]).f1 == 1


def test_words_count_at_their_place():
    gold, predicted = [["南京市", "长江", "大桥"]], [["南京", "市长", "江", "大桥"]]
    assert segmentation_f1(gold, predicted) == Score.of(1, 4, 3)
    assert segmentation_f1([["好", "好"]], [["好", "好"]]).correct == 2
    assert segmentation_f1([[]], [[]]).f1 == 1


def test_triples_and_their_objects_of_several_parts():
    gold = [[("电影", "票房", {"@value": "1亿", "inArea": "中国"}), ("电影", "导演", ["张", "李"])]]
    predicted = [[("电影", "票房", {"inArea": "中国", "@value": "1亿"}), ("电影", "导演", "张")]]
    assert spo_f1(gold, predicted) == Score.of(1, 2, 2)


def test_arguments_of_events_count_with_their_type_and_role():
    def event(kind, *arguments):
        return {
            "event_type": kind,
            "arguments": [{"role": role, "argument": argument} for role, argument in arguments],
        }

    gold = [[event("夺冠", ("冠军", "中国队"), ("时间", "昨天")), event("解雇", ("时间", "昨天"))]]
    predicted = [[event("夺冠", ("冠军", "中国队"), ("赛事", "昨天"))]]
    assert event_f1(gold, predicted) == Score.of(1, 2, 3)
    assert event_f1([[]], [[]]).f1 == 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_top_k_is_a_place_among_the_first_of_the_sorted(seed, k):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=(8, 6)), rng.integers(0, 6, 8)
    wanted = np.mean([y in np.argsort(-s)[:k] for s, y in zip(scores, labels)])
    assert top_k_accuracy(labels, scores, k) == wanted


def test_a_constant_gets_nothing_for_its_ties():
    assert top_k_accuracy([0, 1], np.zeros((2, 3)), k=2) == 0
    assert top_k_accuracy([0, 1], np.zeros((2, 3)), k=3) == 1


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda: set_f1([[1]], []), "same length"),
        (lambda: segmentation_f1([["我们"]], [["我"]]), "gold.0.* must be words of the same text"),
        (lambda: top_k_accuracy([], np.zeros((0, 3))), "with n > 0"),
        (lambda: top_k_accuracy([0], [[1.0]], k=0), "`k` must be an integer of at least 1"),
        (lambda: top_k_accuracy([3], [[1.0, 2.0]]), "among the 2 classes"),
        (lambda: top_k_accuracy([0, 1], [[1.0, 2.0]]), "must be .n,."),
    ],
)
def test_bad_arguments_are_named(call, match):
    with pytest.raises(ValueError, match=match):
        call()
