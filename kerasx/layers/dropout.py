"""Dropout with cheap masks that can be drawn again."""

import keras

from kerasx.ops import dropout


@keras.saving.register_keras_serializable("kerasx")
class Dropout(keras.layers.Dropout):
    """Keras's Dropout with the random bits of `kerasx.ops.dropout`.

    Args:
        rate, noise_shape, seed: as in keras.layers.Dropout, whose own computation is used if there
            is a `noise_shape`.

    >>> x = Dropout(0.5)(keras.ops.ones((2, 3)), training=True)
    >>> sorted(set(keras.ops.convert_to_numpy(x).ravel().tolist()) | {0.0, 2.0})
    [0.0, 2.0]
    """

    def call(self, inputs, training=False):
        if self.noise_shape is not None or not training or not self.rate:
            return super().call(inputs, training)
        return dropout(inputs, self.rate, self.seed_generator)
