"""The surrogate loss of the policy gradient, and baselines that lower its variance."""

from keras import ops

from kerasx import backend
from kerasx.checks import check_shape, invalid


def policy_gradient_loss(log_probs, rewards, baseline="leave_one_out"):
    """Compute the policy-gradient loss -mean_k sg(r_k - b_k) log p_k, with gradient ≈ -∂E[r].

    Args:
        log_probs: (..., k), log-probabilities of k samples drawn for each example.
        rewards: (..., k); no gradient flows through them.
        baseline: b, subtracted from the rewards to lower the variance. "leave_one_out", the mean
            reward of the other samples, is unbiased; "mean" scales the estimate by (k - 1) / k;
            None for 0; or a tensor that broadcasts to the rewards, such as the result of
            `optimal_baseline`, which must come from other samples to be unbiased.

    Returns:
        Losses (...), float32 or wider, one for each example.

    Source: kexue.fm/archives/7737.

    >>> log_probs, rewards = ops.array([[-1.0, -2.0]]), ops.array([[1.0, 0.0]])
    >>> float(policy_gradient_loss(log_probs, rewards)[0])
    -0.5
    """
    log_probs = backend.widened(log_probs)
    rewards = ops.cast(rewards, log_probs.dtype)
    check_shape("rewards", rewards, log_probs.shape, "one number per sample")
    advantage = ops.stop_gradient(rewards - _baseline(rewards, baseline))
    return -ops.mean(advantage * log_probs, -1)


def _baseline(rewards, baseline):
    k = rewards.shape[-1]
    if baseline is None:
        return 0.0
    if not isinstance(baseline, str):
        return ops.cast(baseline, rewards.dtype)
    if baseline == "mean":
        return ops.mean(rewards, -1, keepdims=True)
    if baseline != "leave_one_out":
        raise invalid(
            "`baseline` must be 'leave_one_out', 'mean', None or a tensor.", baseline=baseline
        )
    if k == 1:
        raise invalid(
            "`log_probs` must have at least 2 samples in its last dimension for the baseline "
            "'leave_one_out'; draw more, or give another.",
            **{"log_probs.shape": tuple(rewards.shape)},
        )
    return (ops.sum(rewards, -1, keepdims=True) - rewards) / (k - 1)


def optimal_baseline(rewards, squared_norms):
    """Compute the baseline of least variance, E[r |∇log p|²] / E[|∇log p|²], over the last axis.

    Args:
        rewards: (..., k).
        squared_norms: (..., k), squared norms of the gradients of the log-probabilities.

    Returns:
        (..., 1), a `baseline` for `policy_gradient_loss`.

    Source: kexue.fm/archives/7737.

    >>> float(optimal_baseline(ops.array([1.0, 0.0]), ops.array([3.0, 1.0]))[0])
    0.75
    """
    rewards, weights = backend.widened(rewards), backend.widened(squared_norms)
    weighted = ops.sum(rewards * weights, -1, keepdims=True)
    return ops.divide_no_nan(weighted, ops.sum(weights, -1, keepdims=True))
