"""CoSENT: rank the cosines of sentence pairs as their labels are ranked."""

import keras
from keras import ops

from kerasx import backend
from kerasx.checks import check_positive, check_shape, invalid
from kerasx.losses.score_loss import BatchLoss
from kerasx.ops.multilabel import log1p_sum_exp
from kerasx.ops.numbers import unit_vectors


def cosent_loss(labels, cosines, scale=20.0):
    """Compute the CoSENT loss log(1 + Σ exp(λ (cos_j - cos_i))) over all i, j, label_i > label_j.

    Like Spearman's correlation, the loss depends on the order of the cosines only.

    Args:
        labels: (b,), grades of similarity, one for each sentence pair; 0 and 1 or any numbers.
        cosines: (b,).
        scale: λ.

    Returns:
        A scalar, float32 or wider; 0, without gradient, if all labels are equal.

    Source: kexue.fm/archives/8847.

    >>> round(float(cosent_loss(ops.array([1, 0]), ops.array([0.5, 0.5]))), 4)
    0.6931
    """
    cosines = backend.widened(cosines)
    labels = ops.cast(labels, cosines.dtype)
    check_shape("labels", labels, cosines.shape, "a grade for each pair")
    excess = scale * (cosines[None, :] - cosines[:, None])  # (b, b): j above i
    above = labels[:, None] > labels[None, :]
    return log1p_sum_exp(ops.reshape(excess, (-1,)), ops.reshape(above, (-1,)))


def pair_cosines(embeddings):
    """Compute the cosine of the two embeddings of each sentence pair.

    Args:
        embeddings: (2b, d), the two sentences of a pair in neighbouring rows; or (b, 2, d).

    Returns:
        Cosines (b,), float32 or wider.

    >>> ops.convert_to_numpy(pair_cosines(ops.array([[1.0, 0.0], [2.0, 0.0]]))).tolist()
    [1.0]
    """
    x = unit_vectors(embeddings)
    if len(x.shape) == 2 and (x.shape[0] or 0) % 2 == 0:
        x = ops.reshape(x, (-1, 2, x.shape[1]))
    if len(x.shape) != 3 or x.shape[1] not in (2, None):
        raise invalid(
            "`embeddings` must be (2b, d), the two sentences of a pair in neighbouring rows, or "
            "(b, 2, d).",
            **{"embeddings.shape": tuple(x.shape)},
        )
    return ops.sum(x[:, 0] * x[:, 1], -1)


@keras.saving.register_keras_serializable("kerasx")
class CoSENT(BatchLoss):
    """Loss class of `cosent_loss` over the sentence pairs of a batch.

    The model's output is (2b, d), the sentences of a pair in neighbouring rows, with the label of
    the pair repeated for both, (2b,); or (b, 2, d) with labels (b,). The loss is one number for
    the batch, returned for each of its rows.

    Args:
        scale: λ, 20 in the source.
        reduction, name, dtype: as in `keras.losses.Loss`.

    Source: kexue.fm/archives/8847.

    >>> import numpy as np
    >>> pairs = np.array([[[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])
    >>> round(float(CoSENT(scale=1.0)(np.array([0, 1]), pairs)), 4)  # log(1 + e)
    1.3133
    """

    def __init__(self, scale=20.0, **kwargs):
        check_positive(scale=scale)
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, y_true, y_pred):
        rows = y_pred.shape[:1]
        check_shape("y_true", y_true, rows, "the grade of the pair, for each row")
        labels = y_true[::2] if len(y_pred.shape) == 2 else y_true
        loss = cosent_loss(labels, pair_cosines(y_pred), self.scale)
        return ops.broadcast_to(loss, ops.shape(y_pred)[:1])

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
