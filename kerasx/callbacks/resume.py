"""Resume a killed training run, bit for bit."""

import hashlib
import os

import keras

from kerasx.backend.keras_internals import start_at_epoch
from kerasx.callbacks import training_state as state
from kerasx.callbacks.weights_file import check_path, check_same
from kerasx.checks import check_integer, invalid


class Resume(keras.callbacks.Callback):
    """Callback that lets a killed run, started again, end as if it had never stopped.

        model.compile("adam", "mse")
        model.fit(dataset, epochs=10, shuffle=False, callbacks=[Resume("run.safetensors", dataset)])

    Run the same script again to continue. One file, replaced atomically and verified by its digest,
    holds the weights, optimizer slots, seeds, metrics, random states, history, epoch and batch. On
    the CPU of one machine the weights are equal bit for bit.

    In the middle of an epoch the batches already seen are loaded again but not trained on. So the
    dataset must give the same batches again: a `BucketDataset`, or a dataset that depends only on
    the epoch and the index, or that shuffles by the random numbers of NumPy, Python or PyTorch at
    the start of the epoch. (On TensorFlow `fit` shuffles arrays by a generator whose state cannot
    be restored: pass `shuffle=False`.)

    The file stays when training ends; starting again then only trains further epochs. The state
    of other callbacks is not saved, but `Evaluator` and `TrainingCurve` read the history, which is.

    Args:
        path: the file, ending in `.safetensors`, in an existing folder.
        dataset: an object whose method `set_epoch(epoch)` is called before each epoch: the
            `BucketDataset` that is trained on, which would otherwise begin at its first epoch.
        every: also save after so many batches; None saves between epochs only.
        verbose: whether to print a line when a run is resumed.

    Raises:
        ValueError: the file is damaged or of another model, optimizer, backend or dataset; the
            differences are listed and nothing is loaded.

    >>> import numpy as np, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "run.safetensors")
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> x = np.ones((4, 2)), np.ones(4)
    >>> history = model.fit(*x, epochs=2, callbacks=[Resume(path)], verbose=0)
    >>> history = model.fit(*x, epochs=3, callbacks=[Resume(path)], verbose=0)
    resumed at epoch 3, batch 1
    >>> history.epoch
    [0, 1, 2]
    """

    def __init__(self, path, dataset=None, every=None, verbose=True):
        super().__init__()
        check_path(path, (".safetensors",))
        if dataset is not None and not hasattr(dataset, "set_epoch"):
            raise invalid(
                "`dataset` must have a method set_epoch(epoch); leave it out if the order is the "
                "same in every epoch.",
                dataset=dataset,
            )
        if every is not None:
            check_integer("every", every, least=1)
        self.path, self.dataset = os.fspath(path), dataset
        self.every, self.verbose = every, verbose
        self.async_safe = every is None  # Keras need not wait for the batches then
        self._stored = None  # a state that `on_train_begin` read and `on_epoch_begin` completes

    def on_train_begin(self, logs=None):
        self._stored = None
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        if not os.path.exists(self.path):
            return
        tensors, text = state.load_state(self.path)
        self._check(tensors, text)
        state.assign_variables(self.model, tensors, ("model", "optimizer"))
        self._stored = tensors, text
        start_at_epoch(self.model, text["epoch"])
        if self.verbose:
            print(f"resumed at epoch {text['epoch'] + 1}, batch {text['batch'] + 1}")

    def on_epoch_begin(self, epoch, logs=None):
        start_at_epoch(self.model, None)
        self._epoch, self._saved_at = epoch, 0
        if self.dataset is not None:
            self.dataset.set_epoch(epoch)
        if self._stored is not None:
            self._restore(*self._stored)
            self._stored = None
        else:
            self._random = state.read_random()
            self._save(epoch, 0, self._history())

    def on_train_batch_end(self, batch, logs=None):
        done = batch + 1
        if self.every is not None and done - self._saved_at >= self.every:
            self._saved_at = done
            self._save(self._epoch, done, self._history(), logs)

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.params.get("epochs") or self.model.stop_training:
            past, values = self._history()
            last = {k: [*values.get(k, []), v] for k, v in (logs or {}).items()}
            self._random = state.read_random()
            self._save(epoch + 1, 0, ([*past, epoch], {**values, **last}))

    def on_train_end(self, logs=None):
        start_at_epoch(self.model, None)
        if self._stored is not None:  # no epoch was left
            self._restore_history(self._stored[1])

    def _save(self, epoch, batch, history, logs=None):
        tensors = state.read_variables(self.model)
        text = {
            "epoch": epoch,
            "batch": batch,
            "history": history,
            "logs": {k: float(v) for k, v in (logs or {}).items()},
            "identity": self._identity(epoch),
            "random": {},
        }
        for moment, (arrays, words) in {
            "begin": self._random,
            "now": state.read_random() if batch else self._random,
        }.items():
            tensors |= {f"random/{moment}/{k}": v for k, v in arrays.items()}
            text["random"][moment] = words
        state.save_state(self.path, tensors, text)

    def _identity(self, epoch):
        """Return the facts in which a run must agree with the run that it continues."""
        optimizer = self.model.optimizer
        inner = state.bare_optimizer(self.model)
        plan = getattr(getattr(self.dataset, "batches", None), "plan", None)
        identity = {
            "backend": keras.backend.backend(),
            "optimizer": [type(optimizer).__name__, type(inner).__name__],
            "batches per epoch": self.params.get("steps"),
            "steps per execution": self.model.steps_per_execution,
            "dataset": type(self.dataset).__name__,
        }
        if plan is not None:
            words = [(b.length, b.indices.tolist(), b.count) for b in plan(epoch)]
            identity["order of the dataset"] = hashlib.sha256(repr(words).encode()).hexdigest()
        return identity

    def _check(self, tensors, text):
        message = (
            "`path` must hold the state of the same run; nothing was loaded. Continue as that run "
            f"did, or start anew with another path. Received: path={self.path!r}."
        )
        here = self._identity(text["epoch"])
        check_same(text["identity"], here, message, ("in the file", "now"))
        names = ("model", "optimizer", "metrics")
        skip_metrics = not text["batch"] or self._lacks_metrics(tensors)
        state.check_variables(self.model, tensors, names[: 2 if skip_metrics else 3])

    def _restore(self, tensors, text):
        """Restore the rest of the state at the beginning of the epoch.

        Not earlier, as Keras resets the metrics before it calls `on_epoch_begin`. The generators
        get their state of the beginning of the epoch, so that `fit` shuffles as it did.
        """
        self._restore_history(text)
        moments = {
            moment: (_under(tensors, f"random/{moment}/"), words)
            for moment, words in text["random"].items()
        }
        self._random = moments["begin"]
        state.write_random(*moments["begin"])
        if text["batch"]:
            self._saved_at = text["batch"]
            if not self._lacks_metrics(tensors):
                state.assign_variables(self.model, tensors, ("metrics",))
            self._skip(tensors, text, moments["now"])

    def _skip(self, tensors, text, random_now):
        """Let `fit` load the batches already seen without training, and train on from there.

        No callback can make `fit` skip a batch, but `fit` looks `model.train_function` up in every
        step. So a function that only loads batches takes its place for as many calls as needed;
        the last one restores the generators as they were when the state was saved.
        """
        model, train = self.model, self.model.train_function
        calls = -(-text["batch"] // model.steps_per_execution)

        def skip(*arguments):
            nonlocal calls
            calls -= 1
            batches = _draw(arguments, model.steps_per_execution)
            if self._lacks_metrics(tensors):
                _build_metrics(model, batches[0])
                state.check_variables(model, tensors, ("metrics",))
                state.assign_variables(model, tensors, ("metrics",))
            if calls == 0:
                model.train_function = train
                state.write_random(*random_now)
            return (text["logs"], arguments[0]) if len(arguments) == 2 else text["logs"]

        model.train_function = skip

    def _lacks_metrics(self, tensors):
        """Return whether metrics are not built yet; on TensorFlow the first batch builds them."""
        return len(self.model.metrics_variables) < len(_under(tensors, "metrics/"))

    def _history(self):
        history = getattr(self.model, "history", None)
        return ([], {}) if history is None else (list(history.epoch), dict(history.history))

    def _restore_history(self, text):
        self.model.history.epoch, self.model.history.history = text["history"]


def _under(tensors, prefix):
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _draw(arguments, steps):
    """Return the batches that a call of `train_function` gets, as a list or an iterator."""
    source = arguments[-1]
    if isinstance(source, list):
        return source
    return [batch for _, batch in zip(range(steps), source)]


def _build_metrics(model, batch):
    x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
    y_pred = model(x, training=False)
    model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight)
    model.compute_metrics(x, y, y_pred, sample_weight=weight)
