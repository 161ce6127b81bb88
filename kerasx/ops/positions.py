"""Functions of positions: sinusoids, rotary embeddings, relative buckets."""

import numpy as np
from keras import ops

from kerasx.checks import check_choice, invalid
from kerasx.ops.shapes import align


def sinusoidal_embeddings(positions, dim, base=10000, scaling=None):
    """Compute interleaved sines and cosines of positions.

    out[..., 2i] = sin(p ω_i), out[..., 2i+1] = cos(p ω_i), with ω_i = base^(-2i/dim).

    Args:
        positions: numbers p, (..., n).
        dim: even size of the embedding.
        base: base of the frequencies.
        scaling: None, or a dict that changes the frequencies: see `rotary_frequencies`.

    Returns:
        float32 (..., n, dim).

    Source: arXiv 1706.03762; kexue.fm/archives/8231.

    >>> ops.convert_to_numpy(sinusoidal_embeddings([0.0], 4))
    array([[0., 1., 0., 1.]], dtype=float32)
    """
    # a tensor, since PyTorch leaves a product with an array to NumPy, outside a recorded graph
    frequencies = ops.convert_to_tensor(rotary_frequencies(dim, base, scaling), "float32")
    angles = ops.cast(positions, "float32")[..., None] * frequencies  # (..., n, dim/2)
    pairs = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
    return ops.reshape(pairs, (*ops.shape(angles)[:-1], dim))


def rotary_frequencies(dim, base=10000, scaling=None):
    """Compute ω_i = base^(-2i/dim) for i = 0, ..., dim/2 - 1, or lower frequencies.

    Lower frequencies stretch a model trained on positions below L = `scaling["original_length"]` to
    k L, where k = `scaling["factor"]`. `scaling["type"]` is one of:

    - "linear": ω_i / k, as if positions were divided by k (arXiv 2306.15595).
    - "ntk": the base becomes base · k^(dim / (dim-2)), so that the highest frequency stays and the
      lowest is divided by k (kexue.fm/archives/9675).
    - "llama3": ω_i for wavelengths below L / high, ω_i / k above L / low, and between them a mean
      of both, linear in L / wavelength; low, high = "low_freq_factor", "high_freq_factor".

    Args:
        dim: even integer.
        base: number > 1.
        scaling: dict, or None for no scaling.

    Returns:
        float64 NumPy (dim/2,).

    >>> rotary_frequencies(4, base=100).tolist()
    [1.0, 0.1]
    >>> rotary_frequencies(4, 100, {"type": "ntk", "factor": 2}).round(3).tolist()
    [1.0, 0.05]
    """
    if dim % 2:
        raise invalid("`dim` must be even.", dim=dim)
    scaling = scaling or {"type": None}
    if scaling["type"] == "ntk" and dim > 2:
        base = base * scaling["factor"] ** (dim / (dim - 2))
    frequencies = np.power(float(base), -np.arange(0, dim, 2) / dim)
    if scaling["type"] == "linear":
        return frequencies / scaling["factor"]
    if scaling["type"] == "llama3":
        return _llama3(frequencies, **{k: v for k, v in scaling.items() if k != "type"})
    if scaling["type"] not in (None, "ntk"):
        text = "`scaling` must be None or a dict whose \"type\" is 'linear', 'ntk' or 'llama3'."
        raise invalid(text, scaling=scaling)
    return frequencies


def _llama3(frequencies, factor, low_freq_factor, high_freq_factor, original_length):
    turns = original_length * frequencies / (2 * np.pi)  # L / wavelength
    kept = np.clip((turns - low_freq_factor) / (high_freq_factor - low_freq_factor), 0, 1)
    return frequencies * (kept + (1 - kept) / factor)


