"""What the losses of this package share as keras.losses.Loss."""

import keras
from keras import ops

from kerasx import backend
from kerasx.ops.shapes import require_shape

__all__ = ["ScoreLoss", "TokenLoss", "as_ids", "masked_mean", "token_weight"]


def masked_mean(values, mask=None):
    """Σ m v / Σ m over all places; 0, with zero gradient, where no place counts.

    Args:
        values: (...).
        mask: (...), booleans or weights, or None for the plain mean.

    Returns:
        A scalar, float32 or wider.

    >>> float(masked_mean(ops.array([1.0, 3.0, 9.0]), ops.array([True, True, False])))
    2.0
    """
    values = backend.widened(values)
    mask = ops.ones_like(values) if mask is None else ops.cast(mask, values.dtype)
    require_shape("mask", mask, values.shape, "a weight for each value")
    total = ops.sum(ops.where(mask != 0, values * mask, 0))
    return ops.divide_no_nan(total, ops.sum(mask))


class ScoreLoss(keras.losses.Loss):
    """A loss of unactivated scores, computed in float32 at least, whatever the model's dtype."""

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        dtype = keras.backend.result_type(policy.compute_dtype, "float32")
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def get_config(self):
        return {**super().get_config(), "dtype": self.dtype}


class TokenLoss(ScoreLoss):
    """A loss of integer ids (...) and scores (..., v) at each place; subclasses say which.

    Args:
        ignore_class: the id whose places do not count, such as that of padding, or None.
        reduction: by default the mean over the places that count, weighted by `sample_weight`.
    """

    def __init__(
        self, ignore_class=None, name=None, reduction="mean_with_sample_weight", dtype=None
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.ignore_class = ignore_class

    def __call__(self, y_true, y_pred, sample_weight=None):
        weight = token_weight(as_ids(y_true, y_pred), self.ignore_class, sample_weight)
        return super().__call__(y_true, y_pred, weight)

    def call(self, y_true, y_pred):
        ids = as_ids(y_true, y_pred)
        if self.ignore_class is not None:
            ids = ops.where(ids == self.ignore_class, 0, ids)  # it need not be a class
        return self.compute(ids, y_pred)

    def compute(self, ids, logits):
        """Losses (...) of ids (...) and logits (..., v)."""
        raise ValueError(f"`{type(self).__name__}` must override compute(self, ids, logits).")

    def get_config(self):
        return {**super().get_config(), "ignore_class": self.ignore_class}


def as_ids(y_true, y_pred):
    """y_true as int32 ids (...) for scores (..., v); a last dimension of 1 is dropped."""
    ids = ops.cast(y_true, "int32")
    if len(ids.shape) == len(y_pred.shape) and ids.shape[-1] == 1:
        ids = ops.squeeze(ids, -1)
    require_shape("y_true", ids, y_pred.shape[:-1], "an id for each place of `y_pred`")
    return ids


def token_weight(ids, ignore_class=None, sample_weight=None):
    """Weights (...) of the places of ids (...), with `sample_weight` on the leading dimensions."""
    ones = ops.ones_like(ids, "float32")
    weight = ones if ignore_class is None else ops.cast(ids != ignore_class, "float32")
    if sample_weight is None:
        return weight
    sample_weight = ops.convert_to_tensor(sample_weight, "float32")
    missing = len(ids.shape) - len(sample_weight.shape)
    return weight * ops.reshape(sample_weight, (*ops.shape(sample_weight), *[1] * missing))
