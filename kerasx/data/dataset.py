"""`Batches` as a Keras dataset, with its batches made ahead by threads or processes."""

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import keras

from kerasx.data.batches import Batches, load_served, serve


class BucketDataset(keras.utils.PyDataset):
    """Training data padded to few lengths, in an order that depends only on `(seed, epoch)`.

        model.fit(BucketDataset(examples, batch_size=64), shuffle=False, epochs=5)

    Each example comes exactly once per epoch. A batch has one of a few shapes, so that compiled
    models are compiled a few times only. `shuffle=False` concerns `fit` alone, which otherwise
    shuffles the batches (their members stay) once more, by Python's own `random`.

    The epoch is counted: when all batches were served and Keras says that it ends, the next
    begins. To resume, or to use the dataset for other things between epochs, say which it is:

        fit(dataset, initial_epoch=3, shuffle=False,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=dataset.set_epoch)])

    So `fit` must run whole epochs, without `steps_per_epoch`.

    Workers do not change what is served. Keras's own workers may carry a batch over to the next
    epoch, and fork a process in which TensorFlow or JAX runs threads, which may hang; so they are
    not used: threads, or processes started afresh that need NumPy only, work here. Processes pay
    off where `encode` is slow. They need examples and `encode` that pickle, and import the script
    again: its work must be under `if __name__ == "__main__":`.

    Args:
        examples, batch_size, **options: see `Batches`.
        workers: how many threads or processes make batches ahead; below 2 and without
            `use_multiprocessing` the batches are made when asked for.
        use_multiprocessing: processes instead of threads.
        max_queue_size: how many batches are made ahead.
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
        super().__init__()
        self.batches = Batches(examples, batch_size, **options)
        self.epoch = epoch
        self._served = set()
        self._lock = threading.Lock()
        self._ahead = {}
        self._queue_size = max_queue_size
        self._pool, self._load = None, self.batches.load
        if use_multiprocessing:
            self._pool, self._load = _processes(workers, self.batches), load_served
        elif workers > 1:
            self._pool = ThreadPoolExecutor(workers)

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise IndexError(f"batch {i} of {len(self)}")
        with self._lock:
            self._served.add(i)
            epoch, future = self.epoch, self._submit(self.epoch, i)
        return self.batches.load(epoch, i) if future is None else future.result()

    def set_epoch(self, epoch, logs=None):
        """Start epoch number `epoch`; fits `LambdaCallback(on_epoch_begin=...)`."""
        with self._lock:
            self.epoch = epoch
            self._served.clear()

    def on_epoch_end(self):
        # Keras also calls this before training, and after looking at one batch to build the model.
        if len(self._served) == len(self):
            self.set_epoch(self.epoch + 1)

    def restore(self, outputs):
        """Rows as `model.predict(dataset)` returns them, in the order of the examples.

        Only for a dataset with shuffle=False, as any to predict on should be.
        """
        if self.batches.options["shuffle"]:
            raise ValueError("`restore` needs a dataset with shuffle=False. Received: shuffle=True")
        return self.batches.restore(outputs)

    def _submit(self, epoch, i):
        """The future of batch i; starts the ones that are likely to be asked for next."""
        if self._pool is None:
            return None
        self._ahead = {key: f for key, f in self._ahead.items() if key[0] == epoch}
        for j in range(i, min(i + 1 + self._queue_size, len(self))):
            full = len(self._ahead) > self._queue_size and j != i
            if (epoch, j) not in self._ahead and not full:
                self._ahead[epoch, j] = self._pool.submit(self._load, epoch, j)
        return self._ahead.pop((epoch, i))


def _processes(workers, batches):
    return ProcessPoolExecutor(
        max(workers, 1), multiprocessing.get_context("spawn"), serve, (batches,)
    )
