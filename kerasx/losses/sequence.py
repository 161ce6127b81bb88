"""Cross-entropy of the tokens that count, and the perplexity it stands for."""

import keras
from keras import ops

from kerasx import backend
from kerasx.losses.base import TokenLoss, as_ids, masked_mean, token_weight

__all__ = ["MaskedCrossEntropy", "Perplexity", "masked_cross_entropy", "smoothed"]


def masked_cross_entropy(ids, logits, mask=None, label_smoothing=0.0):
    """Σ_t m_t CE_t / Σ_t m_t, where CE_t = (1 - ε) (-log p_x) + ε mean_v (-log p_v).

    Args:
        ids: integers (...), aligned with the logits (nothing is shifted here). Where the mask is
            0 they may be anything, such as -100.
        logits: (..., v).
        mask: (...), booleans or weights, or None.
        label_smoothing: ε.

    Returns:
        A scalar, float32 or wider; 0 with zero gradient where no place counts.

    >>> ids, mask = ops.array([[1, 2, -100]]), ops.array([[1, 1, 0]])
    >>> round(float(masked_cross_entropy(ids, ops.zeros((1, 3, 8)), mask)), 4)
    2.0794
    """
    ids = as_ids(ids, ops.convert_to_tensor(logits))
    if mask is not None:
        ids = ops.where(ops.cast(mask, "bool"), ids, 0)
    losses = smoothed(backend.sparse_cross_entropy(ids, logits), logits, label_smoothing)
    return masked_mean(losses, mask)


def smoothed(losses, logits, label_smoothing):
    """(1 - ε) loss + ε mean_v (-log p_v) at each place; `losses` may be weighted already."""
    if not label_smoothing:
        return losses
    logits = ops.cast(logits, losses.dtype)
    uniform = ops.logsumexp(logits, -1) - ops.mean(logits, -1)
    return (1 - label_smoothing) * losses + label_smoothing * uniform


@keras.saving.register_keras_serializable("kerasx")
class MaskedCrossEntropy(TokenLoss):
    """`masked_cross_entropy` for compile: ids (b, n), logits (b, n, v).

    The model's Keras mask, `ignore_class` and `sample_weight`, (b,) or (b, n), say what counts;
    the loss is the mean over it, and 0 if there is nothing.

    Args:
        ignore_class: the id that does not count; padding, 0, by default; None for none.
        label_smoothing: ε.
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> loss = MaskedCrossEntropy()
    >>> round(float(loss(ops.array([[1, 2, 0]]), ops.zeros((1, 3, 8)))), 4)
    2.0794
    """

    def __init__(self, ignore_class=0, label_smoothing=0.0, **kwargs):
        super().__init__(ignore_class, **kwargs)
        self.label_smoothing = label_smoothing

    def compute(self, ids, logits):
        losses = backend.sparse_cross_entropy(ids, logits)
        return smoothed(losses, logits, self.label_smoothing)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("kerasx")
class Perplexity(keras.metrics.Mean):
    """exp of the mean cross-entropy of the tokens that count, over all batches.

    Args:
        ignore_class: the id that does not count; padding, 0, by default; None for none.
        name, dtype: as in `keras.metrics.Metric`.

    >>> metric = Perplexity()
    >>> metric.update_state(ops.array([[1, 2, 0]]), ops.zeros((1, 3, 8)))
    >>> round(float(metric.result()), 4)
    8.0
    """

    def __init__(self, ignore_class=0, name="perplexity", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.ignore_class = ignore_class

    def update_state(self, y_true, y_pred, sample_weight=None):
        mask = getattr(y_pred, "_keras_mask", None)
        y_pred = ops.convert_to_tensor(y_pred)
        ids = as_ids(y_true, y_pred)
        weight = token_weight(ids, self.ignore_class, sample_weight)
        weight = weight if mask is None else weight * ops.cast(mask, weight.dtype)
        losses = backend.sparse_cross_entropy(ops.where(weight > 0, ids, 0), y_pred)
        super().update_state(losses, weight)

    def result(self):
        return ops.exp(super().result())

    def get_config(self):
        return {**super().get_config(), "ignore_class": self.ignore_class}
