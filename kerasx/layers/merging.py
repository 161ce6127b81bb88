"""Merge and split tensors together with their Keras masks."""

import keras
import numpy as np
from keras import ops

from kerasx.checks import check_integer, check_number, invalid


@keras.saving.register_keras_serializable("kerasx")
class Add(keras.layers.Add):
    """The sum αx + y + ..., with the mask of the first term that has one.

    keras.layers.Add drops the mask if a term has none, as segment embeddings have.

    Args:
        scale: α, the factor of the first term.
    """

    def __init__(self, scale=1, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def compute_mask(self, inputs, mask=None):
        return next((m for m in mask if m is not None), None) if mask else None

    def call(self, inputs):
        first, *rest = inputs
        return super().call(inputs if self.scale == 1 else [first * self.scale, *rest])

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("kerasx")
class BiasAdd(keras.layers.Layer):
    """x + b with a trainable vector b, e.g. for the scores of a tied output projection.

    >>> ops.shape(BiasAdd()(ops.ones((2, 3))))
    (2, 3)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        self.bias = self.add_weight(name="bias", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs):
        return inputs + ops.cast(self.bias, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


@keras.saving.register_keras_serializable("kerasx")
class BinaryRandomChoice(keras.layers.Layer):
    """Random choice between two tensors [a, b], for the whole batch, as BERT-of-Theseus makes.

    In training it returns b with probability `rate` and a otherwise; in inference it returns b.

    Args:
        rate: number in [0, 1].
        seed: seed of the choices.

    Source: arXiv 2002.02925; kexue.fm/archives/7575.

    >>> a, b = ops.zeros((2, 3)), ops.ones((2, 3))
    >>> float(ops.mean(BinaryRandomChoice()([a, b])))
    1.0
    """

    def __init__(self, rate=0.5, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = check_number("rate", rate, least=0, most=1), seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return mask[1] if mask is not None else None

    def call(self, inputs, training=False):
        a, b = inputs
        if not training:
            return b
        return ops.where(keras.random.uniform((), seed=self.seed_generator) < self.rate, b, a)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[1])

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable("kerasx")
class Concatenate1D(keras.layers.Layer):
    """Concatenate sequences (b, n_i, d) along time; one without a mask has no padding.

    >>> ops.shape(Concatenate1D()([ops.ones((2, 3, 4)), ops.ones((2, 1, 4))]))
    (2, 4, 4)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        if mask is None or all(m is None for m in mask):
            return None
        masks = [
            ops.ones_like(x[..., 0], "bool") if m is None else ops.cast(m, "bool")
            for x, m in zip(inputs, mask)
        ]
        return ops.concatenate(masks, axis=1)

    def call(self, inputs):
        return ops.concatenate(inputs, axis=1)

    def compute_output_shape(self, input_shape):
        lengths = [shape[1] for shape in input_shape]
        total = None if None in lengths else sum(lengths)
        return (input_shape[0][0], total, *input_shape[0][2:])


@keras.saving.register_keras_serializable("kerasx")
class BatchSplit(keras.layers.Layer):
    """Split a batch into parts, for model parallelism by hand.

    Called on a list of tensors, it returns the parts of the first, then those of the second, and so
    on. The parts have no Keras mask: split the token ids, from which the embedding makes the mask.

    Args:
        parts: number of parts of nearly equal size, the first the larger; or a list of their
            relative sizes.
    """

    def __init__(self, parts, **kwargs):
        super().__init__(**kwargs)
        listed = isinstance(parts, (list, tuple, np.ndarray))
        if listed and (len(parts) == 0 or min(parts) < 0 or sum(parts) == 0):
            raise invalid("`parts` must be a list of sizes of at least 0, not all 0.", parts=parts)
        self.parts = [float(p) for p in parts] if listed else check_integer("parts", parts, least=1)

    def call(self, inputs):
        if isinstance(inputs, (list, tuple)):
            return [part for x in inputs for part in self.call(x)]
        b = ops.shape(inputs)[0]
        ends = self._ends(b)
        return [inputs[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def _ends(self, b):
        """Return the row at which each part of b rows ends; b may be a tensor."""
        if isinstance(self.parts, int):
            return [-(-b * (i + 1) // self.parts) for i in range(self.parts)]
        total, ends = sum(self.parts), np.cumsum(self.parts)
        if isinstance(b, int):
            return [int(end * b / total) for end in ends]
        return [ops.cast(end / total * ops.cast(b, "float64"), "int32") for end in ends]

    def compute_output_shape(self, input_shape):
        if isinstance(input_shape[0], (list, tuple)):
            return [part for shape in input_shape for part in self.compute_output_shape(shape)]
        count = self.parts if isinstance(self.parts, int) else len(self.parts)
        return [(None, *input_shape[1:])] * count

    def get_config(self):
        return {**super().get_config(), "parts": self.parts}


@keras.saving.register_keras_serializable("kerasx")
class BatchConcat(keras.layers.Layer):
    """Concatenate tensors along the batch; the inverse of `BatchSplit`.

    >>> halves = BatchSplit(2)(ops.ones((5, 3)))
    >>> [ops.shape(x) for x in halves], ops.shape(BatchConcat()(halves))
    ([(3, 3), (2, 3)], (5, 3))
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        if mask is None or any(m is None for m in mask):
            return None
        return ops.concatenate(mask, axis=0)

    def call(self, inputs):
        return ops.concatenate(inputs, axis=0)

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[0][1:])
