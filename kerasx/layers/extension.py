"""Extend the features of a visible block to the rest of an image or a text."""

import keras
import numpy as np
from keras import ops

from kerasx.checks import check_integer, invalid
from kerasx.ops import crop, extend_linearly


@keras.saving.register_keras_serializable("kerasx")
class LinearExtension(keras.layers.Layer):
    """Features of a whole map from those of a block of it, by trained linear equations (QB-Heat).

    Neighbours are assumed to differ by one linear map for each direction: z(x ± 1, y) =
    (I ± A) z(x, y) and z(x, y ± 1) = (I ± B) z(x, y). A and B start at 0, where each vector is
    that of the block nearest to it. A small decoder then reconstructs the hidden part of the
    input, so that the encoder of the block learns without labels.

    Called on [features, corners], or on the features alone, whose corners are then 0.

    - features (b, n, d) of a text, or (b, height, width, d) of an image.
    - corners: integers (b, 1) or (b, 2), the place of the block's first vector in the whole map;
      the block must lie inside.

    Returns (b, *sizes, d).

    Args:
        sizes: int or list of ints, the length (n,) of the whole text, or (height, width).
        initializer: initializer of A and B.

    >>> block = ops.ones((5, 2, 2, 8))
    >>> ops.shape(LinearExtension((4, 4))(block))
    (5, 4, 4, 8)

    Source: arXiv 2211.13228; kexue.fm/archives/9359.
    """

    def __init__(self, sizes, initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        sizes = [sizes] if np.ndim(sizes) == 0 else list(sizes)
        self.sizes = [check_integer(f"sizes[{i}]", n, least=1) for i, n in enumerate(sizes)]
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        shape = _features(input_shape)
        block = shape[1:-1]
        fits = len(block) == len(self.sizes) and all(
            n and n <= m for n, m in zip(block, self.sizes)
        )
        if not fits:
            raise invalid(
                f"The features must be a block (b, ..., d), of known sizes, of a map {self.sizes}.",
                **{"features.shape": tuple(shape)},
            )
        self.matrices = [
            self.add_weight(
                name=f"matrix_{i}", shape=(shape[-1], shape[-1]), initializer=self.initializer
            )
            for i in range(len(self.sizes))
        ]

    def call(self, inputs):
        x, corners = inputs if isinstance(inputs, (list, tuple)) else (inputs, None)
        # the last axis first: along the rows with A, then along the columns with B
        for i in reversed(range(len(self.sizes))):
            size, hidden = self.sizes[i], self.sizes[i] - x.shape[i + 1]
            matrix = ops.cast(self.matrices[i], x.dtype)
            if corners is None:
                x = extend_linearly(x, matrix, 0, hidden, i + 1)
            else:
                whole = extend_linearly(x, matrix, hidden, hidden, i + 1)
                x = crop(whole, hidden - corners[:, i], size, i + 1)
        return x

    def compute_output_shape(self, input_shape):
        shape = _features(input_shape)
        return (shape[0], *self.sizes, shape[-1])

    def get_config(self):
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "sizes": self.sizes, "initializer": initializer}


def _features(input_shape):
    """Return the shape of the features, from that of one or of two inputs."""
    return input_shape[0] if isinstance(input_shape[0], (list, tuple)) else input_shape
