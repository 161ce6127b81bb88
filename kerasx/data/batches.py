"""Serve examples of any length as batches of few shapes: plan, encode, check and pad."""

import hashlib
import json

import numpy as np

from kerasx.checks import invalid
from kerasx.data.buckets import bucket_lengths, plan_batches
from kerasx.data.collate import collate, cut, token_count
from kerasx.data.leaves import Kind, describe, map_leaves


class Batches:
    """The batches of any epoch; `batches.load(epoch, i)` is a pure function.

    `BucketDataset` feeds these batches to Keras; other training loops may use them directly.

    Args:
        examples: something with `len()` and `[i]`. An example is one row of a Keras batch:
            `(x,)`, `(x, y)` or `(x, y, weight)`; x is one list of ids, or a tuple, list or dict
            of lists of ids, y a number, an array or a tuple, list or dict of these.
        batch_size: rows of a batch.
        encode: function applied to each example when its batch is made, such as a tokenizer.
        lengths: lengths of the encoded examples, in tokens; `None` counts them, which encodes
            every example once at construction.
        maxlen: the longest sequence allowed, in tokens; `None` for no limit.
        truncate: cut sequences longer than `maxlen` at their end; otherwise they are an error.
        max_shapes: how many shapes the batches may have; `bucket_lengths` chooses the lengths.
            The incomplete batch of tail="partial" counts as one.
        buckets: ascending lengths to pad to, instead of chosen ones.
        multiple: chosen bucket lengths are multiples of this number.
        shuffle, seed, tail: see `plan_batches`. With tail="fill" every batch ends in sample
            weights, 0 for repeated rows. Keras applies weights to the loss and to
            `weighted_metrics`, not to `metrics`, nor to losses added by layers.
        pad_value: number that pads x.
        label_pad: `None` if all labels have one shape; a number if they are sequences, which are
            then padded with it as x is; or a number for each part of y, as in `vocab_size`.
        vocab_size: ids of x must be below this number: one number for all arrays of x, or numbers
            by key or position (`{"Input-Token": 21128}`, `(21128, 2)`; `None` is not checked).
        num_classes: the same for labels. Floats must always be finite.
        shard: `(rank, ranks)`: keep every `ranks`-th row of each batch, from `rank` on, so
            that parallel workers see batches of one shape and partition the examples.

    Raises:
        ValueError: no examples, an example without tokens, or one longer than `maxlen`.

    >>> batches = Batches([([5, 6, 7], 0), ([8], 1)], batch_size=2, buckets=[4], shuffle=False)
    >>> batches.load(epoch=0, i=0)
    (array([[5, 6, 7, 0],
           [8, 0, 0, 0]], dtype=int32), array([0, 1], dtype=int32))
    """

    def __init__(
        self,
        examples,
        batch_size=32,
        encode=None,
        lengths=None,
        maxlen=None,
        truncate=False,
        max_shapes=8,
        buckets=None,
        multiple=8,
        shuffle=True,
        seed=0,
        tail="partial",
        pad_value=0,
        label_pad=None,
        vocab_size=None,
        num_classes=None,
        shard=(0, 1),
    ):
        if not len(examples):
            raise invalid("`examples` must not be empty: no examples in it.", examples=examples)
        self.examples, self.encode = examples, encode
        self.maxlen, self.truncate = maxlen, truncate
        self.leaves = describe(self._encoded(0), pad_value, label_pad, vocab_size, num_classes)
        self.lengths = self._bounded(self._count() if lengths is None else np.asarray(lengths))
        if buckets is None:
            partial = tail == "partial" and len(examples) % batch_size != 0
            if max_shapes - partial < 1:
                raise invalid(
                    f"`max_shapes` must be at least {1 + partial}, one for each bucket and one for "
                    "an incomplete batch.",
                    max_shapes=max_shapes,
                )
            buckets = bucket_lengths(self.lengths, max_shapes - partial, multiple, maxlen)
        self.buckets = self._checked_buckets(buckets)
        self.options = dict(batch_size=batch_size, shuffle=shuffle, seed=seed, tail=tail)
        self.shard = _checked_shard(shard, batch_size, tail)
        self._planned, self._digest = (None, None), None
        self.plan(0)

    def __len__(self):
        """Return the number of batches, the same in every epoch."""
        return len(self._planned[1])

    def plan(self, epoch):
        """Return the list of `Batch(length, indices, count)` of an epoch; see `plan_batches`."""
        planned = self._planned  # one read: another thread may replace it
        if planned[0] != epoch:
            batches = plan_batches(self.lengths, buckets=self.buckets, epoch=epoch, **self.options)
            self._planned = planned = (epoch, batches)
        return planned[1]

    def load(self, epoch, i):
        """Make batch `i` of an epoch.

        Returns:
            Tuple `(x,)`, `(x, y)` or `(x, y, weight)` of int32 and float32 arrays of shape
            (b, ...), arranged like the examples.

        Raises:
            ValueError: an id, label or length out of range; names the example.
        """
        length, indices, count = self.plan(epoch)[i]
        rank, ranks = self.shard
        rows = indices[rank::ranks]
        examples = [self.example(row) for row in rows]
        batch = collate(self.leaves, examples, length, rows)
        for kind, leaves, part in zip(Kind, self.leaves, batch):
            map_leaves(lambda leaf, array: leaf.check(array, rows), kind, leaves, part)
        if self.options["tail"] != "fill":
            return batch
        if len(batch) == 1:
            raise ValueError("tail='fill' gives weights to labels, but the examples have none")
        x, y, weights = (*batch, 1.0)[:3]
        real = np.arange(len(indices)) < count
        return x, y, (weights * real[rank::ranks]).astype("float32")

    def digest(self):
        """Return a str that tells the order of the examples, in all epochs, from others."""
        if self._digest is None:
            facts = {**self.options, "buckets": self.buckets.tolist(), "maxlen": self.maxlen}
            digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=int).encode())
            digest.update(np.ascontiguousarray(self.lengths, "int64").tobytes())
            self._digest = digest.hexdigest()
        return self._digest

    def example(self, i):
        """Return example `i`, encoded and cut to `maxlen`: `(x,)`, `(x, y)` or `(x, y, weight)`."""
        example = self._encoded(i)
        if self.maxlen is None or not self.truncate:
            return example
        return cut(self.leaves, example, self.maxlen)

    def restore(self, outputs, epoch=0):
        """Put model outputs for all batches of an epoch in the order of the examples.

        Args:
            outputs: array whose rows are those of the batches, one batch after another, as
                `model.predict` returns them.
            epoch: the epoch that was predicted.

        Returns:
            Array with a row for each example.

        Raises:
            ValueError: another number of rows than the batches have, or a tail or shard that
                leaves examples out.
        """
        rows = sum(len(batch.indices) for batch in self.plan(epoch))
        if len(outputs) != rows or self.options["tail"] == "drop" or self.shard[1] > 1:
            raise invalid(
                f"`outputs` must be the {rows} rows of all examples (no tail='drop', no shard).",
                rows=len(outputs),
                **self.options,
                shard=self.shard,
            )
        restored = np.empty((len(self.examples), *np.shape(outputs)[1:]), np.asarray(outputs).dtype)
        start = 0
        for _, indices, count in self.plan(epoch):
            restored[indices[:count]] = outputs[start : start + count]
            start += len(indices)
        return restored

    def _encoded(self, i):
        example = self.examples[int(i)]
        example = example if self.encode is None else self.encode(example)
        if not isinstance(example, tuple) or not 1 <= len(example) <= 3:
            raise ValueError(
                "an example must be a tuple `(x,)`, `(x, y)` or `(x, y, weight)`. "
                f"Received: {str(example)[:80]} as example {i}"
            )
        return example

    def _count(self):
        return np.array([token_count(self.example(i)[0]) for i in range(len(self.examples))])

    def _bounded(self, lengths):
        if lengths.shape != (len(self.examples),):
            raise invalid(
                "`lengths` must have one number for each example.",
                shape=lengths.shape,
                examples=len(self.examples),
            )
        if lengths.min() < 1:
            raise ValueError(
                "an example must have at least one token. "
                f"Received: none in example {int(lengths.argmin())}; leave it out"
            )
        if self.maxlen is not None and lengths.max() > self.maxlen:
            if not self.truncate:
                raise ValueError(
                    f"an example must have at most maxlen={self.maxlen} tokens. Received: "
                    f"{lengths.max()} in example {int(lengths.argmax())}; pass truncate=True to cut"
                )
            lengths = np.minimum(lengths, self.maxlen)
        return lengths

    def _checked_buckets(self, buckets):
        buckets = np.asarray(buckets)
        if not buckets.size or (np.diff(buckets) <= 0).any() or buckets[-1] < self.lengths.max():
            raise invalid(
                "`buckets` must ascend and reach the longest example, of "
                f"{self.lengths.max()} tokens.",
                buckets=buckets.tolist(),
            )
        return buckets


def _checked_shard(shard, batch_size, tail):
    rank, ranks = shard
    if not 0 <= rank < ranks or batch_size % ranks or (ranks > 1 and tail == "partial"):
        raise invalid(
            "`shard` must be (rank, ranks) with rank < ranks, `batch_size` a multiple of ranks, "
            "and `tail` 'fill' or 'drop', so that all ranks get equal shapes.",
            shard=shard,
            batch_size=batch_size,
            tail=tail,
        )
    return rank, ranks


_served = None  # in a worker process: the batches that it makes


def serve(batches):
    """Initialize a worker process with the batches that `load_served` makes there."""
    global _served
    _served = batches


def load_served(epoch, i):
    """Make batch `i` of an epoch in a worker process."""
    return _served.load(epoch, i)
