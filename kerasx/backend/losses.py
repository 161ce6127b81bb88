"""Losses as functions of scores."""

import keras
from keras import ops

from kerasx.backend.ops import widened

__all__ = ["sparse_cross_entropy"]


def sparse_cross_entropy(ids, logits):
    """log Σ_v exp s_v - s_id at each place, in float32 at least.

    Without a one-hot tensor or a transposed copy of the logits, which for a language model are
    the largest tensors there are. Differentiable twice.

    Args:
        ids: integers (...) in [0, v).
        logits: (..., v).

    Returns:
        Losses (...), float32 or wider.

    >>> round(float(sparse_cross_entropy(ops.array([1]), ops.zeros((1, 8)))[0]), 4)
    2.0794
    """
    ids, logits = ops.cast(ids, "int32"), ops.convert_to_tensor(logits)
    logits = widened(logits)
    return _FUNCTIONS[keras.backend.backend()](ids, logits)


def _tensorflow(ids, logits):
    import tensorflow as tf

    return tf.nn.sparse_softmax_cross_entropy_with_logits(ids, logits)


def _jax(ids, logits):
    wanted = (
        ops.arange(logits.shape[-1]) == ids[..., None]
    )  # fused away; a gather's gradient is not
    return ops.logsumexp(logits, -1) - ops.sum(ops.where(wanted, logits, 0), -1)


def _torch(ids, logits):
    import torch

    flat = logits.reshape(-1, logits.shape[-1])  # three dimensions would have to be transposed
    losses = torch.nn.functional.cross_entropy(flat, ids.reshape(-1).long(), reduction="none")
    return losses.reshape(ids.shape)


_FUNCTIONS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
