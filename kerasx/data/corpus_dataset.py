"""Feed the rows of a corpus to Keras, transformed, in an order set by `(seed, epoch)` alone."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kerasx.checks import check_integer, invalid
from kerasx.data.dataset import EpochDataset
from kerasx.data.identity import identity
from kerasx.data.row_random import RowRandom


class CorpusDataset(EpochDataset):
    """Keras dataset of the rows of a `PackedCorpus`.

        model.fit(CorpusDataset(corpus, 32, transform, arrange), shuffle=False, epochs=5)

    A batch is a pure function of seed, epoch and step: any number of processes and any start in
    the middle serve the same batches. `shuffle=False` keeps `fit` from shuffling them once more.
    Each pass over the corpus has an order, and random numbers for `transform`, of its own; rows
    that do not fill a batch at its end are left out, other rows in each pass.

    The dataset counts epochs, see `BucketDataset`; `set_epoch(epoch)` starts another one, and
    `skip(steps)` lets the running epoch begin at a step, without reading what comes before.

    Args:
        corpus: a `PackedCorpus`, or an object with its methods `rows`, `order` and `digest`.
        batch_size: rows of a batch, of all processes together.
        transform: function of (rows, rng) that returns a dict of arrays, such as `MaskTokens`:
            `rows` is a dict of `PackedCorpus.rows`, `rng` a `RowRandom`. Or a list of such
            functions, each of which gets the dict of the one before. None for the rows themselves.
        arrange: function from the dict to the batch `(x,)`, `(x, y)` or `(x, y, weight)` of the
            model; None for `(dict,)`.
        steps_per_epoch: batches of an epoch; None for a pass over the corpus. The passes follow
            one another, wherever epochs end.
        seed: int in [0, 2**63).
        shard: `(rank, ranks)`: the rows [rank * b / ranks, (rank + 1) * b / ranks) of each batch of
            b rows, so that the ranks together have exactly the whole batch.
        shuffle: False for the order of the corpus.
        advance: False to serve the same epoch each time, as for validation.
        workers: number of threads that make batches in advance; below 2, a batch is made when it
            is asked for.
        max_queue_size: number of batches made in advance.
        epoch: number of the first epoch.

    Raises:
        ValueError: fewer rows than a batch has, or a shard that does not divide it.
    """

    def __init__(
        self,
        corpus,
        batch_size,
        transform=None,
        arrange=None,
        steps_per_epoch=None,
        seed=0,
        shard=(0, 1),
        shuffle=True,
        advance=True,
        workers=1,
        max_queue_size=10,
        epoch=0,
    ):
        self.corpus, self.batch_size = corpus, check_integer("batch_size", batch_size, least=1)
        self.transforms = [] if transform is None else _listed(transform)
        self.arrange, self.shuffle, self.advance = arrange, bool(shuffle), bool(advance)
        self.seed = check_integer("seed", seed, least=0, below=2**63)
        self.shard = _checked_shard(shard, self.batch_size)
        self.passes = len(corpus) // self.batch_size  # batches of a pass over the corpus
        if not self.passes:
            text = "`batch_size` must be at most the number of rows."
            raise invalid(text, batch_size=batch_size, rows=len(corpus))
        steps = self.passes if steps_per_epoch is None else steps_per_epoch
        self.steps = check_integer("steps_per_epoch", steps, least=1)
        pool = ThreadPoolExecutor(workers) if workers > 1 else None
        super().__init__(self.load, pool, max_queue_size, epoch)

    def __len__(self):
        return self.steps

    def load(self, epoch, step):
        """Make batch `step` of an epoch, or the part of it that is this shard's."""
        number, step = divmod(epoch * self.steps + step, self.passes)
        rank, ranks = self.shard
        rows = self.batch_size // ranks
        first = step * self.batch_size + rank * rows
        numbers = np.arange(first, first + rows)
        if self.shuffle:
            numbers = self.corpus.order(numbers, number, self.seed)
        batch, rng = self.corpus.rows(numbers), RowRandom(self.seed, number, numbers)
        for transform in self.transforms:
            batch = transform(batch, rng)
        return (batch,) if self.arrange is None else self.arrange(batch)

    def on_epoch_end(self):
        if self.advance:
            super().on_epoch_end()

    def digest(self):
        """Return a str that tells the batches of all epochs from others; not by `shard`.

        Transforms that are objects go by their `digest()`, their `__repr__` or their attributes.
        """
        names = [identity(x) for x in (*self.transforms, self.arrange)]
        options = [self.corpus.digest(), self.batch_size, self.steps, self.seed, self.shuffle]
        return hashlib.sha256(json.dumps([*options, names]).encode()).hexdigest()


def _listed(transform):
    return list(transform) if isinstance(transform, (list, tuple)) else [transform]


def _checked_shard(shard, batch_size):
    rank, ranks = shard
    if not 0 <= rank < ranks or batch_size % ranks:
        raise invalid(
            "`shard` must be (rank, ranks), rank < ranks, and `batch_size` a multiple of ranks.",
            shard=shard,
            batch_size=batch_size,
        )
    return rank, ranks
