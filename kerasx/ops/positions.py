"""Positions as functions: sinusoids, rotary embeddings, relative buckets."""

import numpy as np
from keras import ops

__all__ = [
    "apply_rotary_position_embeddings",
    "hierarchical_embeddings",
    "relative_position_buckets",
    "rotary_frequencies",
    "sinusoidal_embeddings",
]


def sinusoidal_embeddings(positions, dim, base=10000, scaling=None):
    """Interleaved sines and cosines of the positions (arXiv 1706.03762; kexue.fm/archives/8231).

    out[..., 2i] = sin(p ω_i), out[..., 2i+1] = cos(p ω_i), with ω_i = base^(-2i/dim).

    Args:
        positions: numbers (..., n).
        dim: even size of the embedding.
        base: the slowest period is 2π base.
        scaling: None, or a dict that changes the frequencies, see `rotary_frequencies`.

    Returns:
        float32 (..., n, dim).

    >>> ops.convert_to_numpy(sinusoidal_embeddings([0.0], 4))
    array([[0., 1., 0., 1.]], dtype=float32)
    """
    # as a tensor: PyTorch would leave a product with an array to NumPy, out of a recorded graph
    frequencies = ops.convert_to_tensor(rotary_frequencies(dim, base, scaling), "float32")
    angles = ops.cast(positions, "float32")[..., None] * frequencies  # (..., n, dim/2)
    pairs = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
    return ops.reshape(pairs, (*ops.shape(angles)[:-1], dim))


def rotary_frequencies(dim, base=10000, scaling=None):
    """ω_i = base^(-2i/dim), i = 0, ..., dim/2 - 1, or slower ones that reach further.

    With a factor k > 1 as `scaling["factor"]`, `scaling["type"]` says how a model trained on
    positions below L = `scaling["original_length"]` is stretched to k L:

    - "linear": ω_i / k, which is positions divided by k (arXiv 2306.15595).
    - "ntk": base · k^(dim / (dim-2)): the fastest frequency stays, the slowest is divided by k
      (kexue.fm/archives/9675).
    - "llama3": ω_i for wavelengths below L / high, ω_i / k above L / low, in between the mean of
      both, linear in L / wavelength; low and high are "low_freq_factor" and "high_freq_factor".

    Args:
        dim: even.
        base: > 1.
        scaling: the dict, or None.

    Returns:
        float64 NumPy (dim/2,).

    >>> rotary_frequencies(4, base=100).tolist()
    [1.0, 0.1]
    >>> rotary_frequencies(4, 100, {"type": "ntk", "factor": 2}).round(3).tolist()
    [1.0, 0.05]
    """
    if dim % 2:
        raise ValueError(f"`dim` must be even. Received: dim={dim}")
    scaling = scaling or {"type": None}
    if scaling["type"] == "ntk" and dim > 2:
        base = base * scaling["factor"] ** (dim / (dim - 2))
    frequencies = np.power(float(base), -np.arange(0, dim, 2) / dim)
    if scaling["type"] == "linear":
        return frequencies / scaling["factor"]
    if scaling["type"] == "llama3":
        return _llama3(frequencies, **{k: v for k, v in scaling.items() if k != "type"})
    if scaling["type"] not in (None, "ntk"):
        raise ValueError(
            "`scaling` must be None or a dict whose \"type\" is 'linear', 'ntk' or 'llama3'. "
            f"Received: scaling={scaling}"
        )
    return frequencies


def _llama3(frequencies, factor, low_freq_factor, high_freq_factor, original_length):
    turns = original_length * frequencies / (2 * np.pi)  # within the length trained on
    kept = np.clip((turns - low_freq_factor) / (high_freq_factor - low_freq_factor), 0, 1)
    return frequencies * (kept + (1 - kept) / factor)


def apply_rotary_position_embeddings(sinusoidal, *tensors, pairs="adjacent"):
    """Turn each pair of coordinates by its position's angle: (x, y) -> (x cos - y sin, ...).

    Args:
        sinusoidal: `sinusoidal_embeddings` of the positions, (..., n, r), aligned with the
            tensors; if r < d the coordinates from r on stay as they are.
        tensors: queries and keys (..., n, d).
        pairs: "adjacent", (x_2i, x_2i+1), as in RoFormer; "halves", (x_i, x_i+r/2), as in Llama.

    Returns:
        The tensors turned; one tensor if one was given. Source: arXiv 2104.09864.
    """
    if pairs not in ("adjacent", "halves"):
        raise ValueError(f"`pairs` must be 'adjacent' or 'halves'. Received: pairs={pairs!r}")
    sin, cos = sinusoidal[..., ::2], sinusoidal[..., 1::2]
    if pairs == "adjacent":
        sin, cos = (ops.repeat(x, 2, axis=-1) for x in (sin, cos))
    else:
        sin, cos = (ops.concatenate([x, x], axis=-1) for x in (sin, cos))
    turn = _adjacent_quarter_turn if pairs == "adjacent" else _halves_quarter_turn
    tensors = [_turned(ops.convert_to_tensor(x), sin, cos, turn) for x in tensors]
    return tensors[0] if len(tensors) == 1 else tensors


def _turned(x, sin, cos, quarter_turn):
    r = sin.shape[-1]
    y = x if r == x.shape[-1] else x[..., :r]
    y = y * ops.cast(cos, x.dtype) + quarter_turn(y) * ops.cast(sin, x.dtype)
    return y if r == x.shape[-1] else ops.concatenate([y, x[..., r:]], axis=-1)


def _adjacent_quarter_turn(x):
    """(x0, x1, x2, x3, ...) -> (-x1, x0, -x3, x2, ...)."""
    return ops.reshape(ops.stack([-x[..., 1::2], x[..., ::2]], axis=-1), ops.shape(x))


def _halves_quarter_turn(x):
    """(x, y) -> (-y, x)."""
    x, y = ops.split(x, 2, axis=-1)
    return ops.concatenate([-y, x], axis=-1)


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
