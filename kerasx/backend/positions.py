"""Positions as functions: sinusoids, rotary embeddings, relative buckets."""

import numpy as np
from keras import ops

__all__ = [
    "apply_rotary_position_embeddings",
    "hierarchical_embeddings",
    "relative_position_buckets",
    "sinusoidal_embeddings",
]


def sinusoidal_embeddings(positions, dim, base=10000):
    """Interleaved sines and cosines of the positions (arXiv 1706.03762; kexue.fm/archives/8231).

    out[..., 2i] = sin(p base^(-2i/dim)), out[..., 2i+1] = cos(p base^(-2i/dim)).

    Args:
        positions: numbers (..., n).
        dim: even size of the embedding.
        base: the slowest period is 2π base.

    Returns:
        float32 (..., n, dim).

    >>> ops.convert_to_numpy(sinusoidal_embeddings([0.0], 4))
    array([[0., 1., 0., 1.]], dtype=float32)
    """
    if dim % 2:
        raise ValueError(f"`dim` must be even. Received: dim={dim}")
    frequencies = np.power(float(base), -np.arange(0, dim, 2) / dim).astype("float32")
    angles = ops.cast(positions, "float32")[..., None] * frequencies  # (..., n, dim/2)
    pairs = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
    return ops.reshape(pairs, (*ops.shape(angles)[:-1], dim))


def apply_rotary_position_embeddings(sinusoidal, *tensors):
    """Turn each pair (x_2i, x_2i+1) by its position's angle.

    Args:
        sinusoidal: `sinusoidal_embeddings` of the positions, (..., n, d), aligned with the tensors.
        tensors: queries and keys (..., n, d).

    Returns:
        The tensors turned; one tensor if one was given.
    """
    sin = ops.repeat(sinusoidal[..., ::2], 2, axis=-1)
    cos = ops.repeat(sinusoidal[..., 1::2], 2, axis=-1)
    tensors = [ops.convert_to_tensor(x) for x in tensors]
    turned = [
        x * ops.cast(cos, x.dtype) + _quarter_turn(x) * ops.cast(sin, x.dtype) for x in tensors
    ]
    return turned[0] if len(turned) == 1 else turned


def _quarter_turn(x):
    """(x0, x1, x2, x3, ...) -> (-x1, x0, -x3, x2, ...)."""
    return ops.reshape(ops.stack([-x[..., 1::2], x[..., ::2]], axis=-1), ops.shape(x))


def hierarchical_embeddings(table, positions, alpha=0.4):
    """Stretch a table of m positions to m² of them (kexue.fm/archives/7947).

    q_(i·m+j) = α u_i + (1-α) u_j with u = (p - α p_0) / (1-α), so the first m stay as they were.

    Args:
        table: (m, d).
        positions: integers (...) below m², or their number n, which means 0, ..., n-1.
        alpha: in (0, 1), other than 1/2.

    Returns:
        (..., d).

    >>> table = ops.convert_to_tensor([[0.0], [1.0]])
    >>> ops.convert_to_numpy(hierarchical_embeddings(table, 4, alpha=0.2)).round(2).tolist()
    [[0.0], [1.0], [0.25], [1.25]]
    """
    u = (table - alpha * table[:1]) / (1 - alpha)
    if len(getattr(positions, "shape", ())) == 0:
        positions = ops.arange(positions)
    m = table.shape[0]
    i, j = positions // m, positions % m
    return alpha * ops.take(u, i, axis=0) + (1 - alpha) * ops.take(u, j, axis=0)


def relative_position_buckets(relative, buckets=32, max_distance=128, bidirectional=True):
    """T5's buckets: one for each small distance, then logarithmically wider (arXiv 1910.10683).

    Args:
        relative: integers, key position minus query position.
        buckets: how many buckets in all.
        max_distance: distances from here on share the last bucket.
        bidirectional: half of the buckets for keys after the query; otherwise these share bucket 0.

    Returns:
        int32 of the same shape, in [0, buckets).
    """
    distance, first = -ops.cast(relative, "int32"), 0
    if bidirectional:
        buckets //= 2
        first = ops.cast(distance < 0, "int32") * buckets
        distance = ops.abs(distance)
    else:
        distance = ops.maximum(distance, 0)
    exact = buckets // 2
    far = ops.log(ops.cast(ops.maximum(distance, 1), "float32") / exact)
    far = exact + ops.cast(far / np.log(max_distance / exact) * (buckets - exact), "int32")
    return first + ops.where(distance < exact, distance, ops.minimum(far, buckets - 1))
