"""Gradients pending in the optimizer are applied."""

import keras
import numpy as np
import pytest

from kerasx.callbacks import FlushGradients
from kerasx.optimizers import extend_with_gradient_accumulation
from tests.callbacks.helpers import make_line


class Pending(keras.optimizers.SGD):
    """Its flush adds one to every weight."""

    flushes = 0

    def flush(self):
        self.flushes += 1
        for variable in self._trainable_variables:
            variable.assign(variable + 1)


def test_an_optimizer_without_flush_is_left_alone():
    (plain, data), (model, _) = make_line("adam"), make_line("adam")
    model.set_weights(plain.get_weights())
    plain.fit(*data, shuffle=False, verbose=0)
    model.fit(*data, shuffle=False, callbacks=[FlushGradients()], verbose=0)
    for expected, weight in zip(plain.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(weight, expected)


@pytest.mark.parametrize("wrap", [lambda x: x, keras.optimizers.LossScaleOptimizer])
@pytest.mark.parametrize("each_epoch, flushes", [(False, 1), (True, 3)])
def test_what_flush_changes_stays(wrap, each_epoch, flushes):
    inner = Pending(0.0)
    model, data = make_line(wrap(inner))
    before = model.get_weights()
    model.fit(*data, epochs=2, callbacks=[FlushGradients(each_epoch)], verbose=0)
    assert inner.flushes == flushes
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_allclose(new, old + flushes, rtol=1e-6)


def test_a_flush_each_epoch_is_what_the_next_epoch_starts_from():
    model, data = make_line(Pending(0.0))
    model.set_weights([np.zeros((2, 1)), np.zeros(1)])
    losses = model.fit(*data, epochs=2, callbacks=[FlushGradients(True)], verbose=0).history["loss"]
    x, y = data
    np.testing.assert_allclose(losses, [np.mean(y**2), np.mean((x.sum(1) + 1 - y) ** 2)])


def test_the_tail_of_gradient_accumulation_is_applied():
    make = extend_with_gradient_accumulation(keras.optimizers.SGD)
    model, (x, y) = make_line(make(0.01, grad_accum_steps=3))
    before = model.get_weights()
    model.fit(x, y, batch_size=2, verbose=0)
    assert all(map(np.array_equal, before, model.get_weights()))  # two batches of three
    model.fit(x[:0:-4], y[:0:-4], epochs=0, callbacks=[FlushGradients()], verbose=0)
    assert not all(map(np.array_equal, before, model.get_weights()))
