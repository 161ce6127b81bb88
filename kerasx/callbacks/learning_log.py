"""Log the learning rate to the history, and all logs to TensorBoard."""

import keras

from kerasx import backend
from kerasx.callbacks.training_state import synced
from kerasx.checks import check_integer


def learning_rate(model):
    """Return the current learning rate as a float; a schedule is evaluated at `iterations`.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.5, 100)))
    >>> learning_rate(model)
    0.5
    """
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


class LearningLog(keras.callbacks.Callback):
    """Callback that adds `learning_rate` to the logs and writes all logs for TensorBoard.

    TensorBoard shows `batch/...` and `epoch/...` over the steps of the optimizer, values that the
    training step reports (`gradient_norm`) included. The package tensorboardX writes the files
    without TensorFlow, the same on all backends.

    List this callback before those that read the learning rate from the logs (`TrainingCurve`).
    With several processes the first one writes.

    Args:
        log_dir: folder for TensorBoard; None writes no files.
        every: write the values of every so many batches. Reading them waits for the accelerator,
            so use more than 1 on a fast one.

    Raises:
        ValueError: `log_dir` is given and tensorboardX is not installed.

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(0.5), "mse")
    >>> history = model.fit(np.ones((4, 2)), np.ones(4), callbacks=[LearningLog()], verbose=0)
    >>> history.history["learning_rate"]
    [0.5]
    """

    def __init__(self, log_dir=None, every=1):
        super().__init__()
        self.log_dir, self.every = log_dir, check_integer("every", every, least=1)
        self.async_safe = log_dir is None  # Keras need not wait for the batches then
        self._make_writer = None if log_dir is None else _summary_writer()
        self._writer = None

    def on_train_begin(self, logs=None):
        if self._make_writer is not None and backend.is_first_process():
            self._writer = self._make_writer(str(self.log_dir))
            self._step = self._updates()

    def on_train_batch_end(self, batch, logs=None):
        if self._writer is not None and (batch + 1) % self.every == 0:
            step = self._updates()
            if step > self._step:  # a batch that only accumulates, or is skipped, makes no step
                self._step = step
                self._write("batch", {**(logs or {}), "learning_rate": learning_rate(self.model)})

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = learning_rate(self.model)
        if self._writer is not None:
            self._step = self._updates()
            self._write("epoch", logs or {})
            self._writer.flush()

    def on_train_end(self, logs=None):
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _updates(self):
        return int(synced(self.model).optimizer.iterations)

    def _write(self, moment, values):
        for name, value in values.items():
            self._writer.add_scalar(f"{moment}/{name}", value, self._step)


def _summary_writer():
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ValueError(
            "`log_dir` needs the package tensorboardX: pip install tensorboardX, or leave it out."
        ) from error
    return SummaryWriter
