"""Beam search by its rules: several ends, the best n, groups."""

import collections

import numpy as np
import pytest

from kerasx.generation import BeamSearch, Generator
from tests.generation.models import log_probas, tiny_model

PROMPTS = [[5, 3, 9, 2], [7], [3, 8, 4, 6], [3, 2]]
STEPS = 4


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def diverse(model, prompt, width, groups, diversity):
    """Do diverse beam search without an end, in plain Python: [(score, ids)], best first."""
    beams = [[(0.0, ())] for _ in range(groups)]
    for _ in range(STEPS):
        taken = collections.Counter()
        for group in range(groups):
            rows = log_probas(model, [[*prompt, *ids] for _, ids in beams[group]])
            candidates = [
                (score + p[-1][i] - diversity * taken[i], (*ids, i))
                for (score, ids), p in zip(beams[group], rows)
                for i in range(11)
            ]
            beams[group] = sorted(candidates, reverse=True)[: width // groups]
            taken.update(ids[-1] for _, ids in beams[group])
    return sorted(sum(beams, []), reverse=True)


@pytest.mark.parametrize("diversity", [0.0, 1.5])
def test_groups_equal_a_plain_diverse_beam_search(model, diversity):
    strategy = BeamSearch(4, groups=2, diversity=diversity)
    found = Generator(model, strategy, max_new_tokens=STEPS)(PROMPTS)
    for prompt, sequences, scores in zip(PROMPTS, found.sequences, found.scores):
        expected = diverse(model, prompt, 4, 2, diversity)
        np.testing.assert_allclose(scores, [score for score, _ in expected], atol=1e-4)
        assert sorted(sequences) == sorted(list(ids) for _, ids in expected)
        assert (len({tuple(x) for x in sequences}) > 2) == (diversity > 0)


def test_the_best_n_are_the_first_of_all(model):
    options = dict(end_id=[8, 10], max_new_tokens=STEPS)
    found = Generator(model, BeamSearch(4, length_penalty=1.0), **options)(PROMPTS)
    few = Generator(model, BeamSearch(4, length_penalty=1.0, n=2), **options)(PROMPTS)
    assert few.sequences == [x[:2] for x in found.sequences]
    assert few.scores == [x[:2] for x in found.scores]
    assert any(len(x) < STEPS for rows in found.sequences for x in rows)
    assert not any({8, 10} & set(x) for rows in found.sequences for x in rows)


@pytest.mark.parametrize(
    "options",
    [
        {"width": 0},
        {"width": True},
        {"n": 5},
        {"length_penalty": float("inf")},
        {"early_stopping": "always"},
        {"groups": 3},
        {"diversity": -1},
    ],
)
def test_bad_settings_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        BeamSearch(**{"width": 4, **options})
