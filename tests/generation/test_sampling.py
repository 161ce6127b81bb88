"""`Sampling`: frequencies, seeds, scores."""

import collections

import numpy as np
import pytest
from keras import ops
from scipy import stats

from kerasx.generation import Generator, NoRepeatNgrams, RepetitionPenalty, Sampling
from kerasx.generation.strategies.sampling import top_p
from kerasx.generation.strategies.strategy import NEVER
from tests.generation.models import log_probas, score, tiny_model

PROMPTS = [[5, 3, 9, 2], [7], [3, 8, 4, 6], [3, 2]]
LOGITS = np.random.default_rng(4).normal(0, 1.5, 24).astype("float32")
FILTERS = {
    "none": {},
    "temperature": {"temperature": 1.6},
    "top_k": {"top_k": 6},
    "top_p": {"top_p": 0.8},
    "min_p": {"min_p": 0.1},
    "typical_p": {"typical_p": 0.6},
    "several": {"temperature": 0.8, "top_k": 9, "top_p": 0.9, "min_p": 0.05},
}


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def expected_probas(logits, temperature=1.0, top_k=None, top_p=None, min_p=None, typical_p=None):
    """Return the filtered distribution, by sorting in NumPy."""

    def normalized(x):
        return x / x.sum()

    def fewest(keys, p, mass):
        order = np.argsort(-keys)
        kept = order[: 1 + np.sum(np.cumsum(p[order]) < mass)]
        return normalized(np.where(np.isin(np.arange(len(p)), kept), p, 0))

    p = normalized(np.exp(logits.astype("float64") / temperature))
    if top_k:
        p = normalized(np.where(p >= np.sort(p)[-top_k], p, 0))
    if top_p:
        p = fewest(p, p, top_p)
    if min_p:
        p = normalized(np.where(p >= min_p * p.max(), p, 0))
    if typical_p:
        entropy = -np.sum(p * np.log(p))
        p = fewest(-np.abs(-np.log(p) - entropy), p, typical_p)
    return p


def agrees(counts, probas):
    """Return whether counts fit the distribution, by a chi-square test that merges rare cells."""
    expected = probas * counts.sum()
    assert not counts[probas == 0].any()
    rare = expected < 5
    counts, expected = (
        np.append(x[~rare], x[rare].sum() if rare.any() else []) for x in (counts, expected)
    )
    counts, expected = counts[expected > 0], expected[expected > 0]
    return len(counts) == 1 or stats.chisquare(counts, expected).pvalue > 1e-3


@pytest.mark.parametrize("name", FILTERS)
def test_frequencies_are_those_of_the_filtered_distribution(name):
    sampling = Sampling(2, seed=0, **FILTERS[name])
    draws = sampling.draws(range(10), 1000).reshape(1, -1)
    scores = np.broadcast_to(LOGITS, (1, draws.size, len(LOGITS)))
    tokens = sampling.choose(ops.convert_to_tensor(scores), ops.convert_to_tensor(draws))
    counts = np.bincount(ops.convert_to_numpy(tokens)[0], minlength=len(LOGITS))
    probas = expected_probas(LOGITS, **FILTERS[name])
    assert agrees(counts, probas)
    assert not agrees(counts, expected_probas(LOGITS, temperature=1.3))


def test_sequences_come_as_often_as_the_model_says(model):
    prompt, n = PROMPTS[0], 32
    generate = Generator(model, Sampling(n, seed=1), max_new_tokens=2, batch_size=64)
    found = generate([prompt] * 64)
    counts = collections.Counter(tuple(x) for rows in found.sequences for x in rows)
    first = np.exp(log_probas(model, [prompt])[0][-1])
    after = np.exp([x[-1] for x in log_probas(model, [[*prompt, i] for i in range(11)])])
    probas = (first[:, None] * after).ravel().astype("float64")
    counts = np.array([counts[i, j] for i in range(11) for j in range(11)])
    assert agrees(counts, probas / probas.sum())


