"""Flooding: a training loss that does not fall below a level."""

import keras
from keras import ops

from kerasx import backend

__all__ = ["Flooding", "flooded"]


def flooded(loss, b):
    """|L - b| + b: above the flood level b the loss itself, below it gradient ascent.

    Args:
        loss: the mean loss of the batch, a scalar. On the losses of single examples this is
            another method.
        b: flood level, usually 0.01 to 0.2.

    Source: arXiv 2002.08709; kexue.fm/archives/7643.

    >>> float(flooded(ops.array(0.5), 0.25)), float(flooded(ops.array(0.125), 0.25))
    (0.5, 0.375)
    """
    return ops.abs(backend.widened(loss) - b) + b


@keras.saving.register_keras_serializable("kerasx")
class Flooding(keras.losses.Loss):
    """A loss for compile whose batch mean is flooded, after sample weights and masks.

    What is flooded is what `loss` returns for the batch, so a batch as a whole descends or
    ascends; with `reduction=None` each example would for itself, which is another method.
    Losses that layers add and regularizers are not included.

    Args:
        loss: a keras.losses.Loss that returns one number, or the name of one.
        b: flood level.

    >>> import numpy as np
    >>> loss = Flooding("MeanSquaredError", 0.25)
    >>> float(loss(np.array([[0.0], [0.0]]), np.array([[0.5], [0.0]])))
    0.375
    """

    def __init__(self, loss, b, name=None, **kwargs):
        loss = keras.losses.get(loss)
        if not isinstance(loss, keras.losses.Loss) or loss.reduction in (None, "none"):
            raise ValueError(
                "`loss` must be a keras.losses.Loss that returns the mean of the batch, "
                f"not one value per example. Received: loss={loss!r}"
            )
        super().__init__(name=name, **kwargs)
        self.loss = loss
        self.b = b

    def __call__(self, y_true, y_pred, sample_weight=None):
        return flooded(self.loss(y_true, y_pred, sample_weight), self.b)

    def get_config(self):
        loss = keras.saving.serialize_keras_object(self.loss)
        return {**super().get_config(), "loss": loss, "b": self.b}
