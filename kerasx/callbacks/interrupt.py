"""Stop `fit` by Ctrl-C without losing the model."""

import signal
import threading

import keras

from kerasx import backend
from kerasx.callbacks.training_state import synced


class KeepOnInterrupt(keras.callbacks.Callback):
    """Callback that stops `fit` between two batches when Ctrl-C is pressed.

    `fit` then raises KeyboardInterrupt, as without the callback, and the model has the weights and
    the optimizer of the last batch. Without it, an interrupt on JAX loses the model as a rule,
    since Keras hands the memory of the weights over to the running step; on PyTorch it may come
    between the updates of two weights. Pressing Ctrl-C a second time, such as while data is waited
    for, interrupts at once. Keras waits for each batch before it calls this callback.

    With several processes all stop after the same batch when one of them is interrupted, for which
    they exchange a message after each.

    Args:
        verbose: whether to print a line at each Ctrl-C.

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> try:
    ...     _ = model.fit(np.ones((4, 2)), np.ones(4), callbacks=[KeepOnInterrupt()], verbose=0)
    ... except KeyboardInterrupt:
    ...     pass  # the model can be saved, or trained further
    """

    def __init__(self, verbose=True):
        super().__init__()
        self.verbose = verbose
        self._previous, self._asked, self._epoch, self._trained = None, False, 0, None

    def set_model(self, model):
        super().set_model(model)
        self._trained = model  # reading `self.model` moves the weights on JAX, wherever a step is

    def on_train_begin(self, logs=None):
        self._asked = False
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) != self._on_signal:
            previous = signal.signal(signal.SIGINT, self._on_signal)
            self._previous = signal.default_int_handler if previous is None else previous

    def on_train_end(self, logs=None):
        self._stop_if_asked()
        self._restore()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._stop_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        self._stop_if_asked()

    def on_train_batch_end(self, batch, logs=None):
        self._stop_if_asked()

    def on_test_batch_end(self, batch, logs=None):
        self._stop_if_asked()

    def _on_signal(self, number, frame):
        """Ask `fit` to stop; at the second signal, or if `fit` is over, do what was done before."""
        if not self._asked and self._is_in_fit(frame):
            self._asked = True
            self._say("Ctrl-C: `fit` stops after this batch; press it again to stop at once.")
            return
        previous = self._previous
        self._restore()
        if not callable(previous):
            raise KeyboardInterrupt
        previous(number, frame)

    def _is_in_fit(self, frame):
        """Return whether the model's `fit` runs: another error may have ended it unnoticed."""
        while frame is not None:
            if frame.f_code.co_name == "fit" and frame.f_locals.get("self") is self._trained:
                return True
            frame = frame.f_back
        return False

    def _stop_if_asked(self):
        if backend.in_any_process(self._asked):
            self._restore()
            synced(self._trained)
            self._say(f"stopped in epoch {self._epoch + 1}; the model keeps what it has learnt.")
            raise KeyboardInterrupt

    def _restore(self):
        self._asked = False
        if signal.getsignal(signal.SIGINT) == self._on_signal:
            signal.signal(signal.SIGINT, self._previous)

    def _say(self, text):
        if self.verbose and backend.is_first_process():
            print(text, flush=True)
