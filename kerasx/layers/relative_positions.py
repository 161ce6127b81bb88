"""Positions that attention uses: sinusoids, relative vectors, relative biases."""

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.checks import check_choice, invalid
from kerasx.ops import relative_position_buckets, rotary_frequencies, sinusoidal_embeddings


@keras.saving.register_keras_serializable("kerasx")
class SinusoidalPositionEmbedding(keras.layers.Layer):
    """Sinusoids of the positions, merged with the input or alone.

    Called on x (b, n, d), or on [x, positions] with position ids (b, n).

    Args:
        output_dim: size of a vector.
        merge_mode: "add" or "mul", as in `PositionEmbedding`; "zero" for the sinusoids alone,
            float32 (1 or b, n, output_dim), as rotary attention takes them.
        custom_position_ids: accepted as in bert4keras, without effect: the number of inputs tells.
        base, scaling: as in `kerasx.ops.sinusoidal_embeddings`.

    Source: arXiv 1706.03762; kexue.fm/archives/8231.

    >>> ops.shape(SinusoidalPositionEmbedding(4, merge_mode="zero")(ops.ones((2, 3, 8))))
    (1, 3, 4)
    """

    def __init__(
        self,
        output_dim,
        merge_mode="add",
        custom_position_ids=False,
        base=10000,
        scaling=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice("merge_mode", merge_mode, ("add", "mul", "zero"))
        rotary_frequencies(output_dim, base, scaling)  # raises an error for bad arguments
        self.output_dim, self.merge_mode = output_dim, merge_mode
        self.base, self.scaling = base, scaling
        self.custom_position_ids = custom_position_ids
        self.supports_masking = True

    def build(self, input_shape):
        self.built = True

    def compute_mask(self, inputs, mask=None):
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        return None if self.merge_mode == "zero" else mask

    def call(self, inputs):
        x, positions = inputs if isinstance(inputs, (list, tuple)) else (inputs, None)
        positions = ops.arange(ops.shape(x)[1])[None] if positions is None else positions
        vectors = sinusoidal_embeddings(positions, self.output_dim, self.base, self.scaling)
        if self.merge_mode == "zero":
            return vectors
        vectors = ops.cast(vectors, x.dtype)
        return x + vectors if self.merge_mode == "add" else x * (vectors + 1)

    def compute_output_spec(self, inputs):
        given = isinstance(inputs, (list, tuple))
        x = inputs[0] if given else inputs
        if self.merge_mode != "zero":
            return keras.KerasTensor(x.shape, dtype=self.compute_dtype)
        return keras.KerasTensor((x.shape[0] if given else 1, x.shape[1], self.output_dim))

    def get_config(self):
        return {
            **super().get_config(),
            "output_dim": self.output_dim,
            "merge_mode": self.merge_mode,
            "base": self.base,
            "scaling": self.scaling,
            "custom_position_ids": self.custom_position_ids,
        }


class TableLayer(keras.layers.Layer):
    """Base of layers with a trainable table of vectors and without a Keras mask.

    Args:
        input_dim: number of vectors.
        output_dim: size of a vector.
        embeddings_initializer: initializer of the table.
    """

    def __init__(self, input_dim, output_dim, embeddings_initializer, **kwargs):
        super().__init__(**kwargs)
        self.input_dim, self.output_dim = input_dim, output_dim
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)
        self.supports_masking = True

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
        )

    def compute_mask(self, inputs, mask=None):
        return None

    def get_config(self):
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }


class _Relative(TableLayer):
    """Base of layers that look distances up in a table.

    Called on [query, key], (b, n, ...) and (b, m, ...), of which only the lengths matter; with
    `position_ids=True`, on the ids (b, n) and (b, m) of their positions.
    """

    def distances(self, inputs, position_ids):
        """Return key position minus query position, (1 or b, n, m)."""
        query, key = inputs
        if not position_ids:
            query, key = (ops.arange(ops.shape(x)[1])[None] for x in inputs)
        return ops.cast(key, "int32")[:, None, :] - ops.cast(query, "int32")[:, :, None]


