"""Score all spans of a sentence at once: each pair of a start and an end."""

import math

import keras
from keras import ops

from kerasx import backend
from kerasx.checks import invalid
from kerasx.layers.parts import another
from kerasx.layers.recompute import Recomputable
from kerasx.ops import (
    apply_rotary_position_embeddings,
    masks,
    reshape,
    sequence_masking,
    sinusoidal_embeddings,
)


@keras.saving.register_keras_serializable("kerasx")
class GlobalPointer(Recomputable):
    """Scores s[h, i, j] = q_h,i · k_h,j / sqrt(head_size) of label h for the span from i to j.

    Queries and keys are rotated by their positions, so that scores depend on the length of a span.
    A model trained with `multilabel_categorical_crossentropy` predicts the spans that score above 0
    (`kerasx.spans.pointer_spans`). Padding, by the Keras mask, and spans that end before they start
    score the finite "-inf" of the dtype, which the losses leave out.

    Called on (b, n, d); returns (b, heads, n, n).

    Args:
        heads: number of labels.
        head_size: size of queries and keys, even if `RoPE`.
        RoPE: rotate queries and keys by their positions.
        use_bias: use biases in the projections.
        tril_mask: mask spans that end before they start; False for pairs in any order.
        kernel_initializer: initializer of the kernels.
        recompute: as in `Recomputable`.

    Source: arXiv 2208.03054; bert4keras; kexue.fm/archives/8373.

    >>> ops.shape(GlobalPointer(heads=3, head_size=4)(ops.ones((2, 5, 8))))
    (2, 3, 5, 5)
    """

    def __init__(
        self,
        heads,
        head_size,
        RoPE=True,
        use_bias=True,
        tril_mask=True,
        kernel_initializer="lecun_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if RoPE and head_size % 2:
            text = "`head_size` must be even for rotary positions, or `RoPE` False."
            raise invalid(text, head_size=head_size)
        self.heads = heads
        self.head_size = head_size
        self.RoPE = RoPE
        self.use_bias = use_bias
        self.tril_mask = tril_mask
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True

    def build(self, input_shape):
        self.dense = self.projection("dense", 2 * self.heads * self.head_size, input_shape)

    def projection(self, name, units, input_shape):
        """Return a built Dense layer with the options of this layer."""
        dense = keras.layers.Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=another(self.kernel_initializer),
            dtype=self.dtype_policy,
            name=name,
        )
        dense.build(input_shape)
        return dense

    def compute_mask(self, inputs, mask=None):
        return None

    @backend.recompute_grad
    def call(self, inputs, mask=None):
        x = reshape(self.dense(inputs), (None, None, self.heads, 2 * self.head_size))
        q, k = self.rotated(*ops.split(ops.swapaxes(x, 1, 2), 2, axis=-1))  # (b, h, n, head_size)
        return self.masked(q @ ops.swapaxes(k, -1, -2) / math.sqrt(self.head_size), mask)

    def rotated(self, q, k):
        """Rotate queries and keys (..., n, head_size) by their positions, if `RoPE`."""
        if not self.RoPE:
            return q, k
        angles = sinusoidal_embeddings(ops.arange(ops.shape(q)[-2]), self.head_size)
        return apply_rotary_position_embeddings(angles, q, k)

    def masked(self, scores, mask):
        """Mask padding in scores (b, h, n, n), and spans that end before they start."""
        scores = sequence_masking(scores, mask, "-inf", axis=[2, 3])
        if not self.tril_mask:
            return scores
        low = backend.mask_value(keras.backend.standardize_dtype(scores.dtype))
        return ops.where(masks.anticausal(ops.shape(scores)[-1]).allowed, scores, low)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.heads, input_shape[1], input_shape[1])

    def get_config(self):
        return {
            **super().get_config(),
            "heads": self.heads,
            "head_size": self.head_size,
            "RoPE": self.RoPE,
            "use_bias": self.use_bias,
            "tril_mask": self.tril_mask,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable("kerasx")
class EfficientGlobalPointer(GlobalPointer):
    """Scores s[h, i, j] = q_i · k_j / sqrt(head_size) + (a_h,i + b_h,j) / 2, with fewer parameters.

    One pair of queries and keys, shared by all labels, scores the span; a and b, linear in them,
    score its label h: 4 head_size + 2 parameters for each label instead of 2 head_size d.

    Args:
        heads, head_size, ...: as in `GlobalPointer`.

    Source: bert4keras; kexue.fm/archives/8877.

    >>> ops.shape(EfficientGlobalPointer(heads=3, head_size=4)(ops.ones((2, 5, 8))))
    (2, 3, 5, 5)
    """

    def build(self, input_shape):
        size = 2 * self.head_size
        self.p_dense = self.projection("p_dense", size, input_shape)
        self.q_dense = self.projection("q_dense", 2 * self.heads, (*input_shape[:-1], size))

    @backend.recompute_grad
    def call(self, inputs, mask=None):
        x = self.p_dense(inputs)
        q, k = self.rotated(x[..., ::2], x[..., 1::2])
        scores = (q @ ops.swapaxes(k, -1, -2) / math.sqrt(self.head_size))[:, None]
        bias = ops.swapaxes(self.q_dense(x), 1, 2) / 2  # (b, 2h, n): ends, starts in turn
        scores = scores + bias[:, ::2, None] + bias[:, 1::2, :, None]
        return self.masked(scores, mask)
