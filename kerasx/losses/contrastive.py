"""Contrastive losses of a similarity matrix: InfoNCE, and FlatNCE, whose gradient never fades."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend import mask_value
from kerasx.losses.base import ScoreLoss
from kerasx.ops.multilabel import log1p_sum_exp
from kerasx.ops.shapes import require_shape

__all__ = ["FlatNCE", "InfoNCE", "flat_nce", "in_batch_scores", "info_nce"]


def info_nce(scores, positives=None, mask=None):
    """log(1 + ξ), ξ = Σ_{i≠t} exp(s_i - s_t): cross-entropy of picking t among the candidates.

    Computed from log ξ, so that it is exact, and has a gradient, where the margin is so large that
    1 + ξ rounds to 1 (16.6 in float32).

    Args:
        scores: (b, k), similarities divided by the temperature.
        positives: integers (b,), the right candidates; by default candidate i for row i.
        mask: boolean (b, k), the candidates that take part, or None for all.

    Returns:
        Losses (b,), float32 or wider; 0 for a row without negatives or without its positive.

    Source: arXiv 1807.03748.

    >>> round(float(info_nce(ops.zeros((1, 8)))[0]), 4)
    2.0794
    """
    log_xi, counted = _log_xi(scores, positives, mask)
    return log1p_sum_exp(log_xi[:, None], counted[:, None])


def flat_nce(scores, positives=None, mask=None):
    """ξ / sg(ξ) - 1 + sg(log(1 + ξ)): FlatNCE's gradient, reported as InfoNCE's value.

    The gradient is that of log ξ, which is (1 + ξ) / ξ times that of InfoNCE: always -1 for the
    positive's score, and weights that add up to 1 for the negatives', however small ξ is.

    Args:
        scores, positives, mask: as in `info_nce`.

    Returns:
        Losses (b,), float32 or wider; 0, without gradient, for a row without negatives.

    Source: arXiv 2107.01152; kexue.fm/archives/8586.

    >>> round(float(flat_nce(ops.zeros((1, 8)))[0]), 4)
    2.0794
    """
    log_xi, counted = _log_xi(scores, positives, mask)
    value = ops.stop_gradient(log1p_sum_exp(log_xi[:, None], counted[:, None]))
    log_xi = ops.where(counted, log_xi, 0)
    return ops.exp(log_xi - ops.stop_gradient(log_xi)) - 1 + value


def _log_xi(scores, positives, mask):
    """log ξ (b,), and which rows have both a positive and a negative (b,)."""
    scores = backend.widened(scores)
    b, k = ops.shape(scores)
    positives = ops.arange(b) if positives is None else ops.cast(positives, "int32")
    require_shape("positives", positives, scores.shape[:1], "a candidate for each row")
    mask = ops.ones((b, k), "bool") if mask is None else ops.cast(mask, "bool")
    right = ops.logical_and(ops.arange(k)[None] == positives[:, None], mask)  # (b, k)
    wrong = ops.logical_and(ops.logical_not(right), mask)
    least = mask_value(keras.backend.standardize_dtype(scores.dtype))
    positive = ops.sum(ops.where(right, scores, 0), -1)
    log_xi = ops.logsumexp(ops.where(wrong, scores, least), -1) - positive
    return log_xi, ops.logical_and(ops.any(right, -1), ops.any(wrong, -1))


def in_batch_scores(embeddings, temperature):
    """Cosine similarities of a batch, each row's positive, and who takes part.

    Args:
        embeddings: (2b, d), where rows 2i and 2i + 1 are two views of one example and all others
            of the batch are negatives; or (b, 2, d), a query and its document, where the other
            documents are the negatives of a query.
        temperature: what the cosines are divided by.

    Returns:
        scores, positives, mask, as `info_nce` takes them.

    Raises:
        ValueError: for other shapes, such as an odd number of views.

    >>> scores, positives, mask = in_batch_scores(ops.ones((4, 3)), temperature=0.5)
    >>> ops.convert_to_numpy(positives).tolist(), round(float(scores[0, 1]), 4)
    ([1, 0, 3, 2], 2.0)
    """
    x = unit_vectors(embeddings)
    if len(x.shape) == 3 and x.shape[1] in (2, None):
        scores = x[:, 0] @ ops.transpose(x[:, 1]) / temperature
        return scores, ops.arange(ops.shape(x)[0]), ops.ones_like(scores, "bool")
    if len(x.shape) != 2 or (x.shape[0] or 0) % 2:
        raise ValueError(
            "`embeddings` must be (2b, d), the two views of an example in neighbouring rows, or "
            f"(b, 2, d), query and document. Received: embeddings.shape={tuple(x.shape)}"
        )
    index = ops.arange(ops.shape(x)[0])
    return x @ ops.transpose(x) / temperature, index + 1 - 2 * (index % 2), _others(index)


def unit_vectors(x):
    """x / ‖x‖ along the last axis, float32 or wider; zeros stay zeros, with a finite gradient."""
    x = backend.widened(x)
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), -1, keepdims=True), 1e-12))


def _others(index):
    return index[None, :] != index[:, None]


@keras.saving.register_keras_serializable("kerasx")
class InfoNCE(ScoreLoss):
    """`info_nce` of the pairs of a batch, for compile; the labels are not looked at.

    The model's output is (2b, d), two views in neighbouring rows (SimCSE: the same text twice,
    with different dropout), or (b, 2, d), a query and its document; see `in_batch_scores`.
    Compared by cosine.

    Args:
        temperature: what the cosines are divided by; 0.05 is SimCSE's.
        reduction, name, dtype: as in `keras.losses.Loss`.

    Source: SimCSE, arXiv 2104.08821; kexue.fm/archives/8348.

    >>> import numpy as np
    >>> loss = InfoNCE(temperature=1.0)
    >>> round(float(loss(np.zeros((4,)), np.repeat(np.eye(2), 2, axis=0))), 4)  # log(1 + 2/e)
    0.5514
    """

    def __init__(self, temperature=0.05, **kwargs):
        if temperature <= 0:
            raise ValueError(f"`temperature` must be above 0. Received: temperature={temperature}")
        super().__init__(**kwargs)
        self.temperature = temperature

    def call(self, y_true, y_pred):
        return info_nce(*in_batch_scores(y_pred, self.temperature))

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable("kerasx")
class FlatNCE(InfoNCE):
    """`flat_nce` of the pairs of a batch, for compile: as `InfoNCE`, with FlatNCE's gradient.

    Args:
        temperature: what the cosines are divided by.
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> import numpy as np
    >>> loss = FlatNCE(temperature=1.0)
    >>> round(float(loss(np.zeros((4,)), np.repeat(np.eye(2), 2, axis=0))), 4)
    0.5514
    """

    def call(self, y_true, y_pred):
        return flat_nce(*in_batch_scores(y_pred, self.temperature))
