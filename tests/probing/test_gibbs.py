"""Gibbs sampling draws from the distribution whose conditionals the model gives."""

import numpy as np
import pytest

from kerasx.probing import gibbs_sample

MASK = 3
JOINT = np.array([[0.05, 0.3, 0.05], [0.1, 0.02, 0.18], [0.2, 0.06, 0.04]])


def conditionals(ids):
    """Return p(masked token | other token) for two positions with the distribution JOINT."""
    outputs = np.zeros((*ids.shape, 4))
    for row, out in zip(ids, outputs):
        i = int(np.flatnonzero(row[1:3] == MASK)[0])
        p = JOINT[:, row[2]] if i == 0 else JOINT[row[1]]
        out[1 + i, :3] = p / p.sum()
    return outputs


def test_texts_come_as_often_as_the_distribution_says():
    ids = gibbs_sample(conditionals, [9, 0, 0, 9], MASK, samples=150, chains=100, burn_in=20)
    assert ids.shape == (150, 100, 4)
    counts = np.zeros((3, 3))
    np.add.at(counts, tuple(ids.reshape(-1, 4)[:, 1:3].T), 1)
    np.testing.assert_allclose(counts / counts.sum(), JOINT, atol=0.02)


def test_scores_and_probabilities_give_the_same_draws():
    options = {"token_ids": [9, 0, 1, 9], "mask_id": MASK, "samples": 5, "chains": 4}

    def scores(ids):
        with np.errstate(divide="ignore"):
            return np.log(conditionals(ids)) + 7

    first = gibbs_sample(conditionals, **options)
    np.testing.assert_array_equal(first, gibbs_sample(scores, from_logits=True, **options))
    np.testing.assert_array_equal(first, gibbs_sample(conditionals, **options))
    assert (first != gibbs_sample(conditionals, seed=1, **options)).any()


def test_only_the_positions_change_and_what_is_forbidden_is_never_drawn():
    def uniform(ids):
        return np.ones((*ids.shape, 6))

    ids = gibbs_sample(uniform, [1] * 5, MASK, [2, 4], samples=40, burn_in=0, forbidden=(0, 5))
    assert (ids[..., [0, 1, 3]] == 1).all()
    assert set(ids[..., [2, 4]].ravel().tolist()) == {1, 2, 4}


def test_a_low_temperature_takes_the_most_likely():
    ids = gibbs_sample(conditionals, [9, 0, 1, 9], MASK, [1], samples=20, temperature=1e-3)
    assert (ids[..., 1] == JOINT[:, 1].argmax()).all()


@pytest.mark.parametrize(
    "options, match",
    [
        ({"positions": []}, "`positions` at least one integer"),
        ({"positions": [4]}, "`positions` at least one integer"),
        ({"samples": 0}, "`samples` must be an integer of at least 1"),
        ({"temperature": 0}, "`temperature`"),
        ({"forbidden": (0, 1, 2)}, "not forbidden"),
    ],
)
def test_bad_arguments_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        gibbs_sample(conditionals, [9, 0, 1, 9], MASK, **options)
