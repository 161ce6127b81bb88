"""Cross-entropy of the tokens that count, with label smoothing."""

import keras
from keras import ops

from kerasx import backend
from kerasx.losses.token_loss import UNLABELLED, TokenLoss, as_ids, masked_mean


def masked_cross_entropy(ids, logits, mask=None, label_smoothing=0.0):
    """Compute the mean cross-entropy of the tokens that count, with label smoothing.

    Σ_t m_t CE_t / Σ_t m_t, where CE_t = (1 - ε) (-log p_x) + ε mean_v (-log p_v).

    Args:
        ids: integers (...), aligned with the logits: nothing is shifted here. Where the mask is 0
            an id may be anything, such as -100.
        logits: (..., v).
        mask: (...), booleans or weights, or None.
        label_smoothing: ε.

    Returns:
        A scalar, float32 or wider; 0, with zero gradient, if no token counts.

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
    """Compute (1 - ε) loss + ε mean_v (-log p_v) for losses (...) of logits (..., v)."""
    if not label_smoothing:
        return losses
    logits = ops.cast(logits, losses.dtype)
    uniform = ops.logsumexp(logits, -1) - ops.mean(logits, -1)
    return (1 - label_smoothing) * losses + label_smoothing * uniform


@keras.saving.register_keras_serializable("kerasx")
class MaskedCrossEntropy(TokenLoss):
    """Loss class of `masked_cross_entropy`: ids (b, n), logits (b, n, v).

    A token counts unless the Keras mask of the model, `ignore_class` or `sample_weight`, (b,) or
    (b, n), exclude it. The loss is the mean over the tokens that count.

    The mask is that of the model's inputs: where the labels are the next tokens, the padding after
    the last one is behind a real input, so pass the id of padding, `ignore_class=pad_id`.

    Args:
        ignore_class: the id whose tokens do not count; -100 by default; None for none.
        label_smoothing: ε.
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> loss = MaskedCrossEntropy(ignore_class=0)
    >>> round(float(loss(ops.array([[1, 2, 0]]), ops.zeros((1, 3, 8)))), 4)
    2.0794
    """

    def __init__(self, ignore_class=UNLABELLED, label_smoothing=0.0, **kwargs):
        super().__init__(ignore_class, **kwargs)
        self.label_smoothing = label_smoothing

    def compute(self, ids, logits):
        losses = backend.sparse_cross_entropy(ids, logits)
        return smoothed(losses, logits, self.label_smoothing)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
