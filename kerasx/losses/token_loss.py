"""The base class of losses of token ids, and the mean over the tokens that count."""

from keras import ops

from kerasx import backend
from kerasx.checks import check_integer, check_shape, invalid
from kerasx.losses.score_loss import ScoreLoss


def masked_mean(values, mask=None):
    """Compute the weighted mean Σ m v / Σ m over all elements.

    Args:
        values: (...).
        mask: (...), booleans or weights, or None for the plain mean.

    Returns:
        A scalar, float32 or wider; 0, with zero gradient, if every weight is 0. The training step
        of kerasx is told Σ m, by which accumulated batches are weighed.

    >>> float(masked_mean(ops.array([1.0, 3.0, 9.0]), ops.array([True, True, False])))
    2.0
    """
    values = backend.widened(values)
    mask = ops.ones_like(values) if mask is None else ops.cast(mask, values.dtype)
    check_shape("mask", mask, values.shape, "a weight for each value")
    total = ops.sum(ops.where(mask != 0, values * mask, 0))
    return backend.divided(total, ops.sum(mask))


UNLABELLED = -100  # the label that PyTorch and transformers leave out of losses


class TokenLoss(ScoreLoss):
    """Base class of losses of integer ids (...) and scores (..., v); override `compute`.

    Args:
        ignore_class: the id whose tokens do not count, such as the `pad_id` of the labels.
        reduction: by default the mean over the tokens that count, weighted by `sample_weight`.
    """

    def __init__(
        self, ignore_class=UNLABELLED, name=None, reduction="mean_with_sample_weight", dtype=None
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.ignore_class = checked_class(ignore_class)

    def __call__(self, y_true, y_pred, sample_weight=None):
        weight = token_weight(as_ids(y_true, y_pred), self.ignore_class, sample_weight)
        return super().__call__(y_true, y_pred, weight)

    def call(self, y_true, y_pred):
        ids = as_ids(y_true, y_pred)
        if self.ignore_class is not None:
            ids = ops.where(ids == self.ignore_class, 0, ids)  # -100, say, is no class
        return self.compute(ids, y_pred)

    def compute(self, ids, logits):
        """Compute the losses (...) of ids (...) and logits (..., v)."""
        raise invalid("`loss` must override compute(ids, logits).", loss=self)

    def get_config(self):
        return {**super().get_config(), "ignore_class": self.ignore_class}


def checked_class(ignore_class):
    """Return `ignore_class` as an int, or None, by which all ids count."""
    return None if ignore_class is None else check_integer("ignore_class", ignore_class)


def as_ids(y_true, y_pred):
    """Cast y_true to int32 ids (...) for scores (..., v), dropping a last dimension of 1."""
    ids = ops.cast(y_true, "int32")
    if len(ids.shape) == len(y_pred.shape) and ids.shape[-1] == 1:
        ids = ops.squeeze(ids, -1)
    check_shape("y_true", ids, y_pred.shape[:-1], "an id for each place of `y_pred`")
    return ids


def token_weight(ids, ignore_class=None, sample_weight=None):
    """Return a float32 weight (...) for each id; `sample_weight` has the leading dimensions."""
    ones = ops.ones_like(ids, "float32")
    weight = ones if ignore_class is None else ops.cast(ids != ignore_class, "float32")
    if sample_weight is None:
        return weight
    sample_weight = ops.convert_to_tensor(sample_weight, "float32")
    missing = len(ids.shape) - len(sample_weight.shape)
    return weight * ops.reshape(sample_weight, (*ops.shape(sample_weight), *[1] * missing))
