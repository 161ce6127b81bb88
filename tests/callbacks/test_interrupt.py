"""Ctrl-C stops `fit`, and leaves a model that can be used."""

import os
import signal
import threading

import keras
import numpy as np
import pytest

from kerasx.callbacks import KeepOnInterrupt
from tests.callbacks.helpers import Interrupt, all_state, make_line, make_model

needs_signals = pytest.mark.skipif(os.name == "nt", reason="sends signals")


@pytest.fixture(autouse=True)
def interrupts():
    """Let SIGINT interrupt: a shell starts programs in its background without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press():
    os.kill(os.getpid(), signal.SIGINT)


class PressLater(keras.callbacks.Callback):
    """Press Ctrl-C from another thread, some time after the first batch."""

    def __init__(self, seconds):
        super().__init__()
        self.timer = threading.Timer(seconds, press)

    def on_train_batch_end(self, batch, logs=None):
        if not self.timer.is_alive() and not self.timer.finished.is_set():
            self.timer.start()


@needs_signals
def test_the_model_is_usable_after_interrupts_at_any_moment(tmp_path, capsys):
    model, (x, y) = make_line("adam")
    data = np.tile(x, (50, 1)), np.tile(y, 50)
    for seconds in (0, 0.001, 0.003, 0.01, 0.02, 0.04):
        callbacks = [PressLater(seconds), KeepOnInterrupt()]
        with pytest.raises(KeyboardInterrupt):
            model.fit(*data, batch_size=2, epochs=10**6, callbacks=callbacks, verbose=0)
        assert all(np.isfinite(values).all() for values in all_state(model))
        model.evaluate(*data, verbose=0)
        model.save(tmp_path / "model.keras")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert capsys.readouterr().out.count("the model keeps what it has learnt") == 6


@needs_signals
@pytest.mark.parametrize("epoch, batch", [(0, 2), (1, None), (1, 5)])
def test_the_model_is_that_of_the_last_batch(epoch, batch):
    ids, labels = np.arange(36).reshape(12, 3) % 10, np.arange(12) % 3
    states = []
    for stop in (Interrupt(epoch, batch), Interrupt(epoch, batch, press)):
        model = make_model()
        callbacks = [stop, KeepOnInterrupt(verbose=False)]
        with pytest.raises(KeyboardInterrupt):
            model.fit(ids, labels, batch_size=2, epochs=3, callbacks=callbacks, verbose=0)
        states.append(all_state(model)[: len(model.variables)])
    for first, second in zip(*states, strict=True):
        np.testing.assert_array_equal(first, second)


@needs_signals
def test_validation_is_interrupted_too():
    model, data = make_line()
    watch = keras.callbacks.LambdaCallback(on_test_begin=lambda logs: press())
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, validation_data=data, callbacks=[watch, KeepOnInterrupt()], verbose=0)
    assert np.isfinite(model.evaluate(*data, verbose=0))


@needs_signals
def test_the_second_ctrl_c_interrupts_at_once():
    after = []

    def twice(batch, logs):
        press()
        press()
        after.append(batch)

    model, data = make_line()
    watch = keras.callbacks.LambdaCallback(on_train_batch_begin=twice)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, callbacks=[watch, KeepOnInterrupt()], verbose=0)
    assert after == [] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


@needs_signals
def test_ctrl_c_after_an_error_of_fit_is_an_interrupt():
    def fail(batch, logs):
        raise OSError("no more data")

    model, data = make_line()
    watch = keras.callbacks.LambdaCallback(on_train_batch_begin=fail)
    with pytest.raises(OSError, match="no more data"):
        model.fit(*data, callbacks=[KeepOnInterrupt(), watch], verbose=0)
    with pytest.raises(KeyboardInterrupt):
        press()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_fit_in_another_thread_keeps_its_handlers():
    model, data = make_line()
    errors = []

    def fit():
        try:
            model.fit(*data, callbacks=[KeepOnInterrupt()], verbose=0)
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=fit)
    thread.start()
    thread.join()
    assert errors == [] and signal.getsignal(signal.SIGINT) is signal.default_int_handler
