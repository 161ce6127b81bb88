"""ZLPR over all spans of a sentence."""

import keras
from keras import ops

from kerasx.losses.base import ScoreLoss
from kerasx.ops import (
    flatten,
    multilabel_categorical_crossentropy,
    sparse_multilabel_categorical_crossentropy,
)
from kerasx.ops.shapes import require_shape

__all__ = ["GlobalPointerCrossentropy"]


@keras.saving.register_keras_serializable("kerasx")
class GlobalPointerCrossentropy(ScoreLoss):
    """ZLPR of the spans of each label, summed over the labels: for `GlobalPointer`.

    Labels are those of `kerasx.spans.pointer_labels`: dense, (b, h, n, n) with 1 at the true
    pairs, or sparse, (b, h, m, 2) pairs of a start and an end in which (0, 0) is padding. Sparse
    labels of a sentence of 512 take as much room as those of a short one.

    Args:
        sparse: which of the two.
        reduction, name, dtype: as in `keras.losses.Loss`.

    Source: bert4keras; kexue.fm/archives/8373, 8888.

    >>> labels, scores = ops.array([[[[0, 1]]]]), ops.full((1, 1, 2, 2), -3.0)
    >>> round(float(GlobalPointerCrossentropy(sparse=True)(labels, scores)), 4)
    3.1435
    """

    def __init__(self, sparse=False, name=None, reduction="sum_over_batch_size", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.sparse = sparse

    def call(self, y_true, y_pred):
        n = ops.shape(y_pred)[-1]
        scores = flatten(y_pred, 2)
        if not self.sparse:
            require_shape("y_true", y_true, y_pred.shape, "a label for each pair")
            losses = multilabel_categorical_crossentropy(flatten(y_true, 2), scores)
            return ops.sum(losses, axis=-1)
        pairs = ops.cast(y_true, "int32")
        require_shape("y_true", pairs, (*y_pred.shape[:2], None, 2), "pairs of start and end")
        ids = pairs[..., 0] * n + pairs[..., 1]
        losses = sparse_multilabel_categorical_crossentropy(ids, scores, mask_zero=True)
        return ops.sum(losses, axis=-1)

    def get_config(self):
        return {**super().get_config(), "sparse": self.sparse}
