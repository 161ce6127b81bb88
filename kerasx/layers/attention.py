"""Multi-head attention, with its kinds of relative positions."""

import functools
import math

import keras
from keras import ops

from kerasx import backend
from kerasx.checks import check_choice, check_integer, invalid
from kerasx.layers.normalization import LayerNormalization
from kerasx.layers.parts import another
from kerasx.layers.recompute import Recomputable
from kerasx.ops import (
    apply_rotary_position_embeddings,
    attend,
    attention,
    attention_scores,
    padding,
)

ROTARY = ("rotary", "rotary_halves")


@keras.saving.register_keras_serializable("kerasx")
class MultiHeadAttention(Recomputable):
    """Multi-head attention: o = concat_h softmax(Q_h K_hᵀ / sqrt(key_size)) V_h · W_o.

    The layer is called on a list: [query, key, value], each (b, n, d), and then, in this order:

    - if `a_bias=True`, a mask (boolean) or a bias (numbers) that broadcasts to (b, heads, n, m);
    - if there is a `p_bias`, its positions. "rotary" and "rotary_halves": sinusoids (1 or b, n, r)
      that rotate queries and keys (`kerasx.ops.apply_rotary_position_embeddings`).
      "typical_relative": vectors R (1 or b, n, m, d), added to keys and values (arXiv 1909.00204).
      "t5_relative": a bias (1 or b, h, n, m);
    - any number of further biases, such as the scores of the layer before (RealFormer, arXiv
      2012.11747).

    The Keras mask of the values masks padding.

    Args:
        heads: number of query heads.
        head_size: size of a value head.
        out_dim: size of the output; heads * head_size by default.
        key_size: size of a query or key head; head_size by default. A larger size raises the rank
            of the attention matrix (arXiv 2002.07028; kexue.fm/archives/7325).
        kv_heads: number of key and value heads, each shared by heads / kv_heads query heads
            (grouped-query attention, arXiv 2305.13245); heads by default.
        use_bias: use biases in the four projections.
        out_bias: use a bias in the output projection; as `use_bias` by default.
        qk_norm: None, or the ε of RMS normalization of each query and key head, before rotation.
        normalization: "softmax", "softmax_plus" or "squared_relu".
        attention_scale: divide scores by sqrt(key_size).
        attention_dropout: rate at which attention weights are dropped.
        return_attention_scores: return [outputs, scores], with the scores before the mask.
        kernel_initializer: initializer of the four kernels.
        value_initializer: initializer of the value and output kernels, if another.
        recompute: as in `Recomputable`.

    Source: arXiv 1706.03762; kexue.fm/archives/4765.

    >>> x = ops.ones((2, 5, 8))
    >>> ops.shape(MultiHeadAttention(heads=2, head_size=4)([x, x, x]))
    (2, 5, 8)
    """

    p_biases = (None, "rotary", "rotary_halves", "typical_relative", "t5_relative")

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
        kv_heads=None,
        out_bias=None,
        qk_norm=None,
        value_initializer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.heads = check_integer("heads", heads, least=1)
        self.head_size = check_integer("head_size", head_size, least=1)
        self.out_dim = check_integer("out_dim", out_dim or self.heads * self.head_size, least=1)
        self.key_size = check_integer("key_size", key_size or self.head_size, least=1)
        self.kv_heads = check_integer("kv_heads", kv_heads or self.heads, least=1)
        if self.heads % self.kv_heads:
            raise invalid(
                "`heads` must be a multiple of `kv_heads`.", heads=heads, kv_heads=kv_heads
            )
        self.use_bias = use_bias
        self.out_bias = use_bias if out_bias is None else out_bias
        self.qk_norm = qk_norm
        self.normalization = normalization
        self.attention_scale = attention_scale
        self.attention_dropout = attention_dropout
        self.return_attention_scores = return_attention_scores
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.value_initializer = keras.initializers.get(value_initializer)
        self.seed_generator = keras.random.SeedGenerator() if attention_dropout else None
        self.supports_masking = True
        self.q_dense = self._dense("q_dense", self.heads * self.key_size)
        self.k_dense = self._dense("k_dense", self.kv_heads * self.key_size)
        self.v_dense = self._dense("v_dense", self.kv_heads * self.head_size, last=True)
        self.o_dense = self._dense("o_dense", self.out_dim, self.out_bias, last=True)
        if qk_norm is not None:
            self.q_norm, self.k_norm = self._norm("q_norm"), self._norm("k_norm")

    def _dense(self, name, units, use_bias=None, last=False):
        initializer = self.value_initializer if last else None
        return keras.layers.Dense(
            units,
            use_bias=self.use_bias if use_bias is None else use_bias,
            kernel_initializer=another(initializer or self.kernel_initializer),
            dtype=self.dtype_policy,
            name=name,
        )

    def _norm(self, name):
        options = {"zero_mean": False, "offset": False, "epsilon": self.qk_norm}
        return LayerNormalization(**options, dtype=self.dtype_policy, name=name)

    def build(self, input_shape):
        query, key, value = input_shape[:3]
        self.q_dense.build(query)
        self.k_dense.build(key)
        self.v_dense.build(value)
        self.o_dense.build((*query[:-1], self.heads * self.head_size))
        if self.qk_norm is not None:
            self.q_norm.build((None, None, None, self.key_size))
            self.k_norm.build((None, None, None, self.key_size))

    def compute_mask(self, inputs, mask=None):
        query = mask[0] if isinstance(mask, (list, tuple)) else None
        return [query, None] if self.return_attention_scores else query

    @backend.recompute_grad
    def call(self, inputs, mask=None, a_bias=False, p_bias=None, training=None):
        query, key, value, extras = self.unpack(inputs)
        check_choice("p_bias", p_bias, self.p_biases)
        # a T5 bias is added to the scores like any other, so it stays among the extras
        is_bias = p_bias in (None, "t5_relative")
        position = None if is_bias else extras.pop(int(a_bias))
        masks, biases = split_biases(extras)
        if isinstance(mask, (list, tuple)) and mask[2] is not None:
            masks.append(padding(mask[2]).allowed)
        mask = functools.reduce(ops.logical_and, masks) if masks else None
        bias = sum(biases) if biases else None
        q, k, v = self.project(query, key, value, p_bias, position)
        relative = None if p_bias in ROTARY else position  # rotary positions are in q and k now
        return self.merge(self.pay_attention_to(q, k, v, mask, bias, relative, training))

    @staticmethod
    def unpack(inputs):
        """Split the layer's inputs into query, key, value and the list of the rest."""
        query, key, value, *extras = inputs
        return query, key, value, extras

    def project(self, query, key, value, p_bias=None, position=None):
        """Project inputs (b, n, d) to heads (b, h, n, size); rotate queries and keys if rotary."""
        q = self.project_query(query, p_bias, position)
        return q, *self.project_keys(key, value, p_bias, position)

    def project_query(self, query, p_bias=None, position=None):
        """Project the query alone."""
        q = self.split_heads(self.q_dense(query), self.heads)
        return rotated(q if self.qk_norm is None else self.q_norm(q), p_bias, position)

    def project_keys(self, key, value, p_bias=None, position=None):
        """Project key and value alone; decoding keeps these heads in its cache."""
        k = self.split_heads(self.k_dense(key), self.kv_heads)
        v = self.split_heads(self.v_dense(value), self.kv_heads)
        return rotated(k if self.qk_norm is None else self.k_norm(k), p_bias, position), v

    def split_heads(self, x, heads):
        """Reshape (b, n, h·d) to (b, h, n, d)."""
        b, n = ops.shape(x)[:2]
        x = ops.reshape(x, (b, n, heads, x.shape[-1] // heads))
        return ops.transpose(x, (0, 2, 1, 3))

    def pay_attention_to(self, q, k, v, mask=None, bias=None, relative=None, training=None):
        """Attend with given heads; subclasses override this method.

        Args:
            q, k, v: heads (b, h, n, key_size), (b, h', m, key_size), (b, h', m, head_size).
            mask, bias: broadcast to (b, h, n, m), or None.
            relative: vectors of relative positions (1 or b, n, m, d), or None.

        Returns:
            (outputs (b, h, n, head_size), scores (b, h, n, m) or None).
        """
        k, v = self.shared(k, v)
        scale, options = self.scale_and_options(training)
        if relative is None and not self.return_attention_scores:
            return attention(q, k, v, mask, bias, scale, *options), None
        scores = attention_scores(q, k, bias, scale, relative)
        return attend(scores, v, mask, *options, relative), scores

    def shared(self, *heads):
        """Repeat each key and value head for the query heads that share it."""
        repeats = self.heads // self.kv_heads
        return [x if repeats == 1 else ops.repeat(x, repeats, axis=1) for x in heads]

    def scale_and_options(self, training=None):
        """Return the factor of the scores, and (normalization, dropout, seed) of the weights."""
        scale = 1 / math.sqrt(self.key_size) if self.attention_scale else 1.0
        dropout = self.attention_dropout if training and self.attention_dropout else 0.0
        return scale, (self.normalization, dropout, self.seed_generator)

    def merge(self, outputs_and_scores):
        """Project the result of `pay_attention_to` to the outputs of the layer."""
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
            "kv_heads": self.kv_heads,
            "out_bias": self.out_bias,
            "qk_norm": self.qk_norm,
            "value_initializer": keras.initializers.serialize(self.value_initializer),
        }


def rotated(x, p_bias, position):
    """Rotate heads (b, h, n, d) by their positions if `p_bias` is rotary."""
    if p_bias not in ROTARY:
        return x
    pairs = "adjacent" if p_bias == "rotary" else "halves"
    return apply_rotary_position_embeddings(position[:, None], x, pairs=pairs)


def split_biases(tensors):
    """Split tensors into masks (boolean) and biases (numbers, to be added to the scores)."""
    masks, biases = [], []
    for x in tensors:
        boolean = keras.backend.standardize_dtype(x.dtype) == "bool"
        (masks if boolean else biases).append(x)
    return masks, biases
