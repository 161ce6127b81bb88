"""ZLPR as Loss classes, and what its scores mean."""

import keras
from keras import ops

from kerasx import backend
from kerasx.losses.base import ScoreLoss
from kerasx.ops import (
    multilabel_categorical_crossentropy,
    sparse_multilabel_categorical_crossentropy,
)

__all__ = [
    "MultilabelCategoricalCrossentropy",
    "SparseMultilabelCategoricalCrossentropy",
    "multilabel_probabilities",
]


def multilabel_probabilities(logits):
    """σ(2s): the soft label at which the loss of score s is least (kexue.fm/archives/9064).

    >>> float(multilabel_probabilities(ops.array([0.0]))[0])
    0.5
    """
    return ops.sigmoid(2 * backend.widened(logits))


@keras.saving.register_keras_serializable("kerasx")
class MultilabelCategoricalCrossentropy(ScoreLoss):
    """`multilabel_categorical_crossentropy` for compile; predict the classes with score > 0.

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
    """`sparse_multilabel_categorical_crossentropy` for compile: labels by their ids.

    Args:
        mask_zero: id 0 in the labels is padding and no class. Set it where the examples have
            different numbers of labels.
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
