"""The policy gradient equals the exact gradient, computed by enumeration of all samples."""

import itertools

import numpy as np
import pytest
from keras import ops

from kerasx import losses
from kerasx.losses.policy_gradient import optimal_baseline
from tests.losses.derivatives import gradient

RNG = np.random.default_rng(0)
S = RNG.normal(size=4).astype("float32")
R = np.array([1.0, -2.0, 0.5, 3.0], "float32")
P = np.exp(S.astype("float64")) / np.exp(S.astype("float64")).sum()
EXACT = -P * (R - P @ R)  # of minus the expected reward
PAIRS = np.array(list(itertools.product(range(4), repeat=2)))
CHANCES = P[PAIRS].prod(-1).astype("float32")


def expected(baseline, rewards=R, constant=0.0):
    """Return the gradient of the loss averaged over all pairs of samples by their probability."""

    def surrogate(s):
        log_probs = ops.take(ops.log_softmax(s), PAIRS)
        loss = losses.policy_gradient_loss(log_probs, rewards[PAIRS] + constant, baseline)
        return ops.sum(loss * ops.convert_to_tensor(CHANCES))

    return gradient(surrogate, S)


@pytest.mark.parametrize("baseline", ["leave_one_out", None, 0.7], ids=str)
def test_its_expectation_is_the_gradient_of_the_expected_reward(baseline):
    np.testing.assert_allclose(expected(baseline), EXACT, atol=1e-6)


def test_the_mean_as_baseline_scales_it_by_one_less_than_the_samples():
    np.testing.assert_allclose(expected("mean"), EXACT / 2, atol=1e-6)


@pytest.mark.parametrize("baseline", ["leave_one_out", "mean"])
def test_a_constant_added_to_all_rewards_changes_nothing(baseline):
    log_probs = RNG.normal(size=(3, 5)).astype("float32")
    rewards = RNG.normal(size=(3, 5)).astype("float32")
    values = [losses.policy_gradient_loss(log_probs, rewards + c, baseline) for c in (0, 8)]
    np.testing.assert_allclose(*(ops.convert_to_numpy(v) for v in values), atol=1e-5)


def test_no_gradient_flows_through_the_rewards():
    rewards = np.array([[1.0, 2.0]], "float32")
    grad = gradient(lambda r: losses.policy_gradient_loss(0 * r - 1, r), rewards)
    assert not grad.any()


def variance(b):
    """Return the variance of the gradient from one sample with baseline b."""
    samples = (R - b)[:, None] * (np.eye(4) - P)  # ∇ log p_y = e_y - p
    return P @ np.square(samples - P @ samples).sum(-1)


def test_the_optimal_baseline_has_the_least_variance():
    squares = np.square(np.eye(4) - P).sum(-1)
    # over enumerated samples the weights hold the chances
    best = (P * R * squares).sum() / (P * squares).sum()
    drawn = np.repeat(np.arange(4), np.round(1e4 * P).astype(int))
    got = float(optimal_baseline(R[drawn], squares[drawn].astype("float32"))[0])
    assert got == pytest.approx(best, rel=1e-2)
    assert all(variance(best) < variance(b) for b in (best - 0.1, best + 0.1, 0.0, P @ R))


def test_rewards_of_the_wrong_shape_or_too_few_samples_are_refused():
    with pytest.raises(ValueError, match="`rewards` must be one number per sample"):
        losses.policy_gradient_loss(np.ones((2, 3)), np.ones((2, 1)))
    with pytest.raises(ValueError, match="at least 2 samples"):
        losses.policy_gradient_loss(np.ones((2, 1)), np.ones((2, 1)))
    with pytest.raises(ValueError, match="`baseline` must be 'leave_one_out'"):
        losses.policy_gradient_loss(np.ones((2, 3)), np.ones((2, 3)), "median")
