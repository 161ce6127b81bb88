"""Show in the progress bar how fast a model trains, and how much of the machine it uses."""

import math
import time

import keras
from keras import ops

from kerasx import backend
from kerasx.callbacks.training_state import synced
from kerasx.checks import check_number
from kerasx.models.flops import count_flops, count_tokens


class Throughput(keras.callbacks.Callback):
    """Callback that adds `tokens_per_second` and `share_of_limit` to the logs of `fit`.

    The share is that of the machine's arithmetic: the floating-point operations of the matrix
    products in a training step (three forward passes; padding counts, recomputation does not) per
    second, divided by those of a large matrix product, measured once when training begins, on as
    many devices as train.

    Both are means over the epoch so far; validation, batches that `Resume` passes over and the
    first batch, which compiles, are left out. They are nan as long as there is no other batch.

    Args:
        batch: a batch as `fit` gets it, inputs or (inputs, labels, ...), for its shapes: those of
            all batches, with the rows of all devices.
        limit: operations per second that a device can do; measured by default, in the dtype that
            the model computes in.

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x, y = np.ones((4, 2)), np.ones((4, 1))
    >>> watch = Throughput((x[:2], y[:2]), limit=1e9)
    >>> sorted(model.fit(x, y, batch_size=2, callbacks=[watch], verbose=0).history)
    ['loss', 'share_of_limit', 'tokens_per_second']
    """

    def __init__(self, batch, limit=None):
        super().__init__()
        self._inputs = keras.utils.unpack_x_y_sample_weight(batch)[0]
        if limit is not None:
            check_number("limit", limit, least=1)
        self.limit = limit
        self.async_safe = True  # it reads no values of the logs

    def on_train_begin(self, logs=None):
        self._tokens = count_tokens(self.model, self._inputs)
        self._flops = 3 * count_flops(self.model, self._inputs)
        self.limit = self.limit or arithmetic_limit(self.model.dtype_policy.compute_dtype)
        self._flops /= _device_count(self.model)
        self._updates, self._trains = None, False
        self._latest = dict.fromkeys(("tokens_per_second", "share_of_limit"), math.nan)

    def on_epoch_begin(self, epoch, logs=None):
        if self._updates is None:  # only now has `Resume` set the optimizer
            self._updates = self._count()
        self._restart(0)

    def on_train_batch_begin(self, batch, logs=None):  # in the thread that trains
        if not self._trains and self._count() != self._updates:  # the one before has compiled
            self._restart(batch)
            self._trains = True

    def on_train_batch_end(self, batch, logs=None):  # perhaps in another thread
        if not self._trains or batch < self._first:
            return
        rate = (batch + 1 - self._first) / (time.perf_counter() - self._start)
        self._latest = {
            "tokens_per_second": rate * self._tokens,
            "share_of_limit": rate * self._flops / self.limit,
        }
        if logs is not None:
            logs.update(self._latest)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs.update(self._latest)

    def _count(self):
        return int(synced(self.model).optimizer.iterations)

    def _restart(self, batch):
        self._first, self._start = batch, time.perf_counter()


def _device_count(model):
    """Return the number of devices that share the rows of the model's batches."""
    distribution = keras.distribution.distribution()
    if distribution is not None:
        return distribution.device_mesh.devices.size
    strategy = getattr(model, "distribute_strategy", None)  # on TensorFlow
    return backend.process_count() if strategy is None else strategy.num_replicas_in_sync


def arithmetic_limit(dtype=None, seconds=0.05, rounds=5):
    """Measure the floating-point operations per second of a large matrix product.

    Args:
        dtype: of the matrices; Keras's float type by default.
        seconds: the matrices are doubled until a product takes so long, up to 16384 rows.
        rounds: number of products of a size, of which the fastest counts.

    Returns:
        float.

    >>> arithmetic_limit(seconds=0.001, rounds=2) > 1e6
    True
    """
    size, took = 128, 0.0
    while took < seconds and size < 16384:
        size *= 2
        x = ops.ones((size, size), dtype)
        took = min(_product_seconds(x) for _ in range(rounds))  # the first one is compiled
    return 2 * size**3 / took


def _product_seconds(x):
    start = time.perf_counter()
    ops.convert_to_numpy(ops.matmul(x, x)[0, 0])  # waits for the product
    return max(time.perf_counter() - start, 1e-9)
