"""Loss classes of ZLPR: any number of labels, dense, sparse, or spans of a sentence."""

import keras
from keras import ops

from kerasx import backend
from kerasx.checks import check_shape
from kerasx.losses.score_loss import ScoreLoss
from kerasx.ops import (
    flatten,
    multilabel_categorical_crossentropy,
    sparse_multilabel_categorical_crossentropy,
)


def multilabel_probabilities(logits):
    """Compute σ(2s), the soft label for which the ZLPR loss of score s is minimal.

    Args:
        logits: (..., c).

    Returns:
        Probabilities (..., c), float32 or wider.

    Source: kexue.fm/archives/9064.

    >>> float(multilabel_probabilities(ops.array([0.0]))[0])
    0.5
    """
    return ops.sigmoid(2 * backend.widened(logits))


@keras.saving.register_keras_serializable("kerasx")
class MultilabelCategoricalCrossentropy(ScoreLoss):
    """Loss class of `kerasx.ops.multilabel_categorical_crossentropy`; predict scores > 0.

    Args:
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> import numpy as np
    >>> loss = MultilabelCategoricalCrossentropy()
    >>> round(float(loss(np.array([[1, 0, 0]]), np.array([[3.0, -2.0, -4.0]]))), 4)
    0.1915
    """

    def call(self, y_true, y_pred):
        return multilabel_categorical_crossentropy(y_true, y_pred)


@keras.saving.register_keras_serializable("kerasx")
class SparseMultilabelCategoricalCrossentropy(ScoreLoss):
    """Loss class of `kerasx.ops.sparse_multilabel_categorical_crossentropy`: labels by their ids.

    Args:
        mask_zero: whether id 0 in the labels is padding instead of a class; needed where the
            examples have different numbers of labels.
        reduction, name, dtype: as in `keras.losses.Loss`.

    >>> import numpy as np
    >>> loss = SparseMultilabelCategoricalCrossentropy(mask_zero=True)
    >>> round(float(loss(np.array([[1, 0]]), np.array([[9.0, 3.0, -2.0, -4.0]]))), 4)
    0.1915
    """

    def __init__(self, mask_zero=False, name=None, reduction="sum_over_batch_size", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.mask_zero = mask_zero

    def call(self, y_true, y_pred):
        return sparse_multilabel_categorical_crossentropy(y_true, y_pred, self.mask_zero)

    def get_config(self):
        return {**super().get_config(), "mask_zero": self.mask_zero}


@keras.saving.register_keras_serializable("kerasx")
class GlobalPointerCrossentropy(ScoreLoss):
    """Loss class of the layer `GlobalPointer`: ZLPR over all spans, summed over the labels.

    The scores are (b, h, n, n). The labels, made by `kerasx.spans.pointer_labels`, are dense,
    (b, h, n, n) with 1 at the true spans, or sparse, (b, h, m, 2) pairs of start and end padded
    with (0, 0). Sparse labels have the same size for any length of the sentence.

    Args:
        sparse: whether the labels are sparse.
        reduction, name, dtype: as in `keras.losses.Loss`.

    Source: bert4keras; kexue.fm/archives/8373, 8888.

    >>> labels, scores = ops.array([[[[0, 1]]]]), ops.full((1, 1, 2, 2), -3.0)
    >>> round(float(GlobalPointerCrossentropy(sparse=True)(labels, scores)), 4)
    3.1435
    """

    label_axes = 3  # (h, n, n): one loss for each sentence

    def __init__(self, sparse=False, name=None, reduction="sum_over_batch_size", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.sparse = sparse

    def call(self, y_true, y_pred):
        n = ops.shape(y_pred)[-1]
        scores = flatten(y_pred, 2)
        if not self.sparse:
            check_shape("y_true", y_true, y_pred.shape, "a label for each pair")
            losses = multilabel_categorical_crossentropy(flatten(y_true, 2), scores)
            return ops.sum(losses, axis=-1)
        pairs = ops.cast(y_true, "int32")
        check_shape("y_true", pairs, (*y_pred.shape[:2], None, 2), "pairs of start and end")
        ids = pairs[..., 0] * n + pairs[..., 1]
        losses = sparse_multilabel_categorical_crossentropy(ids, scores, mask_zero=True)
        return ops.sum(losses, axis=-1)

    def get_config(self):
        return {**super().get_config(), "sparse": self.sparse}
