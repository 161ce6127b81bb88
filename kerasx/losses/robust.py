"""Token losses robust to noisy labels: an improbable label pulls less than in cross-entropy."""

import keras
from keras import ops

from kerasx import backend
from kerasx.checks import check_number
from kerasx.losses.cross_entropy import smoothed
from kerasx.losses.token_loss import TokenLoss, as_ids


def tailr_loss(ids, logits, gamma, min_weight=0.0, label_smoothing=0.0, mask=None):
    """Compute the TaiLr loss -sg(max(b, p / (γ + (1 - γ) p))) log p for label probabilities p.

    The weight, through which no gradient flows, is small where the model finds the label
    unlikely, so label noise pulls less. γ = 0 is cross-entropy, γ = 1 has the gradient of -p. The
    label smoothing term, ε mean_v (-log p_v), is not weighted.

    Args:
        ids: integers (...).
        logits: (..., v).
        gamma: γ in [0, 1], a number or a scalar tensor (a schedule). Near 0 to train from
            scratch, larger to fine-tune: the paper has 1e-7 to 0.8.
        min_weight: b in [0, 1]; the paper has 0.2 and 0.3.
        label_smoothing: ε.
        mask: boolean (...), False for tokens whose loss is 0, or None.

    Returns:
        Losses (...), float32 or wider.

    Source: TaiLr, arXiv 2302.13344; kexue.fm/archives/9526.

    >>> logits = ops.zeros((1, 8))
    >>> round(float(tailr_loss(ops.array([1]), logits, gamma=1.0)[0]), 4)  # 1/8 log 8
    0.2599
    """
    ids = as_ids(ids, ops.convert_to_tensor(logits))
    if mask is not None:
        ids = ops.where(ops.cast(mask, "bool"), ids, 0)
    losses = backend.sparse_cross_entropy(ids, logits)
    p = ops.exp(-ops.minimum(losses, 80.0))  # above 1e-35, so that γ = 0 gives p / p = 1
    weight = ops.maximum(p / (gamma + (1 - gamma) * p), min_weight)
    losses = smoothed(ops.stop_gradient(weight) * losses, logits, label_smoothing)
    return losses if mask is None else ops.where(ops.cast(mask, "bool"), losses, 0)


@keras.saving.register_keras_serializable("kerasx")
class TaiLr(TokenLoss):
    """Loss class of `tailr_loss`: ids (b, n), logits (b, n, v).

    Args:
        gamma: γ in [0, 1]; 0.1, with `min_weight=0.3`, is the paper's setting for IWSLT14.
        min_weight: the least weight, in [0, 1].
        label_smoothing: ε.
        ignore_class: the id whose tokens do not count, as in `MaskedCrossEntropy`.
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> loss = TaiLr(gamma=1.0, min_weight=0.0, ignore_class=0)
    >>> round(float(loss(ops.array([[1, 2, 0]]), ops.zeros((1, 3, 8)))), 4)
    0.2599
    """

    def __init__(self, gamma=0.1, min_weight=0.3, label_smoothing=0.0, **kwargs):
        super().__init__(**kwargs)
        self.gamma = check_number("gamma", gamma, least=0, most=1)
        self.min_weight = check_number("min_weight", min_weight, least=0, most=1)
        self.label_smoothing = label_smoothing

    def compute(self, ids, logits):
        return tailr_loss(ids, logits, self.gamma, self.min_weight, self.label_smoothing)

    def get_config(self):
        return {
            **super().get_config(),
            "gamma": self.gamma,
            "min_weight": self.min_weight,
            "label_smoothing": self.label_smoothing,
        }


def soft_accuracy_loss(ids, logits):
    """Compute one minus the expected accuracy: 1 - p, where p is the probability of the label.

    Close to cross-entropy where p is close to 1, and almost flat where p is close to 0.

    Args:
        ids: integers (...).
        logits: (..., v).

    Returns:
        Losses (...), float32 or wider.

    Source: kexue.fm/archives/9098.

    >>> float(soft_accuracy_loss(ops.array([1]), ops.zeros((1, 8)))[0])
    0.875
    """
    ids = as_ids(ids, ops.convert_to_tensor(logits))
    return -ops.expm1(-backend.sparse_cross_entropy(ids, logits))


@keras.saving.register_keras_serializable("kerasx")
class SoftAccuracy(TokenLoss):
    """Loss class of `soft_accuracy_loss`: ids (...), logits (..., v).

    Args:
        ignore_class: the id whose tokens do not count, as in `MaskedCrossEntropy`.
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> float(SoftAccuracy()(ops.array([1]), ops.zeros((1, 8))))
    0.875
    """

    def compute(self, ids, logits):
        return soft_accuracy_loss(ids, logits)
