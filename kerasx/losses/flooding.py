"""Flooding: keep the training loss from falling below a level."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import get_mask
from kerasx.checks import invalid
from kerasx.losses.score_loss import mean_divisor


def flooded(loss, b):
    """Compute |L - b| + b: L above the flood level b, reflected (gradient ascent) below it.

    Args:
        loss: the mean loss of the batch, a scalar. Flooding the loss of each example is another
            method.
        b: flood level, usually 0.01 to 0.2.

    Returns:
        A scalar, float32 or wider.

    Source: arXiv 2002.08709; kexue.fm/archives/7643.

    >>> float(flooded(ops.array(0.5), 0.25)), float(flooded(ops.array(0.125), 0.25))
    (0.5, 0.375)
    """
    return ops.abs(backend.widened(loss) - b) + b


@keras.saving.register_keras_serializable("kerasx")
class Flooding(keras.losses.Loss):
    """Loss class that floods the batch mean of another loss, after sample weights and masks.

    The losses that layers add and the regularizers are not flooded; `kerasx.training.flooding`
    includes them.

    Args:
        loss: a keras.losses.Loss that returns one number for the batch, or its name.
        b: flood level.

    >>> import numpy as np
    >>> loss = Flooding("MeanSquaredError", 0.25)
    >>> float(loss(np.array([[0.0], [0.0]]), np.array([[0.5], [0.0]])))
    0.375
    """

    def __init__(self, loss, b, name=None, **kwargs):
        loss = keras.losses.get(loss)
        if not isinstance(loss, keras.losses.Loss) or loss.reduction in (None, "none"):
            raise invalid(
                "`loss` must be a keras.losses.Loss that returns the mean of the batch, "
                "not one value per example.",
                loss=loss,
            )
        super().__init__(name=name, **kwargs)
        self.loss = loss
        self.b = b

    def __call__(self, y_true, y_pred, sample_weight=None):
        if backend.replica_count() == 1:
            return flooded(self.loss(y_true, y_pred, sample_weight), self.b)
        return self._of_all_replicas(y_true, y_pred, sample_weight)

    def _of_all_replicas(self, y_true, y_pred, sample_weight):
        """Flood the mean of the whole batch, of which this replica has a part."""
        with backend.reported_divisors() as divisors:
            loss = self.loss(y_true, y_pred, sample_weight)
        factor = backend.keras_loss_factor()
        if divisors:
            divisor = divisors[0]
        else:
            shape = ops.shape(y_pred)
            divisor = mean_divisor(shape[: max(1, len(shape) - 1)], get_mask(y_pred))
            loss, divisor = backend.weighed(loss, divisor, self.loss.reduction == "sum")
        backend.report_divisor(lambda: divisor)
        (loss,) = backend.mean_over_replicas([factor * loss])
        return flooded(loss, self.b) / factor

    def get_config(self):
        loss = keras.saving.serialize_keras_object(self.loss)
        return {**super().get_config(), "loss": loss, "b": self.b}
