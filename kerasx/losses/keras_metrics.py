"""Metrics for compile that go with the losses: F1 and accuracy of label sets, perplexity."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import get_mask
from kerasx.checks import check_choice, check_shape
from kerasx.losses.token_loss import UNLABELLED, as_ids, checked_class, token_weight


@keras.saving.register_keras_serializable("kerasx")
class MultilabelF1(keras.metrics.F1Score):
    """F1 of the classes with score > 0, over all batches.

    `update_state` takes labels and scores (..., c), and `sample_weight` (...).

    Args:
        average: "micro" over all decisions, "macro" over the classes, "weighted" by their counts,
            or None for a score per class.
        name, dtype: as in `keras.metrics.Metric`.

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

    `update_state` takes labels and scores (..., c), and `sample_weight` (...).

    Args:
        kind: "subset", the share of examples whose set of labels is exactly right, or "hamming",
            the share of right decisions.
        name, dtype: as in `keras.metrics.Metric`.

    >>> metric = MultilabelAccuracy("hamming")
    >>> metric.update_state([[1, 0, 1, 0]], [[2.0, 1.0, 1.0, -1.0]])
    >>> float(metric.result())
    0.75
    """

    def __init__(self, kind="subset", name="accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.kind = check_choice("kind", kind, ("subset", "hamming"))

    def update_state(self, y_true, y_pred, sample_weight=None):
        true, predicted = _decisions(y_true, y_pred, self.dtype)
        right = ops.cast(true == predicted, self.dtype)
        score = ops.min(right, -1) if self.kind == "subset" else ops.mean(right, -1)
        super().update_state(score, sample_weight)

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


def _decisions(y_true, y_pred, dtype):
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    check_shape("y_true", y_true, y_pred.shape, "a label for each class")
    return ops.cast(y_true, dtype), ops.cast(y_pred > 0, dtype)


@keras.saving.register_keras_serializable("kerasx")
class Perplexity(keras.metrics.Mean):
    """Perplexity, exp of the mean cross-entropy of the tokens that count, over all batches.

    `update_state` takes ids (b, n), logits (b, n, v) and `sample_weight`, (b,) or (b, n); the
    Keras mask of the logits counts, too.

    Args:
        ignore_class: the id whose tokens do not count, as in `MaskedCrossEntropy`.
        name, dtype: as in `keras.metrics.Metric`.

    >>> metric = Perplexity(ignore_class=0)
    >>> metric.update_state(ops.array([[1, 2, 0]]), ops.zeros((1, 3, 8)))
    >>> round(float(metric.result()), 4)
    8.0
    """

    def __init__(self, ignore_class=UNLABELLED, name="perplexity", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.ignore_class = checked_class(ignore_class)

    def update_state(self, y_true, y_pred, sample_weight=None):
        mask = get_mask(y_pred)
        y_pred = ops.convert_to_tensor(y_pred)
        ids = as_ids(y_true, y_pred)
        weight = token_weight(ids, self.ignore_class, sample_weight)
        weight = weight if mask is None else weight * ops.cast(mask, weight.dtype)
        losses = backend.sparse_cross_entropy(ops.where(weight > 0, ids, 0), y_pred)
        super().update_state(losses, weight)

    def result(self):
        return ops.exp(super().result())

    def get_config(self):
        return {**super().get_config(), "ignore_class": self.ignore_class}
