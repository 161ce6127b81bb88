"""Kullback-Leibler divergences between two predictions, from their logits."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend import mask_value
from kerasx.checks import check_shape


def kl_divergence(logits_p, logits_q):
    """Compute KL(p ‖ q) = Σ p (log p - log q) over the last axis.

    In virtual adversarial training p is the prediction held fixed: pass it through
    `ops.stop_gradient`.

    Args:
        logits_p, logits_q: (..., v). A class may be masked by -inf in both.

    Returns:
        Divergences (...), float32 or wider.

    >>> p, q = ops.array([[0.0, 0.0]]), ops.array([[0.0, 1.0]])
    >>> round(float(kl_divergence(p, q)[0]), 4)
    0.1201
    """
    log_p, log_q = _log_probabilities(logits_p, logits_q)
    return ops.sum(ops.exp(log_p) * (log_p - log_q), -1)


def symmetric_kl(logits_p, logits_q):
    """Compute ½ (KL(p ‖ q) + KL(q ‖ p)) = ½ Σ (p - q) (log p - log q), the term of R-Drop.

    Every term of the sum is at least 0, so rounding cannot make the result negative. R-Drop's
    loss is the mean cross-entropy of the two predictions plus α/2 times this divergence. (The
    paper adds the two cross-entropies, and α times the divergence.)

    Args:
        logits_p, logits_q: (..., v), two predictions for the same examples.

    Returns:
        Divergences (...), float32 or wider.

    Source: R-Drop, arXiv 2106.14448; kexue.fm/archives/8496.

    >>> p, q = ops.array([[0.0, 0.0]]), ops.array([[0.0, 1.0]])
    >>> round(float(symmetric_kl(p, q)[0]), 4)
    0.1155
    """
    log_p, log_q = _log_probabilities(logits_p, logits_q)
    return ops.sum((ops.exp(log_p) - ops.exp(log_q)) * (log_p - log_q), -1) / 2


def _log_probabilities(*logits):
    logits = [backend.widened(s) for s in logits]
    check_shape("logits_q", logits[1], logits[0].shape, "scores like `logits_p`")
    return [_log_softmax(s) for s in logits]


def _log_softmax(s):
    least = mask_value(keras.backend.standardize_dtype(s.dtype))
    return ops.log_softmax(ops.maximum(s, least), -1)  # -inf would give 0 · inf
