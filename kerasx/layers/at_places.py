"""The vectors at some places of a sequence, such as the masked ones."""

import keras

from kerasx.ops import batch_gather


@keras.saving.register_keras_serializable("kerasx")
class AtPlaces(keras.layers.Layer):
    """The vectors x[b, places] (b, p, d) at given places (b, p), integers, of x (b, n, d).

    Unused places are any number in [0, n), and have weight 0 in the loss: the result has no Keras
    mask.

    >>> from keras import ops
    >>> x = ops.reshape(ops.arange(6.0), (1, 3, 2))
    >>> ops.convert_to_numpy(AtPlaces()([x, ops.array([[2, 0]])])).tolist()
    [[[4.0, 5.0], [0.0, 1.0]]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, inputs):
        x, places = inputs
        return batch_gather(x, places)

    def compute_output_spec(self, inputs):
        x, places = inputs
        return keras.KerasTensor((*places.shape, x.shape[-1]), dtype=self.compute_dtype)