def apply_rotary_position_embeddings(sinusoidal, *tensors, pairs="adjacent"):
    """Rotate each pair of coordinates by the angle of its position (RoPE).

    (x, y) -> (x cos a - y sin a, x sin a + y cos a).

    Args:
        sinusoidal: `sinusoidal_embeddings` of the positions, (..., n, r), aligned with the
            tensors; or (1 or b, n, r) for tensors (b, n, ..., d) of more axes, as in bert4keras. If
            r < d, the coordinates from r on stay unchanged.
        tensors: queries and keys (..., n, d), or (b, n, ..., d).
        pairs: "adjacent" for pairs (x_2i, x_2i+1), as in RoFormer; "halves" for (x_i, x_i+r/2), as
            in Llama.

    Returns:
        List of the rotated tensors; one tensor if one was given.

    Source: arXiv 2104.09864; kexue.fm/archives/8265.
    """
    check_choice("pairs", pairs, ("adjacent", "halves"))
    sinusoidal = _along_tensors(sinusoidal, *tensors)
    sin, cos = sinusoidal[..., ::2], sinusoidal[..., 1::2]
    if pairs == "adjacent":
        sin, cos = (ops.repeat(x, 2, axis=-1) for x in (sin, cos))
    else:
        sin, cos = (ops.concatenate([x, x], axis=-1) for x in (sin, cos))
    turn = _adjacent_quarter_turn if pairs == "adjacent" else _halves_quarter_turn
    tensors = [_rotated(ops.convert_to_tensor(x), sin, cos, turn) for x in tensors]
    return tensors[0] if len(tensors) == 1 else tensors


def _along_tensors(sinusoidal, *tensors):
    """Return the sinusoids with axes of size 1 where tensors (b, n, ..., d) have more."""
    shape, ndim = tuple(sinusoidal.shape), len(tensors[0].shape)
    if len(shape) != 3 or ndim <= 3:
        return sinusoidal
    if None not in (shape[1], tensors[0].shape[1]) and shape[1] != tensors[0].shape[1]:
        raise invalid(
            "Sinusoids (1 or b, n, r) belong to tensors (b, n, ..., d); for (b, h, n, d) pass them "
            "as (n, r) or (1 or b, 1, n, r).",
            **{"sinusoidal.shape": shape, "tensor.shape": tuple(tensors[0].shape)},
        )
    return align(sinusoidal, [0, 1, -1], ndim)


def _rotated(x, sin, cos, quarter_turn):
    r = sin.shape[-1]
    y = x if r == x.shape[-1] else x[..., :r]
    y = y * ops.cast(cos, x.dtype) + quarter_turn(y) * ops.cast(sin, x.dtype)
    return y if r == x.shape[-1] else ops.concatenate([y, x[..., r:]], axis=-1)


def _adjacent_quarter_turn(x):
    """Map (x0, x1, x2, x3, ...) to (-x1, x0, -x3, x2, ...)."""
    return ops.reshape(ops.stack([-x[..., 1::2], x[..., ::2]], axis=-1), ops.shape(x))


def _halves_quarter_turn(x):
    """Map the halves (x, y) to (-y, x)."""
    x, y = ops.split(x, 2, axis=-1)
    return ops.concatenate([-y, x], axis=-1)


def hierarchical_embeddings(table, positions, alpha=0.4):
    """Extend a table of m position vectors p to m² positions.

    q_(i·m+j) = α u_i + (1-α) u_j with u = (p - α p_0) / (1-α); the first m vectors stay the same.

    Args:
        table: (m, d).
        positions: integers (...) below m², or one integer n for the positions 0, ..., n-1.
        alpha: number in (0, 1), other than 1/2, which would not tell (i, j) from (j, i).

    Returns:
        (..., d).

    Source: kexue.fm/archives/7947.

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
    """Map relative positions to T5's buckets: one for each small distance, then wider and wider.

    Args:
        relative: integers, key position minus query position.
        buckets: number of buckets.
        max_distance: distances from this on share the last bucket.
        bidirectional: use half of the buckets for keys after the query; otherwise these keys
            share bucket 0.

    Returns:
        int32 of the same shape, in [0, buckets).

    Source: arXiv 1910.10683.
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
