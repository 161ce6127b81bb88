"""Metrics of multilabel scores, whose threshold is 0."""

import keras
from keras import ops

from kerasx.ops.shapes import require_shape

__all__ = ["MultilabelAccuracy", "MultilabelF1"]


@keras.saving.register_keras_serializable("kerasx")
class MultilabelF1(keras.metrics.F1Score):
    """F1 of the classes with score > 0, over all batches.

    Args:
        average: "micro" over all decisions, "macro" over the classes, "weighted" by their counts,
            or None for a score per class.
        name, dtype: as in `keras.metrics.Metric`.

    `update_state` takes labels and scores (..., c), and `sample_weight` (...).

    >>> metric = MultilabelF1()
    >>> metric.update_state([[1, 0, 1]], [[2.0, 1.0, -1.0]])
    >>> round(float(metric.result()), 4)
    0.5
    """

    def __init__(self, average="micro", name="f1", dtype=None):
        super().__init__(average=average, threshold=0.5, name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        true, predicted = _decisions(y_true, y_pred, self.dtype)
        if sample_weight is not None:
            sample_weight = ops.reshape(sample_weight, (-1,))
        classes = true.shape[-1]
        rows = [ops.reshape(x, (-1, classes)) for x in (true, predicted)]
        super().update_state(*rows, sample_weight)

    def get_config(self):
        config = super().get_config()
        return {key: config[key] for key in ("average", "name", "dtype")}


@keras.saving.register_keras_serializable("kerasx")
class MultilabelAccuracy(keras.metrics.Mean):
    """Accuracy of the classes with score > 0, over all batches.

    Args:
        kind: "subset", the share of examples whose set of labels is exactly right, or "hamming",
            the share of right decisions.
        name, dtype: as in `keras.metrics.Metric`.

    `update_state` takes labels and scores (..., c), and `sample_weight` (...).

    >>> metric = MultilabelAccuracy("hamming")
    >>> metric.update_state([[1, 0, 1, 0]], [[2.0, 1.0, 1.0, -1.0]])
    >>> float(metric.result())
    0.75
    """

    def __init__(self, kind="subset", name="accuracy", dtype=None):
        if kind not in ("subset", "hamming"):
            raise ValueError(f"`kind` must be 'subset' or 'hamming'. Received: kind={kind!r}")
        super().__init__(name=name, dtype=dtype)
        self.kind = kind

    def update_state(self, y_true, y_pred, sample_weight=None):
        true, predicted = _decisions(y_true, y_pred, self.dtype)
        right = ops.cast(true == predicted, self.dtype)
        score = ops.min(right, -1) if self.kind == "subset" else ops.mean(right, -1)
        super().update_state(score, sample_weight)

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


def _decisions(y_true, y_pred, dtype):
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    require_shape("y_true", y_true, y_pred.shape, "a label for each class")
    return ops.cast(y_true, dtype), ops.cast(y_pred > 0, dtype)
