"""Feed `Batches` to Keras; threads or processes make the batches in advance."""

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import keras

from kerasx.checks import check_integer, invalid
from kerasx.data.batches import Batches, load_served, serve


class EpochDataset(keras.utils.PyDataset):
    """Keras dataset whose batches are made by a pure function of epoch and index.

    It counts epochs: when the last batch was served and Keras ends the epoch, the next one begins.

    Args:
        load: function of (epoch, i) that makes batch i; with processes, a function that pickles.
        pool: executor in which batches are made in advance; None makes a batch when it is asked
            for.
        max_queue_size: number of batches made in advance.
        epoch: number of the first epoch.
    """

    def __init__(self, load, pool=None, max_queue_size=10, epoch=0):
        super().__init__()
        self._load, self._pool, self._queue_size = load, pool, max_queue_size
        self._lock, self._ahead = threading.Lock(), {}
        self._stand_in, self._begun = None, False
        self.set_epoch(epoch)

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise IndexError(f"batch {i} of {len(self)}")
        with self._lock:
            self._served[i] = 1
            passed, self._passed = self._passed, max(self._passed - 1, 0)
            if passed and self._stand_in is not None:
                return self._stand_in
            key = self._key(i)
            future = self._submit(key, i)
        batch = self._load(*key) if future is None else future.result()
        self._stand_in = batch if passed else None
        return batch

    def set_epoch(self, epoch, logs=None):
        """Start epoch number `epoch`; can be given to `LambdaCallback(on_epoch_begin=...)`."""
        with self._lock:
            self.epoch, self._skipped, self._passed = epoch, 0, 0
            self._served = bytearray(len(self))  # 1 for each index that was served

    def skip(self, steps):
        """Let the running epoch begin at batch `steps`, without making the batches before it.

        Index i is then batch `steps` + i, and after the last ones come batches of the next epoch.
        Where `fit` reads all of them, the epoch after it begins where this one ended; where only
        the rest of the running epoch is read, the next one begins at its first batch.
        """
        check_integer("steps", steps, least=0, below=len(self) + 1)
        with self._lock:
            self._skipped = steps

    def pass_over(self, steps):
        """Serve the first of the next `steps` batches for all of them, whose values do not matter.

        So a `fit` that `Resume` continues counts and shuffles as it did, and makes no batch anew.
        """
        check_integer("steps", steps, least=0, below=len(self) + 1)
        with self._lock:
            self._passed, self._stand_in = steps, None

    def on_epoch_begin(self):
        self._begun = True

    def on_epoch_end(self):
        # Keras also calls this before training, and after reading batches to build a model, on
        # TensorFlow two that may be all there are, but not after `on_epoch_begin`.
        served, skipped = sum(self._served), self._skipped
        if self._begun and served + skipped >= len(self):
            self.set_epoch(self.epoch + 1)
            if served == len(self):
                self.skip(skipped)
        self._begun = False

    def _key(self, i):
        """Return (epoch, batch) of an index; after a skip, the last ones are of the next epoch."""
        epochs, batch = divmod(self._skipped + i, len(self))
        return self.epoch + epochs, batch

    def _submit(self, key, i):
        """Return the future of a batch, and start the batches likely to be asked for next."""
        if self._pool is None:
            return None
        self._ahead = {k: future for k, future in self._ahead.items() if k >= key}
        for j in range(i, min(i + 1 + self._queue_size, len(self))):
            full = len(self._ahead) > self._queue_size and j != i
            if self._key(j) not in self._ahead and not full:
                self._ahead[self._key(j)] = self._pool.submit(self._load, *self._key(j))
        return self._ahead.pop(key)


class BucketDataset(EpochDataset):
    """Keras dataset of batches padded to few lengths, in an order set by `(seed, epoch)` alone.

        model.fit(BucketDataset(examples, batch_size=64), shuffle=False, epochs=5)

    Each example comes exactly once per epoch. Batches have few shapes, so that few compilations
    are needed. `shuffle=False` in `fit` keeps `fit` from shuffling the batches once more, by
    Python's own `random`; the dataset itself shuffles in any case.

    The dataset counts epochs: when all batches were served and Keras ends the epoch, the next one
    begins. To resume, or to use the dataset for other purposes between epochs, set the epoch:

        fit(dataset, initial_epoch=3, shuffle=False,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=dataset.set_epoch)])

    `fit` must therefore run whole epochs, without `steps_per_epoch`.

    The number of workers does not change the batches. Keras's own workers are not used: they may
    carry a batch over to the next epoch, and fork a process in which TensorFlow or JAX runs
    threads, which may hang. Here workers are threads, or spawned processes that load NumPy only.
    Processes pay off if `encode` is slow. They need examples and `encode` that pickle, and import
    the script again, so its work must stand under `if __name__ == "__main__":`.

    Args:
        examples, batch_size, **options: see `Batches`.
        workers: number of threads or processes that make batches in advance; below 2 and without
            `use_multiprocessing` a batch is made when it is asked for.
        use_multiprocessing: use processes instead of threads.
        max_queue_size: number of batches made in advance.
        epoch: number of the first epoch.

    Raises:
        ValueError: no examples, an example without tokens or too long; see `Batches`.

    >>> dataset = BucketDataset([([5, 6, 7], 0), ([8], 1)], batch_size=2, buckets=[4])
    >>> len(dataset), dataset[0][0].shape
    (1, (2, 4))
    """

    def __init__(
        self,
        examples,
        batch_size=32,
        workers=1,
        use_multiprocessing=False,
        max_queue_size=10,
        epoch=0,
        **options,
    ):
        self.batches = Batches(examples, batch_size, **options)
        load, pool = self.batches.load, None
        if use_multiprocessing:
            pool, load = _processes(workers, self.batches), load_served
        elif workers > 1:
            pool = ThreadPoolExecutor(workers)
        super().__init__(load, pool, max_queue_size, epoch)

    def __len__(self):
        return len(self.batches)

    def digest(self):
        """Return a str that tells the order of the examples, in all epochs, from others."""
        return self.batches.digest()

    def restore(self, outputs):
        """Put the rows of `model.predict(dataset)` in the order of the examples.

        Raises:
            ValueError: the dataset was not made with shuffle=False, or see `Batches.restore`.
        """
        if self.batches.options["shuffle"]:
            raise invalid("`shuffle` must be False for `restore`.", shuffle=True)
        return self.batches.restore(outputs)


def _processes(workers, batches):
    return ProcessPoolExecutor(
        max(workers, 1), multiprocessing.get_context("spawn"), serve, (batches,)
    )
