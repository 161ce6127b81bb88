"""ROUGE: its definition by brute force, its symmetry and bounds, and empty texts."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.metrics import mean_rouge, rouge
from kerasx.text import longest_common_subsequence

pytestmark = pytest.mark.backend_free

NAMES = ("rouge-1", "rouge-2", "rouge-l")
TEXTS = st.text("图像检索ab ", max_size=12)


def is_subsequence(items, text):
    rest = iter(text)
    return all(item in rest for item in items)


def overlap(a, b):
    """Count the items of list a that can be paired with equal items of b."""
    b, count = list(b), 0
    for item in a:
        if item in b:
            b.remove(item)
            count += 1
    return count


def f1(common, n, m):
    p, r = common / n if n else 0.0, common / m if m else 0.0
    return 2 * p * r / (p + r) if p + r else 0.0


@settings(max_examples=60, deadline=None)
@given(a=st.text("abc", max_size=7), b=st.text("abc", max_size=7))
def test_the_length_is_that_of_the_longest_of_all_subsequences(a, b):
    every = itertools.chain.from_iterable(itertools.combinations(a, n) for n in range(len(a) + 1))
    assert longest_common_subsequence(a, b)[0] == max(len(s) for s in every if is_subsequence(s, b))


@settings(max_examples=100, deadline=None)
@given(a=TEXTS, b=TEXTS)
def test_scores_are_those_of_the_definition(a, b):
    x, y = a.replace(" ", ""), b.replace(" ", "")
    pairs = [[s[i : i + 2] for i in range(len(s) - 1)] for s in (x, y)]
    expected = f1(overlap(x, y), len(x), len(y)), f1(overlap(*pairs), *map(len, pairs))
    expected += (f1(longest_common_subsequence(x, y)[0], len(x), len(y)),)
    found = rouge(a, b, distinct=False)
    assert [found[k]["f"] for k in NAMES] == pytest.approx(list(expected), abs=1e-12)
    x, y, (p, q) = set(x), set(y), map(set, pairs)
    expected = f1(len(x & y), len(x), len(y)), f1(len(p & q), len(p), len(q))
    found = rouge(a, b)
    assert [found[k]["f"] for k in NAMES[:2]] == pytest.approx(list(expected), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(a=TEXTS, b=TEXTS)
def test_f1_is_symmetric_and_precision_is_recall_the_other_way_round(a, b):
    there, back = rouge(a, b, distinct=False), rouge(b, a, distinct=False)
    for k in NAMES:
        assert there[k]["f"] == back[k]["f"]
        assert (there[k]["p"], there[k]["r"]) == (back[k]["r"], back[k]["p"])


@settings(max_examples=60, deadline=None)
@given(a=TEXTS, b=TEXTS, distinct=st.booleans())
def test_scores_lie_between_0_and_1_and_subsequences_within_the_tokens(a, b, distinct):
    scores = rouge(a, b, distinct)
    assert all(0 <= value <= 1 for score in scores.values() for value in score.values())
    assert scores["rouge-l"]["f"] <= scores["rouge-1"]["f"]


@settings(max_examples=30, deadline=None)
@given(text=TEXTS.filter(lambda t: len(t.replace(" ", "")) > 1), distinct=st.booleans())
def test_a_text_is_exactly_itself(text, distinct):
    one = {"f": 1.0, "p": 1.0, "r": 1.0}
    assert rouge(text, text, distinct) == dict.fromkeys(NAMES, one)


@pytest.mark.parametrize("distinct", [True, False])
@pytest.mark.parametrize("pair", [("", ""), ("", "检索"), ("检索", ""), (" \n", "检索"), ([], [])])
def test_nothing_has_nothing_in_common(pair, distinct):
    assert rouge(*pair, distinct) == dict.fromkeys(NAMES, {"f": 0.0, "p": 0.0, "r": 0.0})


def test_one_character_has_no_pairs():
    scores = rouge("图", "图")
    assert [scores[k]["f"] for k in NAMES] == [1.0, 0.0, 1.0]


def test_what_is_repeated_counts_once_or_as_often_as_it_occurs():
    once, often = (rouge("的的的图", "图的", distinct)["rouge-1"] for distinct in (True, False))
    assert once == {"f": 1.0, "p": 1.0, "r": 1.0}
    assert often == pytest.approx({"f": 2 / 3, "p": 1 / 2, "r": 1.0})


def test_words_are_compared_where_lists_of_them_are_given():
    assert rouge("the cat".split(), "the hat".split())["rouge-1"]["f"] == 0.5
    assert rouge("the cat", "the hat")["rouge-1"]["f"] > 0.5


def test_values_of_the_package_rouge():
    """Computed by rouge 1.0.1, which adds 1e-8 to denominators, on characters between spaces."""
    scores = rouge("基于粒子群算法的图像检索方法研究与应用研究", "图像检索的粒子群优化算法研究")
    expected = [0.7499999950781251, 0.4999999951757813, 0.43749999507812504]
    assert [scores[k]["f"] for k in NAMES] == pytest.approx(expected, abs=2e-8)


def test_the_mean_of_a_corpus_is_over_its_pairs():
    pairs = [("图像检索", "图像检索"), ("", "检索"), ("图", "检")]
    assert mean_rouge(*zip(*pairs)) == pytest.approx(dict.fromkeys(NAMES, 1 / 3))


@pytest.mark.parametrize(
    "texts, match",
    [
        (([], []), "`hypotheses` and `references` must be non-empty"),
        ((["a"], []), "`hypotheses`, `references` must have the same length"),
        ((["a"], ["a", "b"]), "`hypotheses`, `references` must have the same length"),
        (("ab", "ab"), "`hypotheses` and `references` must be non-empty"),
    ],
)
def test_a_corpus_must_have_pairs(texts, match):
    with pytest.raises(ValueError, match=match):
        mean_rouge(*texts)
