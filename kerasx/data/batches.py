"""Examples of any length as batches of few shapes: plan, encode, check and pad. NumPy only."""

import numpy as np

from kerasx.data.buckets import bucket_lengths, plan_batches
from kerasx.data.collate import by_name, collate, cut, map_leaves, token_count
from kerasx.data.validation import check_finite, check_ids, check_labels


class Batches:
    """The batches of one epoch after another; `batches.load(epoch, i)` is a pure function.

    This is what `BucketDataset` feeds to Keras; on its own it serves any other training loop.

    Args:
        examples: something with `len()` and `[i]`. An example is what Keras means by a batch,
            for one row: `(x,)`, `(x, y)` or `(x, y, weight)`; x is one list of ids, or a tuple,
            list or dict of such lists, y a number, an array or a structure of these.
        batch_size: rows of a batch.
        encode: applied to each example when its batch is made, such as a tokenizer.
        lengths: lengths of the encoded examples, in tokens; `None` counts them, which encodes
            every example once now.
        maxlen: the longest sequence allowed, in tokens; `None` is no limit.
        truncate: whether sequences longer than `maxlen` lose their end or are an error.
        max_shapes: how many shapes the batches may have; the bucket lengths are then chosen by
            `bucket_lengths`. The incomplete batch of tail="partial" counts as one.
        buckets: ascending bucket lengths of your own.
        multiple: chosen bucket lengths are multiples of this.
        shuffle, seed, tail: see `plan_batches`. With tail="fill" every batch ends in sample
            weights, 0 for repeated rows. Mind that Keras applies these to the loss and to
            `weighted_metrics`, not to `metrics`, nor to losses added by layers.
        pad_value: pads x.
        label_pad: `None` if all labels have one shape; a value if they are sequences to be
            padded with it, as x is; or such values for the parts of y, as in `vocab_size`.
        vocab_size: ids of x are checked to be below it: a number for all arrays of x, or numbers
            by key or position (`{"Input-Token": 21128}`, `(21128, 2)`; `None` is not checked).
        num_classes: likewise for y. That floats are finite is always checked.
        shard: `(rank, ranks)`: keeps every `ranks`-th row of each batch, from `rank` on, so
            that parallel workers see batches of one shape and partition the examples.

    Raises:
        ValueError: no examples, an example without tokens, one longer than `maxlen`.

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
            raise ValueError("`examples` must not be empty: no examples in examples=[]")
        self.examples, self.encode = examples, encode
        self.maxlen, self.truncate = maxlen, truncate
        self.pad_value, self.label_pad = pad_value, label_pad
        self.vocab_size, self.num_classes = vocab_size, num_classes
        self._check_names()
        self.lengths = self._bounded(self._count() if lengths is None else np.asarray(lengths))
        if buckets is None:
            partial = tail == "partial" and len(examples) % batch_size != 0
            if max_shapes - partial < 1:
                raise ValueError(
                    f"`max_shapes` must be at least {1 + partial}, one for each bucket and one for "
                    f"an incomplete batch. Received: max_shapes={max_shapes}"
                )
            buckets = bucket_lengths(self.lengths, max_shapes - partial, multiple, maxlen)
        self.buckets = self._checked_buckets(buckets)
        self.options = dict(batch_size=batch_size, shuffle=shuffle, seed=seed, tail=tail)
        self.shard = _checked_shard(shard, batch_size, tail)
        self._planned = (None, None)
        self.plan(0)

    def __len__(self):
        """Number of batches, the same in every epoch."""
        return len(self._planned[1])

    def plan(self, epoch):
        """The list of `Batch(length, indices, count)` of an epoch."""
        planned = self._planned  # one read: another thread may replace it
        if planned[0] != epoch:
            batches = plan_batches(self.lengths, buckets=self.buckets, epoch=epoch, **self.options)
            self._planned = planned = (epoch, batches)
        return planned[1]

    def load(self, epoch, i):
        """Batch `i` of `epoch`: a tuple of int32 and float32 arrays, arranged like the examples.

        Raises:
            ValueError: an id, label or length out of range; names the example.
        """
        length, indices, count = self.plan(epoch)[i]
        rank, ranks = self.shard
        rows = indices[rank::ranks]
        examples = [self.example(row) for row in rows]
        batch = collate(examples, length, self.pad_value, self.label_pad, rows)
        self._check(batch, rows)
        if self.options["tail"] != "fill":
            return batch
        if len(batch) == 1:
            raise ValueError("tail='fill' gives weights to labels, but the examples have none")
        x, y, weights = (*batch, 1.0)[:3]
        real = np.arange(len(indices)) < count
        return x, y, (weights * real[rank::ranks]).astype("float32")

    def example(self, i):
        """Example `i`, encoded and cut: a tuple `(x,)`, `(x, y)` or `(x, y, weight)`."""
        example = self.examples[int(i)]
        example = example if self.encode is None else self.encode(example)
        if not isinstance(example, tuple) or not 1 <= len(example) <= 3:
            raise ValueError(
                "an example must be a tuple `(x,)`, `(x, y)` or `(x, y, weight)`. "
                f"Received: {str(example)[:80]} as example {i}"
            )
        if self.maxlen is not None and self.truncate:
            return cut(example, self.maxlen, self.label_pad)
        return example

    def restore(self, outputs, epoch=0):
        """Rows of all batches of an epoch, one after another, put in the order of the examples.

        For the outputs of `model.predict`, where no example was dropped or went to another rank.

        Raises:
            ValueError: another number of rows than the batches have.
        """
        rows = sum(len(batch.indices) for batch in self.plan(epoch))
        if len(outputs) != rows or self.options["tail"] == "drop" or self.shard[1] > 1:
            raise ValueError(
                f"`outputs` must be the {rows} rows of all examples (no tail='drop', no shard). "
                f"Received: {len(outputs)} rows, {self.options}, shard={self.shard}"
            )
        restored = np.empty((len(self.examples), *np.shape(outputs)[1:]), np.asarray(outputs).dtype)
        start = 0
        for _, indices, count in self.plan(epoch):
            restored[indices[:count]] = outputs[start : start + count]
            start += len(indices)
        return restored

    def _count(self):
        return np.array([token_count(self.example(i)[0]) for i in range(len(self.examples))])

    def _bounded(self, lengths):
        if lengths.shape != (len(self.examples),):
            raise ValueError(
                "`lengths` must have one number for each example. "
                f"Received: shape {lengths.shape} for {len(self.examples)} examples"
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
            raise ValueError(
                "`buckets` must ascend and reach the longest example, of "
                f"{self.lengths.max()} tokens. Received: buckets={buckets.tolist()}"
            )
        return buckets

    def _check(self, batch, rows):
        sizes = {"x": by_name(self.vocab_size, "x"), "y": by_name(self.num_classes, "y")}
        ignored = by_name(self.label_pad, "y")

        def check(name, array):
            check_finite(array, name, rows)
            if name[0] == "x" and sizes["x"](name) is not None:
                check_ids(array, sizes["x"](name), name, rows)
            elif name[0] == "y" and sizes["y"](name) is not None:
                check_labels(array, sizes["y"](name), name, rows, ignored(name))

        for name, part in zip(("x", "y", "weight"), batch):
            map_leaves(check, name, part)

    def _check_names(self):
        """Options by key or position must mean something."""
        names = set()
        for name, part in zip("xy", self.example(0)):
            map_leaves(lambda name, leaf: names.add(name), name, part)
        options = {"vocab_size": "x", "num_classes": "y", "label_pad": "y"}
        for option, part in options.items():
            value = getattr(self, option)
            keys = value if isinstance(value, dict) else range(np.size(value) * np.ndim(value))
            unknown = [key for key in keys if f"{part}[{key!r}]" not in names]
            if unknown:
                raise ValueError(
                    f"`{option}` must name parts of the examples, {sorted(names)}. "
                    f"Received: {option}={value}"
                )


def _checked_shard(shard, batch_size, tail):
    rank, ranks = shard
    if not 0 <= rank < ranks or batch_size % ranks or (ranks > 1 and tail == "partial"):
        raise ValueError(
            "`shard` must be (rank, ranks) with rank < ranks, `batch_size` a multiple of ranks, "
            "and `tail` 'fill' or 'drop', so that all ranks get equal shapes. "
            f"Received: shard={shard}, batch_size={batch_size}, tail={tail!r}"
        )
    return rank, ranks


_served = None  # in a worker process: the batches it makes


def serve(batches):
    """Initializer of a worker process: the batches that `load_served` makes there."""
    global _served
    _served = batches


def load_served(epoch, i):
    """`load(epoch, i)` of the batches this worker process serves."""
    return _served.load(epoch, i)
