"""Convolution over sequences with padding."""

import keras
from keras import ops

from kerasx.checks import invalid


@keras.saving.register_keras_serializable("kerasx")
class MaskedConv1D(keras.layers.Conv1D):
    """Conv1D that sets masked positions to zero first, so that padding does not matter.

    Args:
        filters, kernel_size, ...: as in keras.layers.Conv1D.

    >>> ops.shape(MaskedConv1D(6, 3, padding="same")(ops.ones((2, 5, 4))))
    (2, 5, 6)
    """

    def compute_mask(self, inputs, mask=None):
        return mask

    def call(self, inputs, mask=None):
        if inputs.shape[1] == 0:
            text = f"`{self.name}` must be called on at least one token."
            raise invalid(text, **{"inputs.shape": tuple(inputs.shape)})
        if mask is not None:
            inputs = inputs * ops.cast(mask, inputs.dtype)[..., None]
        return super().call(inputs)
