"""Perturbed Masking: the impact of one token on another, measured with a masked language model."""

import keras
import numpy as np

from kerasx.checks import check_choice, check_integer, invalid
from kerasx.probing.model_functions import as_function

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
    """Compute F[i, j] = d(H(x∖{i})_i, H(x∖{i, j})_i), the impact of unit j on masked unit i.

    x∖{i} is the text with unit i masked, and H(...)_i the mean of the encoder's vectors at unit i.
    Units are tokens, or spans of tokens such as words, which are masked as a whole. T units take
    T(T + 1) / 2 inputs, as x∖{i, j} serves both F[i, j] and F[j, i]; the inputs run in batches of
    one shape, the last batch filled up.

    Args:
        encoder: a keras.Model from token ids (and segment ids, taken as 0) to vectors (b, n, d),
            or a function from ids (b, n) to vectors. It must not be causal.
        token_ids: (n,), with [CLS] and [SEP].
        mask_id: the id of [MASK].
        spans: [(start, end)] in tokens, end exclusive, the units in order; by default each token
            but the first and the last. Tokens in no span are never masked.
        reach: largest distance of the units that are compared, in units; the impact of farther
            units is 0. None compares all. 1 takes 2T - 1 inputs, enough for segmentation.
        distance: d, "euclidean" or "cosine" (1 - cos).
        batch_size: rows of a batch.
        maxlen: pad with id 0 to this length, so that texts of different lengths share a compiled
            shape; the encoder must mask padding.
        verbose: 1 for a progress bar.

    Returns:
        F (T, T), float64, 0 on the diagonal.

    Raises:
        ValueError: no tokens; spans that are empty, overlap or leave the text.

    Source: arXiv 2004.14786; kexue.fm/archives/7476.

    >>> def neighbours(ids):  # the vector of a token is the sum of the ids beside it
    ...     return np.stack([np.roll(ids, 1, 1) + np.roll(ids, -1, 1)], -1).astype("float32")
    >>> impact_matrix(neighbours, [1, 5, 6, 7, 2], mask_id=0)
    array([[0., 6., 0.],
           [5., 0., 7.],
           [0., 6., 0.]])
    """
    token_ids, spans = _checked(token_ids, spans, maxlen)
    check_choice("distance", distance, _DISTANCES)
    check_integer("batch_size", batch_size, least=1)
    if reach is not None:
        check_integer("reach", reach, least=0)
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


def _pairs(units, reach):
    """Return the pairs (i, j), i ≤ j, at most `reach` apart: (inputs, 2)."""
    i, j = np.triu_indices(units)
    near = j - i <= (units if reach is None else reach)
    return np.stack([i[near], j[near]], axis=1)


def _vectors(encode, token_ids, mask_id, spans, pairs, batch_size, verbose):
    """Return the vectors at units i and j of the text with both masked: (inputs, 2, d)."""
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
    """Return (token ids, padded to maxlen; spans)."""
    token_ids = np.asarray(token_ids, "int32")
    if token_ids.ndim != 1 or not len(token_ids):
        raise invalid(
            "`token_ids` must be the ids of one text, (n,).", **{"token_ids.shape": token_ids.shape}
        )
    n = len(token_ids)
    spans = [(i, i + 1) for i in range(1, n - 1)] if spans is None else [tuple(s) for s in spans]
    bounds = [0, *(bound for span in spans for bound in span), n]
    empty = any(start >= end for start, end in spans)
    if empty or any(left > right for left, right in zip(bounds, bounds[1:])):
        raise invalid(
            f"`spans` must be (start, end) in order within the {n} tokens, none empty and none "
            "overlapping.",
            spans=spans,
        )
    if maxlen is not None and maxlen < n:
        raise invalid(f"`maxlen` must be at least the {n} tokens of the text.", maxlen=maxlen)
    return np.pad(token_ids, (0, (maxlen or n) - n)), spans
