"""The gated attention unit (GAU): attention and feed-forward network in one layer."""

import functools
import math

import keras
from keras import ops

from kerasx import backend
from kerasx.checks import check_choice
from kerasx.layers.attention import rotated, split_biases
from kerasx.layers.normalization import ScaleOffset
from kerasx.layers.parts import another
from kerasx.layers.recompute import Recomputable
from kerasx.ops import attention, get_activation, padding

P_BIASES = (None, "rotary", "rotary_halves")


@keras.saving.register_keras_serializable("kerasx")
class GatedAttentionUnit(Recomputable):
    """Gated attention unit o = (u ⊙ A v) W_o: one attention head with an elementwise gate u.

    u, v and z are the parts of act(x W_i), of sizes units, units and key_size. Queries and keys are
    z with a scale and an offset each; A = normalize(q kᵀ / sqrt(key_size)).

    Called on x (b, n, d), or on a list of x and then a mask or bias and rotary positions, as in
    `MultiHeadAttention`. The Keras mask masks padding. With `self_attention=False` the layer is
    called on [query, key, value, ...]; then (u, q), k and v have separate projections.

    Args:
        units: size of the values and of the gate, usually twice that of x.
        key_size: size of queries and keys, usually 128.
        activation: activation of the projections.
        use_bias: use biases in the projections, and offsets in queries and keys.
        normalization: "squared_relu", "softmax_plus" or "softmax".
        self_attention: compute queries, keys and values from one sequence.
        attention_scale: divide scores by sqrt(key_size).
        attention_dropout: rate at which attention weights are dropped.
        kernel_initializer: initializer of the kernels.
        recompute: as in `Recomputable`.

    Source: arXiv 2202.10447; kexue.fm/archives/8934, 9019.

    >>> ops.shape(GatedAttentionUnit(units=16, key_size=4)(ops.ones((2, 5, 8))))
    (2, 5, 8)
    """

    heads = 1
    return_attention_scores = False

    def __init__(
        self,
        units,
        key_size,
        activation="swish",
        use_bias=True,
        normalization="squared_relu",
        self_attention=True,
        attention_scale=True,
        attention_dropout=None,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.key_size = key_size
        self.activation = activation
        self.use_bias = use_bias
        self.normalization = normalization
        self.self_attention = self_attention
        self.attention_scale = attention_scale
        self.attention_dropout = attention_dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed_generator = keras.random.SeedGenerator() if attention_dropout else None
        self.supports_masking = True

    def build(self, input_shape):
        listed = isinstance(input_shape[0], (list, tuple))
        query, key, value, _ = self.unpack(input_shape if listed else [input_shape])
        self.out_dim = query[-1]
        if self.self_attention:
            self.i_dense = self._dense("i_dense", 2 * self.units + self.key_size, query)
            self.q_scaleoffset = self._scale_offset("q_scaleoffset")
            self.k_scaleoffset = self._scale_offset("k_scaleoffset")
        else:
            self.uq_dense = self._dense("uq_dense", self.units + self.key_size, query)
            self.k_dense = self._dense("k_dense", self.key_size, key)
            self.v_dense = self._dense("v_dense", self.units, value)
        self.o_dense = self._dense("o_dense", self.out_dim, (*query[:-1], self.units), None)

    def _dense(self, name, units, shape, activation="own"):
        layer = keras.layers.Dense(
            units,
            get_activation(self.activation) if activation else None,
            self.use_bias,
            kernel_initializer=another(self.kernel_initializer),
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build(shape)
        return layer

    def _scale_offset(self, name):
        layer = ScaleOffset(offset=self.use_bias, dtype=self.dtype_policy, name=name)
        layer.build((None, None, self.key_size))
        return layer

    def compute_mask(self, inputs, mask=None):
        return mask[0] if isinstance(mask, (list, tuple)) else mask

    @backend.recompute_grad
    def call(self, inputs, mask=None, a_bias=False, p_bias=None, training=None):
        query, key, value, extras = self.unpack(inputs)
        check_choice("p_bias", p_bias, P_BIASES)
        position = extras.pop(int(a_bias)) if p_bias else None
        masks, biases = split_biases(extras)
        valid = self.unpack(mask)[2] if mask is not None else None
        masks += [] if valid is None else [padding(valid).allowed]
        mask = functools.reduce(ops.logical_and, masks) if masks else None
        u, q, k, v = self.project(query, key, value, p_bias, position)
        o = self.attend(q, k, v, mask, sum(biases) if biases else None, training)
        return self.o_dense(u * o[:, 0])

    def unpack(self, inputs):
        """Split the layer's inputs into query, key, value and the list of the rest."""
        inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        sources = inputs[:1] * 3 if self.self_attention else inputs[:3]
        return *sources, inputs[1 if self.self_attention else 3 :]

    def project(self, query, key, value, p_bias=None, position=None):
        """Return the gate (b, n, units), and q, k, v with a head axis, (b, 1, n, size)."""
        sizes = [self.units, 2 * self.units]
        if self.self_attention:
            u, v, z = ops.split(self.i_dense(query), sizes, axis=-1)
            q, k = self.q_scaleoffset(z), self.k_scaleoffset(z)
        else:
            u, q = ops.split(self.uq_dense(query), sizes[:1], axis=-1)
            k, v = self.k_dense(key), self.v_dense(value)
        q, k, v = (x[:, None] for x in (q, k, v))
        return u, rotated(q, p_bias, position), rotated(k, p_bias, position), v

    def attend(self, q, k, v, mask=None, bias=None, training=None):
        """Compute A v, (b, 1, n, units)."""
        scale = 1 / math.sqrt(self.key_size) if self.attention_scale else 1.0
        dropout = self.attention_dropout if training and self.attention_dropout else 0.0
        options = (self.normalization, dropout, self.seed_generator)
        return attention(q, k, v, mask, bias, scale, *options)

    # the methods that `CachedAttention` and `ProjectedKeys` call

    def project_query(self, query, p_bias=None, position=None):
        """Return query and gate in one tensor, (b, 1, n, key_size + units)."""
        u, q, *_ = self.project(query, query, query, p_bias, position)
        return ops.concatenate([q, u[:, None]], axis=-1)

    def project_keys(self, key, value, p_bias=None, position=None):
        """Project key and value alone; decoding keeps them in its cache."""
        return self.project(key, key, value, p_bias, position)[2:]

    def pay_attention_to(self, q, k, v, mask=None, bias=None, relative=None, training=None):
        """Return the gated outputs (b, 1, n, units) and None for the scores."""
        q, u = ops.split(q, [self.key_size], axis=-1)
        return u * self.attend(q, k, v, mask, bias, training), None

    def merge(self, outputs_and_scores):
        """Project the result of `pay_attention_to` to the outputs of the layer."""
        return self.o_dense(outputs_and_scores[0][:, 0])

    def compute_output_shape(self, input_shape):
        listed = isinstance(input_shape[0], (list, tuple))
        return tuple(input_shape[0] if listed else input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "key_size": self.key_size,
            "activation": keras.saving.serialize_keras_object(self.activation),
            "use_bias": self.use_bias,
            "normalization": self.normalization,
            "self_attention": self.self_attention,
            "attention_scale": self.attention_scale,
            "attention_dropout": self.attention_dropout,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