def test_a_seed_gives_the_same_samples_whatever_the_batch(model):
    options = dict(end_id=2, max_new_tokens=5)
    generate = Generator(model, Sampling(2, top_p=0.95, seed=7), **options)
    found = generate(PROMPTS)
    assert generate(PROMPTS) == found
    alone = Generator(model, Sampling(2, top_p=0.95, seed=7), batch_size=1, **options)
    assert alone(PROMPTS).sequences == found.sequences
    assert any(len(x) < 5 for rows in found.sequences for x in rows)
    whole = [x if len(x) == 5 else [*x, 2] for rows in found.sequences for x in rows]
    expected = score(model, [p for p in PROMPTS for _ in range(2)], whole)
    np.testing.assert_allclose(sum(found.scores, []), expected, atol=1e-4)
    assert sum(found.scores, []) != sorted(sum(found.scores, [])), "samples are not sorted"


def test_without_a_seed_samples_differ_and_follow_numpy():
    sampling, rows = Sampling(3), range(2)
    np.random.seed(3)
    first, second = sampling.draws(rows, 4), sampling.draws(rows, 4)
    np.random.seed(3)
    assert np.array_equal(sampling.draws(rows, 4), first)
    assert len(np.unique([first, second])) == first.size * 2


def test_random_numbers_depend_on_seed_prompt_sample_and_step_only():
    few, many = Sampling(1, seed=5).draws([3], 2), Sampling(4, seed=5).draws([9, 3], 8)
    assert np.array_equal(few[0, 0], many[1, 0, :2])
    assert len(np.unique(many)) == many.size
    assert not np.array_equal(Sampling(1, seed=6).draws([3], 2), few)


def test_no_random_number_leads_to_a_token_of_no_probability():
    scores = np.full((1, 4, 5), -np.inf, "float32")
    scores[..., 1], scores[..., 3] = 0, -30
    draws = np.array([[0, 0.5, 1 - 2**-24, 1]], "float32")
    tokens = Sampling(4).choose(ops.convert_to_tensor(scores), ops.convert_to_tensor(draws))
    assert set(ops.convert_to_numpy(tokens).ravel().tolist()) <= {1, 3}


INFINITE = [np.inf, 1.0, 2.0, 0.0], [1.0, np.inf, -np.inf, np.inf], [-np.inf, 3.0, 1e38, 2.0]


@pytest.mark.parametrize("name", FILTERS)
def test_an_infinite_score_takes_all_the_probability(name):
    draws = np.linspace(0, 1, 8, dtype="float32")[None].repeat(3, axis=0)
    scores = np.array(INFINITE, "float32")[:, None].repeat(8, axis=1)
    sampling = Sampling(8, **FILTERS[name])
    tokens = sampling.choose(ops.convert_to_tensor(scores), ops.convert_to_tensor(draws))
    found = [set(row) for row in ops.convert_to_numpy(tokens).tolist()]
    assert found[0] == {0} and found[1] <= {1, 3} and found[2] == {2}


def test_top_p_keeps_an_infinite_score():
    kept = top_p(ops.convert_to_tensor(np.array(INFINITE, "float32")), 0.5)
    kept = (ops.convert_to_numpy(kept) > NEVER).tolist()
    assert kept[0] == [True, False, False, False] and kept[1] == [False, True, False, True]


def test_constraints_change_what_is_drawn_but_not_the_scores(model):
    constraints = [RepetitionPenalty(1.5), NoRepeatNgrams(1)]
    strategy = Sampling(2, top_k=8, seed=2)
    found = Generator(model, strategy, max_new_tokens=5, constraints=constraints)(PROMPTS)
    for prompt, rows in zip(PROMPTS, found.sequences):
        assert all(len(set(x)) == 5 and not set(x) & set(prompt) for x in rows)
    expected = score(model, [p for p in PROMPTS for _ in range(2)], sum(found.sequences, []))
    np.testing.assert_allclose(sum(found.scores, []), expected, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"n": 0},
        {"temperature": 0},
        {"temperature": float("nan")},
        {"top_k": 0},
        {"top_p": 0},
        {"top_p": 1.1},
        {"min_p": -0.1},
        {"typical_p": "x"},
        {"seed": -1},
    ],
)
def test_bad_settings_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Sampling(**options)
