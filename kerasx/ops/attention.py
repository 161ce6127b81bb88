"""Attention as a function of queries, keys and values."""

import math

import keras
from keras import ops

from kerasx.backend import kernels, mask_value, widened
from kerasx.checks import check_choice
from kerasx.ops.dropout import dropout as random_dropout
from kerasx.ops.shapes import align


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
    """Compute attention, softmax(QKᵀ·scale + bias) V, over the keys that the mask allows.

    Uses the backend's fused kernel where it has one for these arguments. A query whose keys are all
    masked gets zero, with zero gradient.

    Args:
        query: (b, h, n, d).
        key: (b, h, m, d).
        value: (b, h, m, e).
        mask: boolean, broadcasts to (b, h, n, m); True where the query sees the key.
        bias: added to the scores; broadcasts to (b, h, n, m).
        scale: factor of the scores, 1/sqrt(d) by default.
        normalization: "softmax", "softmax_plus" or "squared_relu": see `attention_normalize`.
        dropout: rate at which attention weights are dropped; needs a `seed`.
        seed: keras.random.SeedGenerator.

    Returns:
        (b, h, n, e) in the dtype of `value`.

    Source: arXiv 1706.03762.

    >>> x = ops.ones((1, 2, 3, 4))
    >>> ops.shape(attention(x, x, x))
    (1, 2, 3, 4)
    """
    query, key, value = (ops.convert_to_tensor(x) for x in (query, key, value))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if not kernels.attention_is_plain() and not dropout and normalization == "softmax":
        kernel = kernels.attention_kernel(query, value)
        if kernel is not None:
            return _blank_rows_to_zero(kernel(query, key, value, mask, bias, scale), mask)
    scores = attention_scores(query, key, bias, scale)
    return attend(scores, value, mask, normalization, dropout, seed)


def attention_scores(query, key, bias=None, scale=1.0, relative=None):
    """Compute attention scores Q(K + R)ᵀ·scale + bias before the mask.

    Args:
        query: (b, h, n, d).
        key: (b, h, m, d).
        bias: broadcasts to (b, h, n, m), or None.
        scale: factor of the scores.
        relative: vectors R of relative positions, (1 or b, n, m, ≥ d), of which the first d
            components count; None for no R.

    Returns:
        (b, h, n, m).
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
    """Turn attention scores into weights and return the weighted sum of the values.

    Args:
        scores: (b, h, n, m).
        value: (b, h, m, e).
        mask, normalization, dropout, seed: as in `attention`.
        relative: vectors added to the values, (1 or b, n, m, ≥ e), or None.

    Returns:
        (b, h, n, e) in the dtype of `value`.
    """
    weights = ops.cast(attention_normalize(scores, mask, -1, normalization), value.dtype)
    if dropout:
        weights = random_dropout(weights, dropout, seed)
    outputs = ops.matmul(weights, value)
    if relative is not None:
        relative = ops.cast(relative[..., : value.shape[-1]], value.dtype)
        outputs = outputs + _einsum_relative("bhnm,bnmd->bhnd", weights, relative)
    return _blank_rows_to_zero(outputs, mask)


def _einsum_relative(subscripts, x, relative):
    """Compute an einsum of x and relative vectors, which all examples may share."""
    if relative.shape[0] == 1:
        subscripts, relative = subscripts.replace(",b", ","), relative[0]
    return ops.einsum(subscripts, x, relative)


def _blank_rows_to_zero(outputs, mask):
    """Multiply by 0 the output of each query whose keys are all masked: finite, but meaningless."""
    if mask is None:
        return outputs
    return outputs * ops.cast(ops.any(mask, axis=-1, keepdims=True), outputs.dtype)


def attention_normalize(scores, mask=None, axis=-1, method="softmax", bias=None):
    """Normalize attention scores to weights, in float32 at least.

    - softmax;
    - softmax_plus: softmax(s log m / log 512) for m visible keys, but at least 16, which keeps
      the entropy steady when sequences grow (kexue.fm/archives/8823, 9019);
    - squared_relu: relu(s)² / m (kexue.fm/archives/8934).

    Args:
        scores: (..., m).
        mask: boolean, broadcasts to the scores; True where a key is visible. For scores of more
            axes, (b, m) is a mask of the keys of each example.
        axis: the axis of the keys.
        method: "softmax", "softmax_plus" or "squared_relu".
        bias: numbers added to the scores, or a further mask; None for neither.

    Returns:
        Weights of the shape of the scores, float32 or wider; 0 at masked keys, except in rows that
        are masked as a whole.
    """
    scores = widened(scores)
    mask = None if mask is None else ops.cast(mask, "bool")
    if mask is not None and len(mask.shape) == 2 < len(scores.shape):
        mask = align(mask, [0, axis], len(scores.shape))
    if bias is not None and keras.backend.standardize_dtype(bias.dtype) == "bool":
        mask = bias if mask is None else ops.logical_and(mask, bias)
    elif bias is not None:
        scores = scores + ops.cast(bias, scores.dtype)
    check_choice("method", method, ("softmax", "softmax_plus", "squared_relu"))
    if method != "softmax":
        ones = ops.ones_like(scores)  # of full shape: the mask may broadcast along the keys
        visible = ones if mask is None else ops.where(mask, ones, 0.0)
        count = ops.maximum(ops.sum(visible, axis, keepdims=True), 1)
    if method == "squared_relu":
        weights = ops.square(ops.relu(scores)) / count
        return weights if mask is None else weights * ops.cast(mask, weights.dtype)
    if method == "softmax_plus":
        scores = scores * (ops.log(ops.maximum(count, 16)) / math.log(512))
    if mask is not None:
        dtype = keras.backend.standardize_dtype(scores.dtype)
        scores = ops.where(mask, scores, ops.cast(mask_value(dtype), dtype))
    return ops.softmax(scores, axis=axis)
