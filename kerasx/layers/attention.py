"""Multi-head attention, its masks, and its cached form for decoding."""

import functools
import math

import keras
from keras import ops

from kerasx import backend
from kerasx.layers.recompute import Recomputable

__all__ = ["AttentionMask", "CachedAttention", "MultiHeadAttention"]


@keras.saving.register_keras_serializable("kerasx")
class AttentionMask(keras.layers.Layer):
    """The mask of an application mode, from ids (b, n): boolean (1 or b, 1, n, n).

    Args:
        kind: "causal" (language model; from any ids) or "unilm" (from segment ids).

    >>> ops.shape(AttentionMask("causal")(ops.zeros((2, 5), "int32")))
    (1, 1, 5, 5)
    """

    def __init__(self, kind, **kwargs):
        super().__init__(**kwargs)
        if kind not in ("causal", "unilm"):
            raise ValueError(f"`kind` must be 'causal' or 'unilm'. Received: kind={kind!r}")
        self.kind = kind

    def call(self, ids):
        if self.kind == "unilm":
            return backend.unilm(ids).allowed
        return backend.causal(ops.shape(ids)[1]).allowed

    def compute_output_spec(self, ids):
        n = ids.shape[1]
        batch = ids.shape[0] if self.kind == "unilm" else 1
        return keras.KerasTensor((batch, 1, n, n), dtype="bool")

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable("kerasx")
class MultiHeadAttention(Recomputable):
    """Multi-head attention: o = concat_h softmax(Q_h K_hᵀ / sqrt(key_size)) V_h · W_o.

    Called on a list [query, key, value], each (b, n, d); with `a_bias=True` the list goes on with
    an attention mask (boolean) or bias (numbers), broadcasting to (b, heads, n, m), and with
    `residual=True` with the scores of the layer before (RealFormer, arXiv 2012.11747). Padding is
    what the Keras mask of the values says.

    Args:
        heads: number of heads.
        head_size: size of a value head.
        out_dim: size of the output; heads * head_size by default.
        key_size: size of a query or key head; head_size by default. A larger one lifts the rank
            of the attention matrix (arXiv 2002.07028; kexue.fm/archives/7325).
        use_bias: biases in the four projections.
        normalization: "softmax", "softmax_plus" or "squared_relu".
        attention_scale: divide scores by sqrt(key_size).
        attention_dropout: rate at which attention weights are dropped.
        return_attention_scores: return [outputs, scores], the scores before the mask.
        kernel_initializer: initializer of the four kernels.
        recompute: as in `Recomputable`.

    Source: arXiv 1706.03762; kexue.fm/archives/4765.

    >>> x = ops.ones((2, 5, 8))
    >>> ops.shape(MultiHeadAttention(heads=2, head_size=4)([x, x, x]))
    (2, 5, 8)
    """

    def __init__(
        self,
        heads,
        head_size,
        out_dim=None,
        key_size=None,
        use_bias=True,
        normalization="softmax",
        attention_scale=True,
        attention_dropout=None,
        return_attention_scores=False,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.heads = heads
        self.head_size = head_size
        self.out_dim = out_dim or heads * head_size
        self.key_size = key_size or head_size
        self.use_bias = use_bias
        self.normalization = normalization
        self.attention_scale = attention_scale
        self.attention_dropout = attention_dropout
        self.return_attention_scores = return_attention_scores
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed_generator = keras.random.SeedGenerator() if attention_dropout else None
        self.supports_masking = True
        for name, units in self._units().items():
            setattr(self, name, self._dense(units, name))

    def _units(self):
        keys, values = self.heads * self.key_size, self.heads * self.head_size
        return {"q_dense": keys, "k_dense": keys, "v_dense": values, "o_dense": self.out_dim}

    def _dense(self, units, name):
        initializer = keras.initializers.get(self.kernel_initializer.clone())
        return keras.layers.Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=initializer,
            dtype=self.dtype_policy,
            name=name,
        )

    def build(self, input_shape):
        query, key, value = input_shape[:3]
        self.q_dense.build(query)
        self.k_dense.build(key)
        self.v_dense.build(value)
        self.o_dense.build((*query[:-1], self.heads * self.head_size))

    def compute_mask(self, inputs, mask=None):
        query = mask[0] if isinstance(mask, (list, tuple)) else None
        return [query, None] if self.return_attention_scores else query

    @backend.recompute_grad
    def call(self, inputs, mask=None, a_bias=False, residual=False, training=None):
        extras = list(inputs[3:])
        masks, biases = split_biases(extras)
        if isinstance(mask, (list, tuple)) and mask[2] is not None:
            masks.append(backend.padding(mask[2]).allowed)
        mask = functools.reduce(ops.logical_and, masks) if masks else None
        bias = sum(biases) if biases else None
        return self.merge(self.pay_attention_to(*self.project(*inputs[:3]), mask, bias, training))

    def project(self, query, key, value):
        """Inputs (b, n, d) to heads (b, h, n, d)."""
        q = self.split_heads(self.q_dense(query), self.key_size)
        k = self.split_heads(self.k_dense(key), self.key_size)
        v = self.split_heads(self.v_dense(value), self.head_size)
        return q, k, v

    def split_heads(self, x, size):
        """(b, n, h·d) to (b, h, n, d)."""
        b, n = ops.shape(x)[:2]
        return ops.transpose(ops.reshape(x, (b, n, self.heads, size)), (0, 2, 1, 3))

    def pay_attention_to(self, q, k, v, mask=None, bias=None, training=None):
        """Heads to outputs (b, h, n, d), and the scores; what a subclass overrides."""
        scale = 1 / math.sqrt(self.key_size) if self.attention_scale else 1.0
        dropout = self.attention_dropout if training and self.attention_dropout else 0.0
        options = (self.normalization, dropout, self.seed_generator)
        if not self.return_attention_scores:
            return backend.attention(q, k, v, mask, bias, scale, *options), None
        scores = backend.attention_scores(q, k, bias, scale)
        return backend.attend(scores, v, mask, *options), scores

    def merge(self, outputs_and_scores):
        """Heads (b, h, n, d) to the layer's outputs."""
        o, scores = outputs_and_scores
        b, n = ops.shape(o)[0], ops.shape(o)[2]
        o = ops.reshape(ops.transpose(o, (0, 2, 1, 3)), (b, n, self.heads * self.head_size))
        o = self.o_dense(o)
        return [o, scores] if self.return_attention_scores else o

    def compute_output_shape(self, input_shape):
        query, key = input_shape[:2]
        output = (*query[:-1], self.out_dim)
        scores = (query[0], self.heads, query[1], key[1])
        return [output, scores] if self.return_attention_scores else output

    def get_config(self):
        return {
            **super().get_config(),
            "heads": self.heads,
            "head_size": self.head_size,
            "out_dim": self.out_dim,
            "key_size": self.key_size,
            "use_bias": self.use_bias,
            "normalization": self.normalization,
            "attention_scale": self.attention_scale,
            "attention_dropout": self.attention_dropout,
            "return_attention_scores": self.return_attention_scores,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def split_biases(tensors):
    """(masks, biases): boolean tensors are masks, the others are added to the scores."""
    masks, biases = [], []
    for x in tensors:
        boolean = keras.backend.standardize_dtype(x.dtype) == "bool"
        (masks if boolean else biases).append(x)
    return masks, biases


@keras.saving.register_keras_serializable("kerasx")
class CachedAttention(keras.layers.Layer):
    """A `MultiHeadAttention`, with its weights, whose keys and values live in a cache.

    Called on [x, k_cache, v_cache, mask, (residual)] and the slot `index` where x's own keys and
    values are written before the attention is paid. Returns the outputs of the wrapped layer
    followed by the two caches.

    Args:
        attention: a built MultiHeadAttention.

    Shapes: x (b, n, d), caches (b, h, slots, size), mask boolean (b, 1, n, slots).
    """

    def __init__(self, attention, **kwargs):
        super().__init__(**{"name": f"{attention.name}-Cached", **kwargs})
        self.attention = attention
        self.supports_masking = True

    def build(self, input_shape):
        self.built = True  # the weights are the wrapped layer's

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, inputs, index, mask=None):
        x, k_cache, v_cache, allowed, *residual = inputs
        q, k, v = self.attention.project(x, x, x)
        k = backend.write_slots(k_cache, k, index)
        v = backend.write_slots(v_cache, v, index)
        bias = residual[0] if residual else None
        outputs = self.attention.merge(self.attention.pay_attention_to(q, k, v, allowed, bias))
        return [*(outputs if isinstance(outputs, list) else [outputs]), k, v]

    def compute_output_spec(self, inputs, index, mask=None):
        x, k_cache, v_cache, allowed, *_ = inputs
        shapes = [(*x.shape[:-1], self.attention.out_dim)]
        if self.attention.return_attention_scores:
            shapes.append((x.shape[0], self.attention.heads, x.shape[1], allowed.shape[-1]))
        dtype = self.compute_dtype
        outputs = [keras.KerasTensor(shape, dtype=dtype) for shape in shapes]
        return [
            *outputs,
            keras.KerasTensor(k_cache.shape, dtype),
            keras.KerasTensor(v_cache.shape, dtype),
        ]

    def get_config(self):
        attention = keras.saving.serialize_keras_object(self.attention)
        return {**super().get_config(), "attention": attention}

    @classmethod
    def from_config(cls, config):
        attention = keras.saving.deserialize_keras_object(config.pop("attention"))
        return cls(attention, **config)
