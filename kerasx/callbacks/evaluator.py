"""Evaluate a metric after each epoch and keep the best weights."""

import math

import keras

from kerasx import backend
from kerasx.callbacks.training_state import stop_together
from kerasx.callbacks.weights_file import SUFFIXES, check_path, load_weights, save_weights
from kerasx.checks import check_choice, invalid


class Evaluator(keras.callbacks.Callback):
    """Callback that calls `metric_fn(model)` after each epoch and saves the best weights.

    The values are added to the history beside the loss. The best value is compared with all epochs
    of the history, those that `Resume` restored included, so a resumed run does not overwrite a
    better file.

    With several processes all call `metric_fn`, since on JAX `predict` needs them all; the numbers
    of the first count, it alone writes and prints, and an error in one is raised in all.

    Args:
        metric_fn: a function (model) -> number, or -> dict {name: number}.
        path: file for the best weights, see `save_weights`; None saves none.
        mode: "max" or "min", whether larger or smaller values are better.
        monitor: name of the number in the dict that is compared, the first by default. For a
            single number, the name it is logged under, by default that of the function (of a
            lambda, "metric").
        load_best: whether to load the best weights when training ends; needs a `path`.
        patience: stop after so many epochs without a better value; None never stops.
        skip_nonfinite: whether to log NaN and infinity, which are never the best, instead of
            raising an error.
        verbose: whether to print a line each epoch.

    Attributes:
        best: the best value so far, None before the first.

    Raises:
        ValueError: `metric_fn` returned no number, an empty dict, NaN or infinity.

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> evaluator = Evaluator(lambda model: {"count": model.count_params()})
    >>> history = model.fit(np.ones((4, 2)), np.ones(4), callbacks=[evaluator], verbose=0)
    epoch 1: count 3, the best so far
    >>> history.history["count"], evaluator.best
    ([3.0], 3.0)
    """

    def __init__(
        self,
        metric_fn,
        path=None,
        mode="max",
        monitor=None,
        load_best=False,
        patience=None,
        skip_nonfinite=False,
        verbose=True,
    ):
        super().__init__()
        check_choice("mode", mode, ("max", "min"))
        if path is not None:
            check_path(path, SUFFIXES)
        elif load_best:
            raise invalid("`path` must be given with `load_best=True`.", path=path)
        self.metric_fn, self.path, self.mode, self.monitor = metric_fn, path, mode, monitor
        self.load_best, self.patience = load_best, patience
        self.skip_nonfinite, self.verbose = skip_nonfinite, verbose
        self.best = None

    def on_train_begin(self, logs=None):
        backend.check_synchronised(self.model)

    def on_epoch_end(self, epoch, logs=None):
        values = backend.broadcast_object(
            backend.in_all_processes(lambda: self._values(self.metric_fn(self.model), logs or {}))
        )
        monitor = self.monitor or next(iter(values))
        value, past = values[monitor], self._past(monitor)
        best = self._best([self.best, *past])
        improved = math.isfinite(value) and (best is None or self._best([best, value]) != best)
        self.best = value if improved else best
        if improved and self.path is not None:
            save_weights(self.model, self.path)
        if logs is not None:
            logs.update(values)
        if self.verbose and backend.is_first_process():
            listed = ", ".join(f"{k} {v:.6g}" for k, v in values.items())
            what = "the best so far" if improved else f"the best is {self.best}"
            print(f"epoch {epoch + 1}: {listed}, {what}")
        since_best = len(past) - past.index(best) if best in past else len(past) + 1
        if self.patience is not None and not improved and since_best >= self.patience:
            self.model.stop_training = True
        stop_together(self.model)

    def on_train_end(self, logs=None):
        if self.load_best and self.best is not None:
            backend.in_all_processes(lambda: load_weights(self.model, self.path))

    def _values(self, result, logs):
        """Return the result of `metric_fn` as {name: float}, checked."""
        name = getattr(self.metric_fn, "__name__", "")
        name = self.monitor or (name if name.isidentifier() else "metric")
        values = result if isinstance(result, dict) else {name: result}
        try:
            values = {str(k): float(v) for k, v in values.items()}
        except (TypeError, ValueError) as error:
            raise invalid(
                "`metric_fn` must return a number or a dict of numbers.", result=result
            ) from error
        if not values or (self.monitor or next(iter(values))) not in values:
            named = f", and one named {self.monitor!r}" if self.monitor else ""
            raise invalid(f"`metric_fn` must return at least one number{named}.", result=result)
        wrong = {k: v for k, v in values.items() if not math.isfinite(v)}
        if wrong and not self.skip_nonfinite:
            raise invalid(
                "`metric_fn` must return finite numbers; look for a division by zero or a loss "
                "that diverged, or pass skip_nonfinite=True.",
                result=wrong,
            )
        taken = sorted(set(values) & set(logs))
        if taken:
            raise invalid(
                "`metric_fn` must return names that the logs do not have yet.", names=taken
            )
        return values

    def _past(self, monitor):
        """Return the values of earlier epochs, from the history of the model."""
        history = getattr(self.model, "history", None)
        return [] if history is None else history.history.get(monitor, [])

    def _best(self, values):
        values = [v for v in values if v is not None and math.isfinite(v)]
        return (max if self.mode == "max" else min)(values) if values else None
