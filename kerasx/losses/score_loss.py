"""The base class of losses that take unactivated scores."""

import math

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import get_mask


def mean_divisor(shape, mask=None, sample_weight=None):
    """Count the terms of the mean that Keras takes of losses of a shape.

    Args:
        shape: dimensions of the losses.
        mask: (...), True where a loss counts, or None.
        sample_weight: weights with leading dimensions of the losses, or None. Only the reduction
            "mean_with_sample_weight" divides by them.

    Returns:
        A scalar: Σ mask · weight, or the number of losses without both.

    >>> float(mean_divisor((1, 3), ops.array([[True, True, False]])))
    2.0
    """
    given = [ops.cast(w, "float32") for w in (mask, sample_weight) if w is not None]
    rank = max((len(w.shape) for w in given), default=0)
    given = [ops.reshape(w, (*ops.shape(w), *[1] * (rank - len(w.shape)))) for w in given]
    return ops.sum(math.prod(given)) if given else ops.cast(math.prod(shape), "float32")


class ScoreLoss(keras.losses.Loss):
    """Base class of losses of unactivated scores, computed in float32 or wider.

    A loss in float16 would overflow or lose small differences, so the dtype policy of the model
    can widen the loss but not narrow it. Each call reports what the mean was divided by.
    """

    label_axes = 1  # the last axes of the scores, which one loss is about

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        dtype = backend.wide_dtype(policy.compute_dtype)
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def __call__(self, y_true, y_pred, sample_weight=None):
        loss = super().__call__(y_true, y_pred, sample_weight)
        if backend.replica_count() == 1 or self.reduction in (None, "none"):
            backend.report_divisor(lambda: self._divisor(y_pred, sample_weight))
            return loss
        divisor = self._divisor(y_pred, sample_weight)
        loss, divisor = backend.weighed(loss, divisor, self.reduction == "sum")
        backend.report_divisor(lambda: divisor)
        return loss

    def _divisor(self, y_pred, sample_weight):
        weighted = self.reduction == "mean_with_sample_weight"
        shape = ops.shape(y_pred)[: -self.label_axes]
        return mean_divisor(shape, get_mask(y_pred), sample_weight if weighted else None)

    def get_config(self):
        return {**super().get_config(), "dtype": self.dtype}


class BatchLoss(ScoreLoss):
    """Base class of losses that compare the rows of a batch: on several devices, those of all."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        if backend.replica_count() > 1:
            y_true, y_pred = (backend.gather_replicas(t) for t in (y_true, y_pred))
            if sample_weight is not None:
                sample_weight = backend.gather_replicas(sample_weight)
        return super().__call__(y_true, y_pred, sample_weight)
