"""Attention as a function of queries, keys and values."""

import math

import keras
from keras import ops

from kerasx.backend import kernels, mask_value, widened
from kerasx.ops.dropout import dropout as random_dropout

__all__ = ["attend", "attention", "attention_normalize", "attention_scores"]


def attention(
    query,
    key,
    value,
    mask=None,
    bias=None,
    scale=None,
    normalization="softmax",
    dropout=0.0,
    seed=None,
):
    """softmax(QKᵀ·scale + bias) V, each query looking only where the mask allows.

    The backend's fused kernel is used where it computes just this. A query that may look nowhere
    gives zero, with zero gradient.

    Args:
        query: (b, h, n, d).
        key: (b, h, m, d).
        value: (b, h, m, e).
        mask: boolean, broadcasts to (b, h, n, m).
        bias: numbers added to the scores, broadcast likewise.
        scale: 1/sqrt(d) by default.
        normalization: see `attention_normalize`.
        dropout: rate at which attention weights are dropped; needs a `seed`.
        seed: a keras.random.SeedGenerator.

    Returns:
        (b, h, n, e) in the dtype of `value`. Source: arXiv 1706.03762.

    >>> x = ops.ones((1, 2, 3, 4))
    >>> ops.shape(attention(x, x, x))
    (1, 2, 3, 4)
    """
    query, key, value = (ops.convert_to_tensor(x) for x in (query, key, value))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if not kernels.attention_is_plain() and not dropout and normalization == "softmax":
        kernel = kernels.attention_kernel(query, key, value)
        if kernel is not None:
            return _blank_rows_to_zero(kernel(query, key, value, mask, bias, scale), mask)
    scores = attention_scores(query, key, bias, scale)
    return attend(scores, value, mask, normalization, dropout, seed)


def attention_scores(query, key, bias=None, scale=1.0, relative=None):
    """Q(K + R)ᵀ·scale + bias: (b, h, n, m), with relative vectors R or none.

    R is (1 or b, n, m, ≥ d); its first d components count, d being the size of a query head.
    """
    query = query * scale
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
    if relative is not None:
        relative = ops.cast(relative[..., : query.shape[-1]], query.dtype)
        scores = scores + _einsum_relative("bhnd,bnmd->bhnm", query, relative)
    return scores if bias is None else scores + ops.cast(bias, scores.dtype)


def attend(
    scores, value, mask=None, normalization="softmax", dropout=0.0, seed=None, relative=None
):
    """From scores (b, h, n, m), values (b, h, m, e) and relative vectors (1 or b, n, m, ≥ e), if
    any, to outputs (b, h, n, e)."""
    weights = ops.cast(attention_normalize(scores, mask, -1, normalization), value.dtype)
    if dropout:
        weights = random_dropout(weights, dropout, seed)
    outputs = ops.matmul(weights, value)
    if relative is not None:
        relative = ops.cast(relative[..., : value.shape[-1]], value.dtype)
        outputs = outputs + _einsum_relative("bhnm,bnmd->bhnd", weights, relative)
    return _blank_rows_to_zero(outputs, mask)


def _einsum_relative(subscripts, x, relative):
    """The einsum; relative vectors that are the same for all examples have no batch dimension."""
    if relative.shape[0] == 1:
        subscripts, relative = subscripts.replace(",b", ","), relative[0]
    return ops.einsum(subscripts, x, relative)


def _blank_rows_to_zero(outputs, mask):
    """Where a query may look nowhere its (finite, meaningless) output is multiplied by 0."""
    if mask is None:
        return outputs
    return outputs * ops.cast(ops.any(mask, axis=-1, keepdims=True), outputs.dtype)


def attention_normalize(scores, mask=None, axis=-1, method="softmax"):
    """Scores to weights, in float32 at least.

    softmax; softmax_plus: softmax(s log m / log 512), m the number of keys seen or 16 if these
    are fewer, which keeps the entropy steady when sequences grow (kexue.fm/archives/8823, 9019);
    squared_relu: relu(s)² / m (kexue.fm/archives/8934).

    Args:
        scores: (..., m).
        mask: boolean, broadcasts to the scores.
        axis: the keys' dimension.
        method: "softmax", "softmax_plus" or "squared_relu".

    Returns:
        Weights of the scores' shape, float32 or wider; 0 where the mask forbids, unless it
        forbids the whole row.
    """
    scores = widened(scores)
    if method not in ("softmax", "softmax_plus", "squared_relu"):
        raise ValueError(
            "`method` must be 'softmax', 'softmax_plus' or 'squared_relu'. "
            f"Received: method={method!r}"
        )
    if method != "softmax":
        seen = ops.ones_like(scores)  # in the scores' shape, whatever the mask broadcasts from
        seen = seen if mask is None else ops.where(mask, seen, 0.0)
        count = ops.maximum(ops.sum(seen, axis, keepdims=True), 1)
    if method == "squared_relu":
        weights = ops.square(ops.relu(scores)) / count
        return weights if mask is None else weights * ops.cast(mask, weights.dtype)
    if method == "softmax_plus":
        scores = scores * (ops.log(ops.maximum(count, 16)) / math.log(512))
    if mask is not None:
        dtype = keras.backend.standardize_dtype(scores.dtype)
        scores = ops.where(mask, scores, ops.cast(mask_value(dtype), dtype))
    return ops.softmax(scores, axis=axis)
