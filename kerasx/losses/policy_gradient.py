"""The surrogate loss of the policy gradient, and its baselines."""

from keras import ops

from kerasx import backend
from kerasx.ops.shapes import require_shape

__all__ = ["optimal_baseline", "policy_gradient_loss"]


def policy_gradient_loss(log_probs, rewards, baseline="leave_one_out"):
    """-mean_k sg(r_k - b_k) log p_k: its gradient estimates that of the expected reward, negated.

    Args:
        log_probs: (..., k), log-probabilities of k samples drawn for each example.
        rewards: (..., k); no gradient flows through them.
        baseline: what is taken from the rewards to lower the variance. "leave_one_out", the mean
            of the other samples, keeps the estimate unbiased; "mean" scales it by (k - 1) / k;
            None for nothing; or a tensor that broadcasts to the rewards, such as that of
            `optimal_baseline`, which must not depend on the same samples to be unbiased.

    Returns:
        Losses (...), float32 or wider, to be averaged over the examples.

    Source: kexue.fm/archives/7737.

    >>> log_probs, rewards = ops.array([[-1.0, -2.0]]), ops.array([[1.0, 0.0]])
    >>> float(policy_gradient_loss(log_probs, rewards)[0])
    -0.5
    """
    log_probs = backend.widened(log_probs)
    rewards = ops.cast(rewards, log_probs.dtype)
    require_shape("rewards", rewards, log_probs.shape, "one number per sample")
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
        raise ValueError(
            "`baseline` must be 'leave_one_out', 'mean', None or a tensor. "
            f"Received: baseline={baseline!r}"
        )
    if k == 1:
        raise ValueError(
            "`log_probs` must have at least 2 samples in its last dimension for the baseline "
            f"'leave_one_out'; draw more, or give another. Received: {rewards.shape}"
        )
    return (ops.sum(rewards, -1, keepdims=True) - rewards) / (k - 1)


def optimal_baseline(rewards, squared_norms):
    """E[r |∇log p|²] / E[|∇log p|²] over the last axis: the baseline of least variance.

    Args:
        rewards: (..., k).
        squared_norms: (..., k), squared norms of the gradients of the log-probabilities.

    Returns:
        (..., 1), to be given to `policy_gradient_loss`.

    Source: kexue.fm/archives/7737.

    >>> float(optimal_baseline(ops.array([1.0, 0.0]), ops.array([3.0, 1.0]))[0])
    0.75
    """
    rewards, weights = backend.widened(rewards), backend.widened(squared_norms)
    weighted = ops.sum(rewards * weights, -1, keepdims=True)
    return ops.divide_no_nan(weighted, ops.sum(weights, -1, keepdims=True))
