"""Disentangled attention: scores between contents and relative positions (DeBERTa)."""

import math

import keras
import numpy as np
from keras import ops

from kerasx.checks import invalid
from kerasx.layers.attention import MultiHeadAttention
from kerasx.layers.relative_positions import TableLayer


def log_buckets(distances, buckets, max_distance):
    """Map distances to buckets: one for each up to m = buckets / 2, then logarithmically wider.

    Beyond m it is sign(δ) (m + ceil((m - 1) log(|δ| / m) / log((max_distance - 1) / m))); the last
    bucket is that of max_distance - 1.

    Args:
        distances: NumPy integers δ.
        buckets: number of buckets on each side of 0; 0 returns the distances.
        max_distance: the range that the buckets cover.

    Returns:
        Integers of the same shape.

    Source: arXiv 2006.03654, and the released code of deberta-v2.

    >>> log_buckets(np.array([-9, -2, 0, 3, 7, 9, 15]), 8, 16).tolist()
    [-6, -2, 0, 3, 6, 6, 7]
    """
    middle = buckets // 2
    if not middle:
        return distances
    size = np.maximum(np.abs(distances), middle).astype("float64")
    far = np.log(size / middle) / np.log((max_distance - 1) / middle) * (middle - 1)
    far = np.sign(distances) * (np.ceil(far).astype("int64") + middle)
    return np.where(np.abs(distances) <= middle, distances, far)


@keras.saving.register_keras_serializable("kerasx")
class DisentangledAttention(MultiHeadAttention):
    """Attention whose scores add content-to-position and position-to-content terms.

    (Q_i · K_j + Q_i · K^r_δ(i,j) + K_j · Q^r_δ(i,j)) / sqrt(key_size (1 + len(pos_att_type))),

    where "c2p" is the second term and "p2c" the third. δ(i, j) is the bucket of i - j. K^r and Q^r
    are projections of a table of vectors, (1, 2k, d), one for each bucket. The table is an input
    of the layer with `p_bias="disentangled"`, at the place of positions in `MultiHeadAttention`.

    Args:
        pos_att_type: list of "c2p" and "p2c", the terms to add.
        position_buckets: number of buckets on each side of 0 (`log_buckets`); 0 for one bucket for
            each distance.
        max_distance: longer distances share a bucket; k is `position_buckets or max_distance`.
        share_att_key: project the table with the kernels of the contents.
        args, kwargs: as in `MultiHeadAttention`.

    Source: arXiv 2006.03654, 2111.09543.

    >>> x, table = ops.ones((2, 5, 8)), ops.ones((1, 6, 8))
    >>> layer = DisentangledAttention(heads=2, head_size=4, max_distance=3)
    >>> ops.shape(layer([x, x, x, table], p_bias="disentangled"))
    (2, 5, 8)
    """

    p_biases = (None, "disentangled")

    def __init__(
        self,
        *args,
        pos_att_type=("c2p", "p2c"),
        position_buckets=0,
        max_distance=512,
        share_att_key=False,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        if not set(pos_att_type) <= {"c2p", "p2c"}:
            text = "`pos_att_type` must be a list of 'c2p' and 'p2c'."
            raise invalid(text, pos_att_type=pos_att_type)
        self.pos_att_type = tuple(pos_att_type)
        self.position_buckets = position_buckets
        self.max_distance = max_distance
        self.share_att_key = share_att_key
        if "c2p" in self.pos_att_type and not share_att_key:
            self.pos_k_dense = self._dense("pos_k_dense", self.heads * self.key_size)
        if "p2c" in self.pos_att_type and not share_att_key:
            self.pos_q_dense = self._dense("pos_q_dense", self.heads * self.key_size)

    def build(self, input_shape):
        super().build(input_shape)
        for name in ("pos_k_dense", "pos_q_dense"):
            if hasattr(self, name):
                getattr(self, name).build((1, None, input_shape[0][-1]))

    def pay_attention_to(self, q, k, v, mask=None, bias=None, relative=None, training=None):
        q = q / math.sqrt(1 + len(self.pos_att_type))
        if relative is not None:
            disentangled = self.disentangled_bias(q, k, relative)
            bias = disentangled if bias is None else bias + disentangled
        return super().pay_attention_to(q, k, v, mask, bias, None, training)

    def disentangled_bias(self, q, k, table):
        """Compute the added terms, (b, h, n, m); q is scaled, but not yet by 1/sqrt(key_size)."""
        index = self.buckets(ops.shape(q)[2], ops.shape(k)[2])[None, None]
        scores = 0.0
        if "c2p" in self.pos_att_type:
            dense = self.k_dense if self.share_att_key else self.pos_k_dense
            keys = self.split_heads(dense(table), self.heads)
            scores += _gathered(ops.matmul(q, ops.swapaxes(keys, -1, -2)), index)
        if "p2c" in self.pos_att_type:
            dense = self.q_dense if self.share_att_key else self.pos_q_dense
            queries = self.split_heads(dense(table), self.heads)
            queries = queries / math.sqrt(1 + len(self.pos_att_type))
            index = ops.swapaxes(index, -1, -2)
            transposed = _gathered(ops.matmul(k, ops.swapaxes(queries, -1, -2)), index)
            scores += ops.swapaxes(transposed, -1, -2)
        return scores / math.sqrt(self.key_size) if self.attention_scale else scores

    def buckets(self, n, m):
        """Return the rows of the table for the distances i - j, (n, m).

        A NumPy table holds the buckets, since logarithms of the backends differ in the last bit.
        """
        reach, rows = self.max_distance, self.position_buckets or self.max_distance
        near = log_buckets(np.arange(-reach, reach + 1), self.position_buckets, reach)
        near = ops.convert_to_tensor(np.clip(near + rows, 0, 2 * rows - 1), "int32")
        distances = ops.arange(n)[:, None] - ops.arange(m)[None, :]
        return ops.take(near, ops.clip(distances, -reach, reach) + reach, axis=0)

    def get_config(self):
        return {
            **super().get_config(),
            "pos_att_type": list(self.pos_att_type),
            "position_buckets": self.position_buckets,
            "max_distance": self.max_distance,
            "share_att_key": self.share_att_key,
        }


def _gathered(scores, index):
    """Gather scores[b, h, i, index[i, j]], (b, h, n, m)."""
    index = ops.broadcast_to(index, (*ops.shape(scores)[:2], *ops.shape(index)[2:]))
    if 0 in index.shape:  # TensorFlow raises an error for an empty gather
        return ops.zeros(ops.shape(index), scores.dtype)
    return ops.take_along_axis(scores, index, axis=-1)


@keras.saving.register_keras_serializable("kerasx")
class VectorTable(TableLayer):
    """A table of trainable vectors, returned as (1, input_dim, output_dim) for any input.

    Args:
        input_dim: number of vectors.
        output_dim: size of a vector.
        embeddings_initializer: initializer of the table.

    >>> ops.shape(VectorTable(6, 4)(ops.ones((2, 3))))
    (1, 6, 4)
    """

    def __init__(self, input_dim, output_dim, embeddings_initializer="uniform", **kwargs):
        super().__init__(input_dim, output_dim, embeddings_initializer, **kwargs)

    def call(self, inputs):
        return ops.cast(self.embeddings, self.compute_dtype)[None]

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((1, self.input_dim, self.output_dim), dtype=self.compute_dtype)
