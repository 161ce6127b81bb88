"""Cross-entropies of K: probabilities are clipped to [ε, 1 - ε] as in Keras 2."""

import keras
from keras import ops

from kerasx.backend.kernels import sparse_cross_entropy


def _inside(p):
    return ops.clip(p, keras.backend.epsilon(), 1 - keras.backend.epsilon())


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """Compute -Σ y log p, with p normalized and clipped to [ε, 1 - ε]."""
    if from_logits:
        log_p = ops.log_softmax(output, axis)
    else:
        log_p = ops.log(_inside(output / ops.sum(output, axis, keepdims=True)))
    return -ops.sum(ops.cast(target, log_p.dtype) * log_p, axis)


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1, ignore_class=None):
    """Compute -log p of the target classes, with p clipped to [ε, 1 - ε] and normalized.

    The target may be floats, and may have a last axis of size 1; `ignore_class` costs 0.
    """
    logits = output if from_logits else ops.log(_inside(output))
    logits = ops.moveaxis(logits, axis, -1)
    ids = ops.cast(target, "int32")
    if len(ids.shape) == len(logits.shape):
        ids = ops.squeeze(ids, -1)
    counted = True if ignore_class is None else ids != ignore_class
    known = ids if ignore_class is None else ops.where(counted, ids, 0)
    if keras.backend.is_keras_tensor(logits) or keras.backend.is_keras_tensor(ids):
        losses = ops.sparse_categorical_crossentropy(known, logits, from_logits=True)
    else:
        losses = sparse_cross_entropy(known, logits)
    return losses if ignore_class is None else ops.where(counted, losses, 0)


def binary_crossentropy(target, output, from_logits=False):
    """Compute -y log p - (1-y) log (1-p) elementwise, with p clipped to [ε, 1 - ε]."""
    target = ops.cast(target, output.dtype)
    if from_logits:
        return ops.relu(output) - output * target + ops.softplus(-ops.abs(output))
    p, epsilon = _inside(output), keras.backend.epsilon()
    return -target * ops.log(p + epsilon) - (1 - target) * ops.log(1 - p + epsilon)


def in_top_k(predictions, targets, k):
    """Return whether the targets are among the k highest predictions."""
    return ops.in_top_k(ops.cast(targets, "int32"), predictions, k)
