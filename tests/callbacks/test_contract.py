"""Contract of every callback; a class without a row in the table fails."""

import functools

import keras
import numpy as np
import pytest

from kerasx import callbacks
from tests.callbacks.helpers import equal_arrays, make_line
from tests.callbacks.table import TABLE
from tests.names import defined_names

CALLBACK = keras.callbacks.Callback
each_callback = pytest.mark.parametrize("name", TABLE)


def test_the_table_has_a_row_for_each_callback_exported_or_not():
    classes = {n: x for n, x in defined_names(callbacks).items() if isinstance(x, type)}
    assert sorted(TABLE) == sorted(n for n, x in classes.items() if issubclass(x, CALLBACK))


@pytest.mark.parametrize(
    "jit_compile",
    ["auto", pytest.param(False, marks=pytest.mark.slow("operation by operation"))],
)
@each_callback
def test_it_runs_through_fit_and_evaluate_and_trains_as_without_it(name, jit_compile, tmp_path):
    if jit_compile is True and keras.backend.backend() == "torch":
        pytest.skip("jit_compile is torch.compile there: minutes of C++ compilation")
    row = TABLE[name]
    model, history = trained(row.optimizer, jit_compile, (TABLE[name].make(tmp_path),))
    plain, _ = trained(row.optimizer, jit_compile)
    assert equal_arrays(model.get_weights(), plain.get_weights())
    assert {"loss", "val_loss", *row.keys} == set(history)
    assert all(len(values) == 2 for values in history.values())
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(row.files)


@functools.cache
def trained(optimizer, jit_compile, callbacks=()):
    """Return a trained and evaluated model, and its history."""
    keras.utils.set_random_seed(0)
    model, data = make_line(optimizer(), jit_compile=jit_compile)
    options = {"batch_size": 2, "epochs": 2, "shuffle": False, "validation_data": data}
    history = model.fit(*data, callbacks=list(callbacks), verbose=0, **options).history
    model.evaluate(*data, callbacks=list(callbacks), verbose=0)
    return model, history


@each_callback
def test_zero_epochs_are_no_error(name, tmp_path):
    model, data = make_line(TABLE[name].optimizer())
    before = model.get_weights()
    model.fit(*data, epochs=0, callbacks=[TABLE[name].make(tmp_path)], verbose=0)
    assert all(map(np.array_equal, before, model.get_weights()))


@pytest.mark.parametrize(
    "bad, match", [pytest.param(*e, id=f"{k}-{e[1]}") for k, r in TABLE.items() for e in r.bad]
)
def test_bad_arguments_are_refused_with_a_reason(bad, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        bad(tmp_path)
