"""Choose the few lengths that examples are padded to, and group the examples into batches.

Compilers build one program for each shape, so batches padded to their own longest sequence need a
new program almost every step. Here every example is padded to one of a few bucket lengths, chosen
so that the padding is the least possible, and almost all batches have the same number of rows.
"""

from typing import NamedTuple

import numpy as np

from kerasx.checks import check_choice, invalid


class Batch(NamedTuple):
    """One planned batch: examples `indices` padded to `length`; those after `count` are repeats."""

    length: int
    indices: np.ndarray
    count: int


def bucket_lengths(lengths, max_buckets=8, multiple=8, maxlen=None):
    """Choose at most `max_buckets` lengths that need the least padding, by dynamic programming.

    With n(a, b] the number of examples longer than a and at most b, the fewest tokens in k buckets
    of which the last is b are

        least(k, b) = min over a < b of  least(k - 1, a) + b n(a, b],

    where a and b are lengths rounded up to `multiple`. The result is exact and takes
    O(max_buckets c^2) steps for c different rounded lengths.

    Args:
        lengths: lengths of the examples, in tokens.
        max_buckets: how many different lengths are allowed.
        multiple: bucket lengths are rounded up to a multiple of this.
        maxlen: the largest bucket; longer examples count as this long, since they will be cut.

    Returns:
        Ascending int array of bucket lengths.

    Raises:
        ValueError: no examples, negative lengths, `max_buckets` or `multiple` below 1.

    >>> bucket_lengths([3, 4, 5, 60, 61, 62, 200], max_buckets=3)
    array([  8,  64, 200])
    """
    lengths = _checked_lengths(lengths)
    if max_buckets < 1 or multiple < 1 or (maxlen is not None and maxlen < 1):
        raise invalid(
            "`max_buckets`, `multiple` and `maxlen` must be at least 1.",
            max_buckets=max_buckets,
            multiple=multiple,
            maxlen=maxlen,
        )
    rounded = np.maximum(-(-lengths // multiple), 1) * multiple
    if maxlen is not None:
        rounded = np.minimum(rounded, maxlen)
    sizes, counts = np.unique(rounded, return_counts=True)
    return sizes[_partition(sizes, counts, min(max_buckets, len(sizes)))]


def _partition(sizes, counts, parts):
    """Return the index of the last size in each group of the cheapest split into `parts` groups."""
    below = np.concatenate([[0], np.cumsum(counts)])  # below[j]: examples shorter than sizes[j]
    least = sizes * below[1:]  # tokens where sizes[: j + 1] are one group
    splits = []
    for _ in range(parts - 1):
        best, split = least.copy(), np.full(len(sizes), -1)
        for j in range(1, len(sizes)):
            cost = least[:j] + sizes[j] * (below[j + 1] - below[1 : j + 1])
            i = int(np.argmin(cost))
            if cost[i] < best[j]:
                best[j], split[j] = cost[i], i
        least = best
        splits.append(split)
    return _backtrack(splits, len(sizes) - 1)


def _backtrack(splits, last):
    chosen = [last]
    for split in reversed(splits):
        if split[chosen[-1]] >= 0:  # -1: fewer groups were as cheap
            chosen.append(int(split[chosen[-1]]))
    return chosen[::-1]


def plan_batches(lengths, batch_size, buckets, shuffle=True, seed=0, epoch=0, tail="partial"):
    """Group examples of similar length into the batches of one epoch, each example exactly once.

    Examples are put in a random order, sorted (stably) by bucket and cut into runs of
    `batch_size`; a run that straddles two buckets takes the longer one. So at most one batch is
    incomplete, and number and shapes of the batches are the same in every epoch. The incomplete
    batch holds examples of the shortest bucket, where filling it up is cheapest. The order depends
    only on `(seed, epoch)`.

    Args:
        lengths: lengths of the examples, in tokens; examples beyond the last bucket will be cut.
        batch_size: rows of a batch.
        buckets: ascending lengths to pad to, see `bucket_lengths`.
        shuffle: draw the members and the order of the batches at random; else from short to long.
        seed, epoch: non-negative ints.
        tail: use of the `len(lengths) % batch_size` remaining examples: `"partial"` makes a batch
            of fewer rows (one more shape), `"fill"` a full batch whose further rows repeat
            examples and must get weight 0, `"drop"` leaves them out (other examples each epoch,
            if shuffled).

    Returns:
        List of `Batch(length, indices, count)`. If the batches have several lengths, the first
        two differ, since Keras infers from them on TensorFlow which axes vary.

    Raises:
        ValueError: no examples, or an argument out of its range.

    >>> [(b.length, b.indices.tolist()) for b in plan_batches([3, 9, 4], 2, [4, 16], shuffle=False)]
    [(4, [0]), (16, [2, 1])]
    """
    lengths, buckets = _checked_lengths(lengths), np.asarray(buckets)
    check_choice("tail", tail, ("partial", "fill", "drop"))
    if batch_size < 1 or (tail == "drop" and len(lengths) < batch_size):
        raise invalid(
            "`batch_size` must be at least 1, and with tail='drop' at most the number of examples.",
            batch_size=batch_size,
            examples=len(lengths),
        )
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths)) if shuffle else np.arange(len(lengths))
    if tail == "drop":
        order = order[: len(order) // batch_size * batch_size]
    bucket = np.searchsorted(buckets, np.minimum(lengths, buckets[-1])).astype(np.uint16)[order]
    order = order[np.argsort(bucket, kind="stable")]
    ends = np.arange(len(order), 0, -batch_size)[::-1]
    batches = [_batch(order, end, batch_size, lengths, buckets, tail) for end in ends]
    if shuffle:
        batches = [batches[i] for i in rng.permutation(len(batches))]
    return _first_two_differ(batches)


def _batch(order, end, batch_size, lengths, buckets, tail):
    indices = order[max(end - batch_size, 0) : end]
    length = buckets[np.searchsorted(buckets, min(lengths[indices[-1]], buckets[-1]))]
    count = len(indices)
    return Batch(int(length), np.resize(indices, batch_size) if tail == "fill" else indices, count)


def _first_two_differ(batches):
    for i, batch in enumerate(batches):
        if batch.length != batches[0].length:
            batches[1], batches[i] = batch, batches[1]
            break
    return batches


def _checked_lengths(lengths):
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or not len(lengths) or lengths.dtype.kind not in "iu" or lengths.min() < 0:
        raise invalid("`lengths` must be a non-empty list of ints >= 0.", lengths=lengths)
    return lengths
