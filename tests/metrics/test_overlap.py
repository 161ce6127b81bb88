"""Distinct-n by counting, BLEU by hand."""

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasx.metrics import bleu, distinct

pytestmark = pytest.mark.backend_free
TEXTS = st.lists(st.text("ab ", max_size=6), max_size=5)


def test_no_text_has_no_ngrams():
    assert distinct([], 1) == distinct([""], 1) == distinct(["好"], 2) == 0


@pytest.mark.parametrize(
    "texts, n, share",
    [
        (["哈哈哈"], 1, 1 / 3),
        (["哈哈哈"], 2, 1 / 2),
        (["你好", "你 好"], 2, 1 / 2),
        ([["你好", "吗"], ["你好"]], 1, 2 / 3),
    ],
)
def test_distinct_is_the_share_of_different_ngrams(texts, n, share):
    assert distinct(texts, n) == pytest.approx(share)


@given(TEXTS, st.integers(1, 3))
def test_saying_all_twice_halves_it(texts, n):
    assert distinct(texts * 2, n) == pytest.approx(distinct(texts, n) / 2)


@pytest.mark.parametrize("arguments", [("你好", 1), (["你好"], 0), (["你好"], 1.5)])
def test_distinct_checks_its_arguments(arguments):
    with pytest.raises(ValueError, match="`(texts|n)` must be"):
        distinct(*arguments)


def test_bleu_is_the_geometric_mean_of_precisions_by_character():
    # 5 of 6 characters, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples
    hypotheses, references = ["今天天气很好"], ["今天天气真好"]
    for n, product in ((1, 5 / 6), (2, 5 / 6 * 3 / 5), (4, 5 / 6 * 3 / 5 * 2 / 4 * 1 / 3)):
        assert bleu(hypotheses, references, n) == pytest.approx(100 * product ** (1 / n))


def test_short_replies_are_punished():
    # precisions are 1 and the brevity penalty is exp(1 - 8 / 4)
    assert bleu(["今天天气"], ["今天天气真的很好"], 2) == pytest.approx(100 * math.exp(-1))


def test_the_best_of_several_references_counts():
    assert bleu(["很好啊你"], [["不好", "很好啊你"]]) == pytest.approx(100)
    assert bleu(["很好啊你"], ["很好啊你"]) == bleu(["很好啊你"], [["很好啊你"]])


def test_empty_replies_are_worth_nothing():
    assert bleu([""], ["很好"]) == 0


@pytest.mark.parametrize(
    "arguments, match",
    [
        (([], []), "`hypotheses` must be a non-empty list"),
        ((["好"], []), "`hypotheses`, `references` must have the same length"),
        (("好", "好"), "`hypotheses` must be a non-empty list"),
        ((["好", "好"], ["好", ["a", "b"]]), "`references` must be equally many"),
    ],
)
def test_bleu_wants_references_for_each(arguments, match):
    with pytest.raises(ValueError, match=match):
        bleu(*arguments)


def test_without_sacrebleu_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(ImportError, match=r"pip install kerasx\[metrics\]"):
        bleu(["好"], ["好"])
