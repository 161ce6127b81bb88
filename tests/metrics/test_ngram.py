"""The n-gram model is a distribution in every context, and equals Kneser-Ney's formula."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasx.metrics import NgramModel
from kerasx.metrics.ngram import perplexity

pytestmark = pytest.mark.backend_free
VOCABULARY = 5
SEQUENCES = st.lists(
    st.lists(st.integers(0, VOCABULARY - 1), min_size=2, max_size=8), min_size=1, max_size=8
)
CONTEXT = st.lists(st.integers(0, VOCABULARY - 1), max_size=4)


@given(SEQUENCES, CONTEXT, st.integers(1, 4))
def test_probabilities_are_positive_and_sum_to_one(sequences, context, order):
    model = NgramModel(order, VOCABULARY).fit(sequences)
    p = [model.probability(w, context) for w in range(VOCABULARY)]
    assert min(p) > 0 and sum(p) == pytest.approx(1, abs=1e-12)


def kneser_ney(sequences, order, w, context):
    """Compute the formula by brute force over lists of n-grams."""
    started = [[None] * (order - 1) + list(sequence) for sequence in sequences]
    places = [(s, i) for s in started for i in range(order, len(s))]

    def grams(n):
        """Count the longest n-grams, or the distinct predecessors of shorter n-grams."""
        found = Counter(tuple(s[i - order + 1 : i + 1]) for s, i in places)
        for _ in range(order - 1, n - 1, -1):
            kept = Counter()
            for gram, count in found.items():
                # no token precedes the start of a sequence
                kept[gram[1:]] += count if gram[0] is None else 1
            found = kept
        return found

    def p(n, context):
        shorter = p(n - 1, context[1:]) if n > 1 else 1 / VOCABULARY
        counts = grams(n)
        follow = {gram[-1]: c for gram, c in counts.items() if list(gram[:-1]) == list(context)}
        if not follow:
            return shorter
        whole = [c for gram, c in counts.items() if None not in gram]
        ones, twos = whole.count(1), whole.count(2)
        d = ones / (ones + 2 * twos) if ones else 0.5
        kept = max(follow.get(w, 0) - d, 0) + d * len(follow) * shorter
        return kept / sum(follow.values())

    return p(order, ([None] * order + list(context))[len(context) + 1 :])


@given(SEQUENCES, st.lists(st.integers(0, VOCABULARY - 1), min_size=2, max_size=4))
def test_probabilities_are_kneser_and_neys(sequences, context):
    model = NgramModel(3, VOCABULARY).fit(sequences)
    for w in range(VOCABULARY):
        expected = kneser_ney(sequences, 3, w, context)
        assert model.probability(w, context) == pytest.approx(expected, abs=1e-12)


def test_a_bigram_by_hand():
    """c(1 2) = 2, c(1 0) = 1, c(0 1) = 3; D = 1 / 3 for pairs, 1 / (1 + 0) for single tokens..."""
    model = NgramModel(2, 3).fit([[0, 1, 2], [0, 1, 2], [0, 1, 0]])
    assert model.discounts == pytest.approx([1, 1 / 3])
    # each token follows one other token: with D = 1, tokens without context are uniform
    assert model.probability(2, [1]) == pytest.approx((2 - 1 / 3 + 2 / 3 / 3) / 3)
    assert model.probability(1, [1]) == pytest.approx((2 / 3 / 3) / 3)


def test_what_was_never_seen_is_left_to_the_shorter_context():
    model = NgramModel(3, 6).fit([[0, 1, 2, 3, 1, 2]])
    assert model.probability(2, [5, 1]) == model.probability(2, [1])
    assert model.probability(2, [5, 4]) == model.probability(2, [])


def test_more_context_than_its_order_changes_nothing():
    model = NgramModel(2, 5).fit([[0, 1, 2, 3, 1, 4]])
    assert model.probability(4, [2, 3, 1]) == model.probability(4, [1])


@given(SEQUENCES)
def test_perplexity_is_of_all_tokens_but_the_first(sequences):
    model = NgramModel(3, VOCABULARY).fit([[0, 1, 2, 3, 4, 1, 2, 1]])
    logs = [
        math.log(model.probability(s[i], s[max(i - 2, 0) : i]))
        for s in sequences
        for i in range(1, len(s))
    ]
    assert model.perplexity(sequences) == pytest.approx(math.exp(-np.mean(logs)))
    assert model.log_probability(sequences)[1] == len(logs)


def test_it_predicts_what_it_was_fitted_on_better_the_longer_its_context():
    draw = np.random.default_rng(0)
    sequences = draw.integers(0, 10, (20, 30)).tolist()
    found = [NgramModel(n).fit(sequences).perplexity(sequences) for n in (1, 2, 3)]
    assert 10.5 > found[0] > found[1] > found[2]


def test_a_uniform_model_is_in_doubt_between_all_tokens():
    assert perplexity(5 * math.log(1 / 7), 5) == pytest.approx(7)


@pytest.mark.parametrize("count", [0, -1])
def test_a_perplexity_of_no_tokens_is_refused(count):
    with pytest.raises(ValueError, match="`count`"):
        perplexity(0.0, count)


@pytest.mark.parametrize("arguments", [(0,), (2.5,), (3, -1), ("3",)])
def test_sizes_are_checked(arguments):
    with pytest.raises(ValueError, match="integer of at least 1"):
        NgramModel(*arguments)


@pytest.mark.parametrize("sequences", [[], [[]], [[1]]])
def test_nothing_to_predict_is_refused(sequences):
    with pytest.raises(ValueError, match="two tokens or more"):
        NgramModel(2).fit(sequences)


@pytest.mark.parametrize("ids", [[0, 3], [0, -1]])
def test_ids_out_of_the_vocabulary_are_refused(ids):
    with pytest.raises(ValueError, match=r"\[0, 3\)"):
        NgramModel(2, 3).fit([ids])
    with pytest.raises(ValueError, match=r"\[0, 3\)"):
        NgramModel(2, 3).fit([[0, 1]]).perplexity([ids])
