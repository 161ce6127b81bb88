"""Pad sequences of different lengths to one shape, and truncate long ones."""

import numpy as np

from kerasx.checks import check_choice, invalid


def sequence_padding(inputs, length=None, value=0, seq_dims=1, mode="post"):
    """Pad (and cut) sequences to one shape and stack them.

    Args:
        inputs: lists or arrays of one rank; only the sizes of the first `seq_dims` axes may differ.
        length: target length of these axes, an int or one int per axis; `None` is the longest.
            Longer sequences lose their end.
        value: the padding; cast to the type of the sequences.
        seq_dims: how many leading axes of each sequence have a variable length.
        mode: `"post"` pads after the sequence, `"pre"` before it.

    Returns:
        Array of shape `(len(inputs), *length, ...)`, of the common type of the non-empty inputs.

    Raises:
        ValueError: no inputs, unequal ranks, another `mode`, a `length` of the wrong size.

    >>> sequence_padding([[1, 2, 3], [4]])
    array([[1, 2, 3],
           [4, 0, 0]])
    >>> sequence_padding([[1, 2, 3], [4]], length=2, value=-1, mode="pre")
    array([[ 1,  2],
           [-1,  4]])
    """
    check_choice("mode", mode, ("post", "pre"))
    rows = [np.asarray(x) for x in inputs]
    if not rows:
        raise invalid("`inputs` must hold at least one sequence.", inputs=inputs)
    if len({x.ndim for x in rows}) > 1 or rows[0].ndim < seq_dims:
        ranks = sorted({x.ndim for x in rows})
        raise invalid(f"`inputs` must have one rank, at least seq_dims={seq_dims}.", ranks=ranks)
    shape = _target(rows, length, seq_dims)
    dtype = np.result_type(*([x for x in rows if x.size] or rows))
    outputs = np.full((len(rows), *shape, *rows[0].shape[seq_dims:]), value, dtype)
    for output, x in zip(outputs, rows):
        kept = [min(n, limit) for n, limit in zip(x.shape, shape)]
        place = [np.s_[n - k :] if mode == "pre" else np.s_[:k] for k, n in zip(kept, shape)]
        output[tuple(place)] = x[tuple(np.s_[:k] for k in kept)]
    return outputs


def _target(rows, length, seq_dims):
    if length is None:
        return tuple(max(n) for n in zip(*(x.shape[:seq_dims] for x in rows)))
    shape = (length,) if np.ndim(length) == 0 else tuple(length)
    if len(shape) != seq_dims:
        raise invalid(
            f"`length` must be one number for each of the {seq_dims} padded axes.", length=length
        )
    return shape


def truncate_sequences(maxlen, indices, *sequences):
    """Shorten lists in place until they hold at most `maxlen` items together.

    The result is that of popping one item at a time off the longest list (the first of equally
    long ones); here the final lengths are computed at once and each list is cut once.

    Args:
        maxlen: the largest total length.
        indices: index of the item to pop: an int (`-1` cuts the end, `-2` spares the last item),
            or one int for each non-empty sequence.
        *sequences: lists; empty ones and `None` are left out.

    Returns:
        The non-empty lists; the same objects that were passed.

    Raises:
        ValueError: a list would have to lose an item it does not have, or `maxlen` is negative.

    >>> truncate_sequences(5, -1, [1, 2, 3, 4, 5], [6, 7])
    [[1, 2, 3], [6, 7]]
    """
    sequences = [s for s in sequences if s]
    if not isinstance(indices, (list, tuple)):
        indices = [indices] * len(sequences)
    if maxlen < 0 or len(indices) < len(sequences):
        raise invalid(
            "`maxlen` must be at least 0 and `indices` an int or one int for each sequence.",
            maxlen=maxlen,
            indices=indices,
            sequences=len(sequences),
        )
    lengths = [len(s) for s in sequences]
    cuts = []
    for i, length, kept in zip(indices, lengths, _levelled(lengths, maxlen)):
        start = i if i >= 0 else kept + i + 1
        if kept < length and not 0 <= start <= kept:
            raise invalid(
                f"`indices` must point into the sequence to be cut, of {length} items to {kept}.",
                index=i,
                maxlen=maxlen,
            )
        cuts.append(np.s_[start : start + length - kept])
    for s, cut in zip(sequences, cuts):
        del s[cut]
    return sequences


def _levelled(lengths, total):
    """Return the lengths after taking 1 off the longest until they sum to `total`."""
    rest, level = total, None
    for done, n in enumerate(sorted(lengths)):
        share = rest // (len(lengths) - done)
        if n > share:
            level, spare = share, rest - share * (len(lengths) - done)
            break
        rest -= n
    if level is None:
        return list(lengths)
    kept = [min(n, level) for n in lengths]
    tall = [i for i, n in enumerate(lengths) if n > level]
    for i in tall[len(tall) - spare :]:  # the first of equally long lists is popped first
        kept[i] += 1
    return kept