@keras.saving.register_keras_serializable("kerasx")
class RelativePositionEmbedding(_Relative):
    """NEZHA's vectors of clipped distances, R[i, j] = table[clip(j - i, -k, k) + k].

    For `p_bias="typical_relative"` of `MultiHeadAttention`. Called on [query, key], (b, n, ...) and
    (b, m, ...), of which only the lengths matter; with `position_ids=True`, on the ids (b, n) and
    (b, m) of their positions. Returns (1 or b, n, m, output_dim).

    Args:
        input_dim: 2k + 1, the number of vectors.
        output_dim: size of a vector, which is that of a head.
        embeddings_initializer: initializer of the table; "sinusoidal" as in NEZHA.
        trainable: whether the table is trained.

    Source: arXiv 1803.02155, 1909.00204; kexue.fm/archives/8130.

    >>> x = ops.ones((2, 5, 8))
    >>> ops.shape(RelativePositionEmbedding(129, 4)([x, x]))
    (1, 5, 5, 4)
    """

    def __init__(
        self,
        input_dim,
        output_dim,
        embeddings_initializer="sinusoidal",
        trainable=False,
        **kwargs,
    ):
        if embeddings_initializer == "sinusoidal":
            embeddings_initializer = Sinusoidal()
        super().__init__(
            input_dim, output_dim, embeddings_initializer, trainable=trainable, **kwargs
        )
        if input_dim % 2 == 0:
            raise invalid("`input_dim` must be odd.", input_dim=input_dim)

    def call(self, inputs, position_ids=False):
        reach = (self.input_dim - 1) // 2
        distances = ops.clip(self.distances(inputs, position_ids), -reach, reach)
        rows = backend.take_rows(self.embeddings, distances + reach)
        return ops.cast(rows, self.compute_dtype)

    def compute_output_spec(self, inputs, position_ids=False):
        query, key = inputs
        shape = (query.shape[0] if position_ids else 1, query.shape[1], key.shape[1])
        return keras.KerasTensor((*shape, self.output_dim), dtype=self.compute_dtype)


@keras.saving.register_keras_serializable("kerasx")
class RelativePositionEmbeddingT5(_Relative):
    """T5's biases of bucketed distances, B[h, i, j] = table[bucket(j - i), h].

    For `p_bias="t5_relative"` of `MultiHeadAttention`. Called like `RelativePositionEmbedding`;
    returns (1 or b, output_dim, n, m).

    Args:
        input_dim: number of buckets.
        output_dim: number of heads.
        max_distance: distances from this on share the last bucket.
        bidirectional: whether keys after the query have separate buckets, as in encoders.
        embeddings_initializer: initializer of the table.

    Source: arXiv 1910.10683; kexue.fm/archives/8130.

    >>> x = ops.ones((2, 5, 8))
    >>> ops.shape(RelativePositionEmbeddingT5(32, 4)([x, x]))
    (1, 4, 5, 5)
    """

    def __init__(
        self,
        input_dim,
        output_dim,
        max_distance=128,
        bidirectional=True,
        embeddings_initializer="zeros",
        **kwargs,
    ):
        super().__init__(input_dim, output_dim, embeddings_initializer, **kwargs)
        self.max_distance, self.bidirectional = max_distance, bidirectional

    def call(self, inputs, position_ids=False):
        buckets = relative_position_buckets(
            self.distances(inputs, position_ids),
            self.input_dim,
            self.max_distance,
            self.bidirectional,
        )
        bias = ops.cast(backend.take_rows(self.embeddings, buckets), self.compute_dtype)
        return ops.transpose(bias, (0, 3, 1, 2))

    def compute_output_spec(self, inputs, position_ids=False):
        query, key = inputs
        lead = query.shape[0] if position_ids else 1
        shape = (lead, self.output_dim, query.shape[1], key.shape[1])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "max_distance": self.max_distance,
            "bidirectional": self.bidirectional,
        }


@keras.saving.register_keras_serializable("kerasx")
class Sinusoidal(keras.initializers.Initializer):
    """Initializer of a table with the sinusoids of 0, 1, 2, ... as its rows."""

    def __call__(self, shape, dtype=None):
        positions = np.arange(shape[0], dtype="float32")
        return ops.cast(sinusoidal_embeddings(positions, shape[1]), dtype or "float32")

    def get_config(self):
        return {}
