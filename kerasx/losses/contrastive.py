"""Contrastive losses of a similarity matrix: InfoNCE and FlatNCE."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend import mask_value
from kerasx.checks import check_positive, check_shape, invalid
from kerasx.losses.score_loss import BatchLoss
from kerasx.ops.multilabel import log1p_sum_exp
from kerasx.ops.numbers import unit_vectors


def info_nce(scores, positives=None, mask=None):
    """Compute the InfoNCE loss log(1 + ξ), ξ = Σ_{i≠t} exp(s_i - s_t), for the positive t of a row.

    This is the cross-entropy of picking t among all candidates. It is computed from log ξ, which
    keeps value and gradient exact where 1 + ξ rounds to 1 (margins above 16.6 in float32).

    Args:
        scores: (b, k), similarities divided by the temperature.
        positives: integers (b,), the index of the positive; by default candidate i for row i.
        mask: boolean (b, k), False for a candidate to leave out; None for all True.

    Returns:
        Losses (b,), float32 or wider; 0 for a row without a negative or without its positive.

    Source: arXiv 1807.03748.

    >>> round(float(info_nce(ops.zeros((1, 8)))[0]), 4)
    2.0794
    """
    log_xi, counted = _log_xi(scores, positives, mask)
    return log1p_sum_exp(log_xi[:, None], counted[:, None])


def flat_nce(scores, positives=None, mask=None):
    """Compute the FlatNCE loss ξ / sg(ξ) - 1 + sg(log(1 + ξ)), with the value of InfoNCE.

    sg stops the gradient, so the gradient is that of log ξ: (1 + ξ) / ξ times InfoNCE's. It is -1
    for the score of the positive, and the weights of the negatives add up to 1 however small ξ
    is, whereas InfoNCE's gradient fades with ξ.

    Args:
        scores, positives, mask: as in `info_nce`.

    Returns:
        Losses (b,), float32 or wider; 0, without gradient, for a row without a negative.

    Source: arXiv 2107.01152; kexue.fm/archives/8586.

    >>> round(float(flat_nce(ops.zeros((1, 8)))[0]), 4)
    2.0794
    """
    log_xi, counted = _log_xi(scores, positives, mask)
    value = ops.stop_gradient(log1p_sum_exp(log_xi[:, None], counted[:, None]))
    log_xi = ops.where(counted, log_xi, 0)
    return ops.exp(log_xi - ops.stop_gradient(log_xi)) - 1 + value


def _log_xi(scores, positives, mask):
    """Return log ξ (b,), and True for rows with both a positive and a negative (b,)."""
    scores = backend.widened(scores)
    b, k = ops.shape(scores)
    positives = ops.arange(b) if positives is None else ops.cast(positives, "int32")
    check_shape("positives", positives, scores.shape[:1], "a candidate for each row")
    mask = ops.ones((b, k), "bool") if mask is None else ops.cast(mask, "bool")
    right = ops.logical_and(ops.arange(k)[None] == positives[:, None], mask)  # (b, k)
    wrong = ops.logical_and(ops.logical_not(right), mask)
    least = mask_value(keras.backend.standardize_dtype(scores.dtype))
    positive = ops.sum(ops.where(right, scores, 0), -1)
    log_xi = ops.logsumexp(ops.where(wrong, scores, least), -1) - positive
    return log_xi, ops.logical_and(ops.any(right, -1), ops.any(wrong, -1))


def in_batch_scores(embeddings, temperature):
    """Compute the cosine similarities of a batch as arguments for `info_nce`.

    Args:
        embeddings: (2b, d), where rows 2i and 2i + 1 are two views of one example and all other
            rows are negatives; or (b, 2, d), a query and its document, where the documents of the
            other queries are the negatives.
        temperature: divisor of the cosines.

    Returns:
        The tuple (scores, positives, mask); a row is never its own candidate.

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
        raise invalid(
            "`embeddings` must be (2b, d), the two views of an example in neighbouring rows, or "
            "(b, 2, d), query and document.",
            **{"embeddings.shape": tuple(x.shape)},
        )
    index = ops.arange(ops.shape(x)[0])
    others = index[None, :] != index[:, None]
    return x @ ops.transpose(x) / temperature, index + 1 - 2 * (index % 2), others


@keras.saving.register_keras_serializable("kerasx")
class InfoNCE(BatchLoss):
    """Loss class of `info_nce` between the embeddings of a batch, compared by cosine.

    The model's output is (2b, d), two views in neighbouring rows (SimCSE: the same text twice,
    with different dropout), or (b, 2, d), a query and its document; see `in_batch_scores`. The
    labels are ignored.

    Args:
        temperature: divisor of the cosines; SimCSE has 0.05.
        reduction, name, dtype: as in `keras.losses.Loss`.

    Source: SimCSE, arXiv 2104.08821; kexue.fm/archives/8348.

    >>> import numpy as np
    >>> loss = InfoNCE(temperature=1.0)
    >>> round(float(loss(np.zeros((4,)), np.repeat(np.eye(2), 2, axis=0))), 4)  # log(1 + 2/e)
    0.5514
    """

    def __init__(self, temperature=0.05, **kwargs):
        check_positive(temperature=temperature)
        super().__init__(**kwargs)
        self.temperature = temperature

    def call(self, y_true, y_pred):
        return info_nce(*in_batch_scores(y_pred, self.temperature))

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable("kerasx")
class FlatNCE(InfoNCE):
    """Loss class of `flat_nce`: `InfoNCE` with a gradient that does not fade.

    Args:
        temperature: divisor of the cosines.
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> import numpy as np
    >>> loss = FlatNCE(temperature=1.0)
    >>> round(float(loss(np.zeros((4,)), np.repeat(np.eye(2), 2, axis=0))), 4)
    0.5514
    """

    def call(self, y_true, y_pred):
        return flat_nce(*in_batch_scores(y_pred, self.temperature))
