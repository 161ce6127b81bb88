"""Attention whose heads mix their scores (talking heads)."""

import keras
from keras import ops

from kerasx.layers.attention import MultiHeadAttention
from kerasx.ops import attend, attention_scores


@keras.saving.register_keras_serializable("kerasx")
class TalkingHeadsAttention(MultiHeadAttention):
    """Multi-head attention with mixed scores J_i = Σ_j λ_ij Q_j K_jᵀ / sqrt(key_size).

    λ (heads, heads) starts as the identity, which is plain attention. Biases and masks apply after
    the mixing. It raises the bound on the rank of a head's scores from key_size to
    heads * key_size.

    The arguments are those of `MultiHeadAttention`.

    Source: arXiv 2003.02436, of which this is the mixing before the softmax;
    kexue.fm/archives/7325.

    >>> x = ops.ones((2, 5, 8))
    >>> ops.shape(TalkingHeadsAttention(heads=2, head_size=4)([x, x, x]))
    (2, 5, 8)
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.mixing = self.add_weight(
            name="mixing", shape=(self.heads, self.heads), initializer="identity"
        )

    def pay_attention_to(self, q, k, v, mask=None, bias=None, relative=None, training=None):
        k, v = self.shared(k, v)
        scale, options = self.scale_and_options(training)
        scores = attention_scores(q, k, None, scale, relative)
        scores = ops.einsum("ij,bjnm->binm", ops.cast(self.mixing, scores.dtype), scores)
        scores = scores if bias is None else scores + ops.cast(bias, scores.dtype)
        return attend(scores, v, mask, *options, relative), scores
