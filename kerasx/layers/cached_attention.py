"""Attention with a cache of keys and values, for decoding."""

import keras

from kerasx import backend


class _Wrapper(keras.layers.Layer):
    """Base of layers that compute with the weights of an attention layer."""

    suffix = ""

    def __init__(self, attention, **kwargs):
        super().__init__(**{"name": attention.name + self.suffix, **kwargs})
        self.attention = attention
        self.supports_masking = True

    def build(self, input_shape):
        self.built = True  # there are no weights but those of the wrapped layer

    def compute_mask(self, inputs, mask=None):
        return None

    def get_config(self):
        attention = keras.saving.serialize_keras_object(self.attention)
        return {**super().get_config(), "attention": attention}

    @classmethod
    def from_config(cls, config):
        attention = keras.saving.deserialize_keras_object(config.pop("attention"))
        return cls(attention, **config)


@keras.saving.register_keras_serializable("kerasx")
class ProjectedKeys(_Wrapper):
    """The keys and values of an attention layer, (b, h, n, size), to fill a cache with.

    Called like the attention layer, on [query, key, value, ...].

    Args:
        attention: built MultiHeadAttention or GatedAttentionUnit.
    """

    suffix = "-Keys"

    def call(self, inputs, a_bias=False, p_bias=None, mask=None):
        _, key, value, extras = self.attention.unpack(inputs)
        position = extras[int(a_bias)] if p_bias else None
        return list(self.attention.project_keys(key, value, p_bias, position))


@keras.saving.register_keras_serializable("kerasx")
class CachedAttention(_Wrapper):
    """An attention layer that reads its keys and values from a cache.

    Called on [x, k_cache, v_cache, mask, (position), (bias), ...] and `index`: the keys and values
    of x are written to the cache slots from `index` on, and then x attends to the cache. With
    `index=None` nothing is written, for cross-attention to a fixed source. Returns the outputs of
    the wrapped layer, followed by the two caches if they were written.

    Shapes: x (b, n, d); caches (b, h, slots, size); mask boolean (b, 1, n, slots); biases
    (b, h, n, slots); position as in `MultiHeadAttention`, with the slots as keys.

    Args:
        attention: built MultiHeadAttention or GatedAttentionUnit.
    """

    suffix = "-Cached"

    def call(self, inputs, index=None, p_bias=None):
        x, keys, values, allowed, *biases = inputs
        position = biases.pop(0) if p_bias not in (None, "t5_relative") else None
        q = self.attention.project_query(x, p_bias, position)
        if index is not None:
            k, v = self.attention.project_keys(x, x, p_bias, position)
            keys = backend.write_slots(keys, k, index)
            values = backend.write_slots(values, v, index)
        relative = position if p_bias == "typical_relative" else None
        bias = sum(biases) if biases else None
        outputs = self.attention.pay_attention_to(q, keys, values, allowed, bias, relative)
        outputs = self.attention.merge(outputs)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        return outputs if index is None else [*outputs, keys, values]

    def compute_output_spec(self, inputs, index=None, p_bias=None):
        x, keys, values, allowed, *_ = inputs
        shapes = [(*x.shape[:-1], self.attention.out_dim)]
        if self.attention.return_attention_scores:
            shapes.append((x.shape[0], self.attention.heads, x.shape[1], allowed.shape[-1]))
        shapes += [] if index is None else [keys.shape, values.shape]
        return [keras.KerasTensor(shape, dtype=self.compute_dtype) for shape in shapes]
