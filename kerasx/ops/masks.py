"""Attention masks as values: which keys each query sees.

A `Mask` wraps a boolean tensor that broadcasts to (b, h, n, m): batch, heads, queries, keys.
Masks are composed with `&`, `|` and `~`; `str(mask)` draws the mask of the first example.

>>> print(causal(3))
■□□
■■□
■■■
>>> print(causal(4) & sliding_window(4, width=2))
■□□□
■■□□
□■■□
□□■■
"""

import functools
import operator

import keras
import numpy as np
from keras import ops

from kerasx.backend import mask_value
from kerasx.checks import invalid
from kerasx.ops.shapes import align


class Mask:
    """The keys that each query sees; composed with `&`, `|`, `~`.

    Args:
        allowed: boolean tensor that broadcasts to (b, h, n, m); True where the query sees the key.
    """

    def __init__(self, allowed):
        self.allowed = allowed

    def __and__(self, other):
        return Mask(ops.logical_and(self.allowed, other.allowed))

    def __or__(self, other):
        return Mask(ops.logical_or(self.allowed, other.allowed))

    def __invert__(self):
        return Mask(ops.logical_not(self.allowed))

    def __str__(self):
        rows = np.atleast_2d(ops.convert_to_numpy(self.allowed)[0, 0])
        return "\n".join("".join("■" if cell else "□" for cell in row) for row in rows)


def _relative(n, m=None):
    """Return key index minus query index, (n, m); the last query is at the last key."""
    m = n if m is None else m
    return ops.arange(m)[None, :] - (ops.arange(n)[:, None] + (m - n))


def padding(valid):
    """Let every query see the keys that are not padding.

    Args:
        valid: boolean (b, m), True at real tokens.
    """
    return Mask(ops.cast(valid, "bool")[:, None, None, :])


def causal(n, m=None):
    """Let each query see the keys up to its own position.

    Args:
        n: number of queries.
        m: number of keys, `n` by default; with more keys, the queries are at the last n of them.
    """
    return Mask((_relative(n, m) <= 0)[None, None])


def anticausal(n, m=None):
    """Let each query see the keys from its own position on; arguments as in `causal`."""
    return Mask((_relative(n, m) >= 0)[None, None])


def across_heads(heads, *masks):
    """Divide the heads into equal groups, in order, with one mask for each group.

    Args:
        heads: number of heads, a multiple of the number of masks.
        masks: the masks of the groups.
    """
    if not masks or heads % len(masks):
        text = "`heads` must be a multiple of the number of masks."
        raise invalid(text, heads=heads, masks=len(masks))
    group = np.repeat(np.arange(len(masks)), heads // len(masks))[None, :, None, None]
    parts = (Mask(ops.convert_to_tensor(group == i)) & mask for i, mask in enumerate(masks))
    return functools.reduce(operator.or_, parts)


def half_causal(n, heads):
    """Make the first half of the heads causal and the second half anticausal.

    Together they see every key, while the weights of each head are triangular and therefore of
    full rank: for masked language models (kexue.fm/archives/9529).

    Args:
        n: sequence length.
        heads: an even number.

    >>> mask = half_causal(2, heads=2)
    >>> ops.convert_to_numpy(mask.allowed).astype(int).tolist()
    [[[[1, 0], [1, 1]], [[1, 1], [0, 1]]]]
    """
    return across_heads(heads, causal(n), anticausal(n))


def sliding_window(n, width, m=None):
    """Let each query see the keys less than `width` positions away, on both sides.

    `sliding_window(n, width) & causal(n)` sees one side. n and m as in `causal`.
    """
    return Mask((ops.abs(_relative(n, m)) < width)[None, None])


def prefix(lengths, n):
    """Let the first tokens see each other, and the rest be causal (prefix language model).

    Args:
        lengths: integers (b,), the length of each prefix.
        n: sequence length.
    """
    inside = ops.arange(n)[None, :] < ops.cast(lengths, "int32")[:, None]  # (b, n)
    return Mask(inside[:, None, None, :]) | causal(n)


def unilm(segment_ids):
    """Let source tokens see the whole source, and target tokens what precedes them (UniLM).

    Query i sees key j if s_j <= s_i, where s is the cumulative sum of the segment ids: 0 in the
    source, and one more with each target token.

    Args:
        segment_ids: integers (b, n), 0 for the source and 1 for the target.

    Source: arXiv 1905.03197; kexue.fm/archives/6933.

    >>> print(unilm(np.array([[0, 0, 1, 1]])))
    ■■□□
    ■■□□
    ■■■□
    ■■■■
    """
    s = ops.cumsum(ops.cast(segment_ids, "int32"), axis=1)
    return Mask((s[:, None, :] <= s[:, :, None])[:, None])


def same_document(document_ids):
    """Let each query see the keys of its own document, in rows of several documents.

    Args:
        document_ids: integers (b, n), the number of the document of each token.

    >>> print(same_document(np.array([[1, 1, 2]])) & causal(3))
    ■□□
    ■■□
    □□■
    """
    ids = ops.convert_to_tensor(document_ids)
    return Mask((ids[:, None, :] == ids[:, :, None])[:, None])


def sequence_masking(x, mask=None, value=0, axis=None, bias=None, return_mask=False):
    """Set the padding of a sequence to `value`.

    Args:
        x: tensor with the batch as its first axis and the sequence at `axis`.
        mask: (b, n), true at real tokens; None masks nothing.
        value: number, or "-inf" / "inf" for `mask_value` of the dtype and its negative.
        axis: axis of the sequence, 1 by default; a list where several axes are of the sequence.
        bias: numbers added to x before masking; or booleans that broadcast to x, false where x is
            masked as well.
        return_mask: also return the mask, aligned with x.

    Returns:
        Tensor like x, or (tensor, mask).

    >>> import numpy as np
    >>> x = sequence_masking(np.ones((1, 3)), np.array([[1, 1, 0]]), 9.0)
    >>> ops.convert_to_numpy(x).tolist()
    [[1.0, 1.0, 9.0]]
    """
    x = ops.convert_to_tensor(x)
    mask = None if mask is None else _aligned(mask, axis, len(x.shape))
    if bias is not None and keras.backend.standardize_dtype(bias.dtype) == "bool":
        mask = bias if mask is None else ops.logical_and(mask, bias)
    elif bias is not None:
        x = x + bias
    if mask is not None:
        dtype = keras.backend.standardize_dtype(x.dtype)
        if value in ("-inf", "inf"):
            value = mask_value(dtype) * (1 if value == "-inf" else -1)
        x = ops.where(mask, x, ops.cast(value, dtype))
    return (x, mask) if return_mask else x


def _aligned(mask, axis, ndim):
    """Return a mask (b, n) as booleans along each axis of a sequence."""
    axes = axis if isinstance(axis, (list, tuple)) else [1 if axis is None else axis]
    mask = ops.cast(mask, "bool")
    return functools.reduce(ops.logical_and, [align(mask, [0, a], ndim) for a in axes])
