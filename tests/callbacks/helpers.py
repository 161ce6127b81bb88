"""A small classifier with dropout and a schedule; and a callback that interrupts."""

import keras
import numpy as np

from kerasx.data import BucketDataset

EXAMPLES = [([1 + (i * j) % 9 for j in range(1, 3 + i % 9)], i % 3) for i in range(24)]
BATCHES = 6


def make_dataset(seed=5):
    return BucketDataset(EXAMPLES, 4, seed=seed, max_shapes=1)


def make_model(seed=1, units=8, optimizer=None, **compiling):
    keras.utils.set_random_seed(seed)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(10, units, name="embedding")(ids)
    x = keras.layers.Dropout(0.3, name="unseeded")(x)
    x = keras.layers.GlobalAveragePooling1D(name="mean")(x)
    x = keras.layers.Dropout(0.2, seed=3, name="seeded")(x)
    model = keras.Model(ids, keras.layers.Dense(3, name="scores")(x))
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 40)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    options = {"metrics": ["accuracy"], **compiling}
    model.compile(optimizer or keras.optimizers.Adam(schedule), loss, **options)
    return model


def make_line(optimizer="sgd", **compiling):
    """Return a linear model of two inputs, and data."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="dense")])
    model.compile(optimizer, "mse", **compiling)
    return model, (np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]]), np.arange(4.0))


class Interrupt(keras.callbacks.Callback):
    """Raise KeyboardInterrupt at a batch, or at the beginning of an epoch (batch None)."""

    def __init__(self, epoch, batch, act=None):
        super().__init__()
        self.at, self.act = (epoch, batch), act or self.interrupt

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if self.at == (epoch, None):
            self.act()

    def on_train_batch_end(self, batch, logs=None):
        if self.at == (self.epoch, batch):
            self.act()

    @staticmethod
    def interrupt():
        raise KeyboardInterrupt


def equal_arrays(first, second):
    return len(first) == len(second) and all(map(np.array_equal, first, second))


def all_state(model):
    """Return all variables of model, optimizer and metrics as NumPy arrays."""
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [keras.ops.convert_to_numpy(v) for v in variables]
