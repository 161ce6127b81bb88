"""Perturbed Masking: how much one token of a text matters to another, asked of a masked LM."""

import keras
import numpy as np

from kerasx.probing.encoders import as_function

__all__ = ["impact_matrix", "number_of_inputs"]

_TINY = 1e-12


def _euclidean(x, y):
    return np.sqrt(((x - y) ** 2).sum(-1))


def _cosine(x, y):
    lengths = np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1)
    return 1 - (x * y).sum(-1) / np.maximum(lengths, _TINY)


_DISTANCES = {"euclidean": _euclidean, "cosine": _cosine}


def impact_matrix(
    encoder,
    token_ids,
    mask_id,
    spans=None,
    reach=None,
    distance="euclidean",
    batch_size=32,
    maxlen=None,
    verbose=0,
):
    """F[i, j] = d(H(x∖{i})_i, H(x∖{i, j})_i): what hiding j changes where i is to be guessed.

    x∖{i} is the text with unit i masked, H(...)_i the mean of the encoder's vectors at i. Units are
    tokens, or spans of tokens such as words, masked as a whole. T units take T(T + 1) / 2 inputs,
    as x∖{i, j} serves both F[i, j] and F[j, i]; they run in batches of one shape, the last one
    filled up.

    Args:
        encoder: a keras.Model from token ids (and segment ids, taken as 0) to vectors (b, n, d),
            or a function from ids (b, n) to these. Not a causal model.
        token_ids: (n,), with [CLS] and [SEP].
        mask_id: the id of [MASK].
        spans: [(start, end)] in tokens, end exclusive, the units in order; by default each token
            but the first and the last. Tokens in no span are never masked.
        reach: only units at most so far apart are compared, the others get 0; None for all. With
            1 it takes 2T - 1 inputs, enough for segmentation.
        distance: "euclidean" or "cosine" (1 - cos).
        batch_size: rows of a batch.
        maxlen: pad with id 0 to this length, so that texts of different lengths share a compiled
            shape; the encoder must mask padding.
        verbose: 1 for a progress bar.

    Returns:
        F (T, T), float64, 0 on the diagonal.

    Raises:
        ValueError: no tokens, spans that are empty, overlap or are out of the text, ...

    Source: arXiv 2004.14786; kexue.fm/archives/7476.

    >>> def neighbours(ids):  # each token's vector is the sum of its neighbours' ids
    ...     return np.stack([np.roll(ids, 1, 1) + np.roll(ids, -1, 1)], -1).astype("float32")
    >>> impact_matrix(neighbours, [1, 5, 6, 7, 2], mask_id=0)
    array([[0., 6., 0.],
           [5., 0., 7.],
           [0., 6., 0.]])
    """
    token_ids, spans = _checked(token_ids, spans, maxlen)
    if distance not in _DISTANCES:
        raise ValueError(
            f"`distance` must be one of {list(_DISTANCES)}. Received: distance={distance!r}"
        )
    if batch_size < 1 or (reach is not None and reach < 0):
        raise ValueError(
            "`batch_size` must be at least 1 and `reach` at least 0. "
            f"Received: batch_size={batch_size}, reach={reach}"
        )
    pairs = _pairs(len(spans), reach)
    vectors = _vectors(as_function(encoder), token_ids, mask_id, spans, pairs, batch_size, verbose)
    impacts = np.zeros((len(spans), len(spans)))
    if not len(pairs):
        return impacts
    i, j = pairs.T
    alone = vectors[i == j, 0]  # (T, d), pairs being in order
    impacts[i, j] = _DISTANCES[distance](alone[i], vectors[:, 0])
    impacts[j, i] = _DISTANCES[distance](alone[j], vectors[:, 1])
    np.fill_diagonal(impacts, 0)
    return impacts


def number_of_inputs(units, reach=None):
    """How many inputs `impact_matrix` encodes: T(T + 1) / 2, or fewer with a `reach`.

    >>> number_of_inputs(10), number_of_inputs(10, reach=1)
    (55, 19)
    """
    return len(_pairs(units, reach))


def _pairs(units, reach):
    """(i, j), i ≤ j, at most `reach` apart: (inputs, 2)."""
    i, j = np.triu_indices(units)
    near = j - i <= (units if reach is None else reach)
    return np.stack([i[near], j[near]], axis=1)


def _vectors(encode, token_ids, mask_id, spans, pairs, batch_size, verbose):
    """The vectors of units i and j where both are masked: (inputs, 2, d)."""
    progress = keras.utils.Progbar(len(pairs), verbose=verbose, unit_name="input")
    results = []
    for start in range(0, len(pairs), batch_size):
        batch = pairs[start : start + batch_size]
        inputs = np.repeat(token_ids[None], batch_size, axis=0)
        for row, units in zip(inputs, batch):
            for unit in units:
                row[slice(*spans[unit])] = mask_id
        hidden = encode(inputs)
        for row, units in zip(hidden, batch):
            results.append([row[slice(*spans[unit])].mean(0) for unit in units])
        progress.add(len(batch))
    return np.asarray(results, "float64")


def _checked(token_ids, spans, maxlen):
    """(token ids, padded; spans)."""
    token_ids = np.asarray(token_ids, "int32")
    if token_ids.ndim != 1 or not len(token_ids):
        raise ValueError(
            f"`token_ids` must be those of one text, (n,). Received: shape {token_ids.shape}"
        )
    n = len(token_ids)
    spans = [(i, i + 1) for i in range(1, n - 1)] if spans is None else [tuple(s) for s in spans]
    bounds = [0, *(bound for span in spans for bound in span), n]
    empty = any(start >= end for start, end in spans)
    if empty or any(left > right for left, right in zip(bounds, bounds[1:])):
        raise ValueError(
            f"`spans` must be (start, end) in order within the {n} tokens, none empty and none "
            f"overlapping. Received: spans={spans}"
        )
    if maxlen is not None and maxlen < n:
        raise ValueError(
            f"`maxlen` must be at least the {n} tokens of the text. Received: maxlen={maxlen}"
        )
    return np.pad(token_ids, (0, (maxlen or n) - n)), spans
