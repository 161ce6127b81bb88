"""Resume a killed training run, bit for bit."""

import logging
import os

import keras

from kerasx import backend
from kerasx.backend.keras_internals import start_at_epoch
from kerasx.callbacks import training_state as state
from kerasx.callbacks.weights_file import check_path, check_same
from kerasx.checks import check_integer, invalid

_FORMAT = 2  # of the file


class Resume(keras.callbacks.Callback):
    """Callback that lets a killed run, started again, end as if it had never stopped.

        model.compile("adam", "mse")
        model.fit(dataset, epochs=10, shuffle=False, callbacks=[Resume("run.safetensors", dataset)])

    Run the same script again to continue. One file, replaced atomically and verified by its digest,
    holds the weights, optimizer slots, seeds, metrics, random states, history, epoch and batch. On
    the CPU of one machine the weights are equal bit for bit.

    In the middle of an epoch a `BucketDataset` or `CorpusDataset` does not make the batches already
    seen; of any other dataset they are loaded again, but not trained on. So it must give the same
    batches again: depend only on the epoch and the index, or shuffle by the random numbers of
    NumPy, Python or PyTorch at the start of the epoch. (On TensorFlow `fit` shuffles arrays by a
    generator whose state cannot be restored: pass `shuffle=False`.)

    With several processes the first one writes the file, and all read it: its folder must be one
    that they share. A run may continue with another number of processes or devices; with the same
    number the weights are equal bit for bit.

    The file stays when training ends; starting again then only trains further epochs. The state
    of other callbacks is not saved, but `Evaluator` and `TrainingCurve` read the history, which is.

    Args:
        path: the file, ending in `.safetensors`, in an existing folder.
        dataset: the dataset that is trained on, if it has a method `set_epoch(epoch)`, which is
            called before each epoch: a `BucketDataset` would otherwise begin at its first one.
            If it has them, its methods `digest()`, a str that tells its order from others, and
            `pass_over(steps)`, which lets it serve any values in the next so many batches, are
            used.
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
        self._unequal = False  # whether the random states of the processes were unequal

    def on_train_begin(self, logs=None):
        backend.check_synchronised(self.model)
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        self._stored = backend.in_all_processes(self._read)
        if self._stored is None:
            return
        tensors, text = self._stored
        state.assign_variables(self.model, tensors, ("model", "optimizer"))
        start_at_epoch(self.model, text["epoch"])
        if self.verbose and backend.is_first_process():
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
        state.stop_together(self.model)
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
        arrays = {}
        text = {
            "format": _FORMAT,
            "epoch": epoch,
            "batch": batch,
            "history": history,
            "logs": {k: float(v) for k, v in (logs or {}).items()},
            "identity": self._identity(),
            "random": {},
        }
        moments = {"begin": self._random, "now": state.read_random() if batch else self._random}
        for moment, (values, words) in moments.items():
            arrays |= {f"random/{moment}/{k}": v for k, v in values.items()}
            text["random"][moment] = words
        self._check_random(*moments["now"])
        state.save_state(self.path, self.model, arrays, text)

    def _check_random(self, arrays, words):
        """Warn once if the processes draw different random numbers: the file has those of one."""
        if backend.process_count() > 1 and not self._unequal:
            here = state.digest_of_random(arrays, words)
            self._unequal = len(set(backend.gather_objects(here, "random states"))) > 1
            if self._unequal and backend.is_first_process():
                logging.getLogger("kerasx").warning(
                    "The processes draw different random numbers, of which %s keeps those of the "
                    "first: train inside kerasx.distribution.data_parallel(), and draw alike in "
                    "all processes, for a run that continues bit for bit.",
                    self.path,
                )

    def _read(self):
        """Return (tensors, text) of the file, checked, or None if there is none."""
        there = os.path.exists(self.path)
        if len(set(backend.gather_objects(there, "found"))) > 1:
            raise invalid(
                "`path` must be in a folder that all processes share: some of them see no file.",
                path=self.path,
                process=backend.process_index(),
                found=there,
            )
        if not there:
            return None
        tensors, text = state.load_state(self.path)
        self._check(tensors, text)
        return tensors, text

    def _identity(self):
        """Return the facts in which a run must agree with the run that it continues."""
        optimizer = self.model.optimizer
        inner = state.bare_optimizer(self.model)
        identity = {
            "backend": keras.backend.backend(),
            "optimizer": [type(optimizer).__name__, type(inner).__name__],
            "batches per epoch": self.params.get("steps"),
            "steps per execution": self.model.steps_per_execution,
            "dataset": type(self.dataset).__name__,
        }
        if hasattr(self.dataset, "digest"):
            identity["order of the dataset"] = self.dataset.digest()
        return identity

    def _check(self, tensors, text):
        if text.get("format") != _FORMAT:
            raise invalid(
                "`path` must be a file that this version of kerasx wrote; start anew with another "
                "path, or continue with the version that wrote it.",
                path=self.path,
                format=text.get("format"),
            )
        message = (
            "`path` must hold the state of the same run; nothing was loaded. Continue as that run "
            f"did, or start anew with another path. Received: path={self.path!r}."
        )
        check_same(text["identity"], self._identity(), message, ("in the file", "now"))
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
        """Let `fit` pass over the batches already seen without training, and train on from there.

        No callback can make `fit` skip a batch, but `fit` looks `model.train_function` up in every
        step. So a function that only takes batches stands in its place for as many calls as needed;
        the last one restores the generators as they were when the state was saved.
        """
        model, train = self.model, self.model.train_function
        calls = -(-text["batch"] // model.steps_per_execution)
        if hasattr(self.dataset, "pass_over"):
            self.dataset.pass_over(text["batch"])

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
