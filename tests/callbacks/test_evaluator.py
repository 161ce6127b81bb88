"""The best weights are kept, and only the best."""

import json

import keras
import numpy as np
import pytest

from kerasx.callbacks import Evaluator, load_weights
from tests.callbacks.helpers import equal_arrays, make_line


def run(evaluator, epochs=3, model=None):
    line, data = make_line()
    model = model or line
    return model, model.fit(*data, epochs=epochs, callbacks=[evaluator], verbose=0).history


def values(*numbers, name=None):
    """Return a metric function that returns these values in turn."""
    numbers = iter(numbers)

    def f1(model):
        return next(numbers) if name is None else {name: next(numbers)}

    return f1


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {"f1": float("-inf")}])
def test_a_value_that_is_not_finite_is_an_error_that_names_it(bad, tmp_path):
    with pytest.raises(ValueError, match="finite numbers.*Received: result={'f1': -?(nan|inf)}"):
        run(Evaluator(values(bad), tmp_path / "best.weights.h5"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [{}, None, "good", {"f1": [1, 2]}])
def test_what_is_no_number_is_an_error(bad):
    with pytest.raises(ValueError, match="`metric_fn` must return"):
        run(Evaluator(values(bad)))


def test_a_name_that_is_missing_or_taken_is_an_error():
    with pytest.raises(ValueError, match="one named 'em'"):
        run(Evaluator(values(1.0, name="f1"), monitor="em"))
    with pytest.raises(ValueError, match=r"do not have yet. Received: names=\['loss'\]"):
        run(Evaluator(values(1.0, name="loss")))


def test_an_error_of_the_metric_comes_through_and_the_best_file_stays(tmp_path):
    path = tmp_path / "best.weights.h5"

    def broken_later(model):
        if path.exists():
            raise RuntimeError("no decoder")
        return 1.0

    with pytest.raises(RuntimeError, match="no decoder"):
        run(Evaluator(broken_later, path))
    load_weights(make_line()[0], path)


def test_what_is_not_finite_may_pass_but_is_never_the_best(tmp_path):
    nan, inf = float("nan"), float("inf")
    evaluator = Evaluator(
        values(nan, 2.0, inf), tmp_path / "best.weights.h5", skip_nonfinite=True, verbose=False
    )
    _, history = run(evaluator)
    assert evaluator.best == 2.0 and history["f1"][2] == inf
    evaluator = Evaluator(values(nan), tmp_path / "none.weights.h5", skip_nonfinite=True)
    run(evaluator, epochs=1)
    assert evaluator.best is None and not (tmp_path / "none.weights.h5").exists()


@pytest.mark.parametrize("mode, best", [("max", 1), ("min", 0)])
@pytest.mark.parametrize("suffix", [".weights.h5", ".safetensors", ".keras"])
def test_the_file_holds_the_weights_of_the_best_epoch(mode, best, suffix, tmp_path):
    path, seen, numbers = tmp_path / f"best{suffix}", [], iter([1.0, 3.0, 2.0])

    def f1(model):
        seen.append(model.get_weights())
        return next(numbers)

    model, history = run(Evaluator(f1, path, mode, load_best=True))
    assert history["f1"] == [1.0, 3.0, 2.0]
    assert equal_arrays(model.get_weights(), seen[best]) and not equal_arrays(*seen[:2])


def test_an_equal_value_is_no_improvement_and_the_first_file_stays(tmp_path):
    path, times = tmp_path / "best.weights.h5", []

    def f1(model):
        times.append(path.stat().st_mtime_ns if path.exists() else None)
        return 1.0

    run(Evaluator(f1, path))
    assert times[1] == times[2]


def test_the_first_of_several_numbers_is_compared_or_the_one_named():
    def two(model):
        return {"f1": 1.0, "em": float(model.optimizer.iterations)}

    first, named = Evaluator(two), Evaluator(two, monitor="em", mode="min")
    run(first)
    run(named)
    assert (first.best, named.best) == (1.0, 1.0)


def test_the_metric_sees_synced_weights_and_may_evaluate():
    _, data = make_line()

    def loss_now(model):
        return model.evaluate(*data, verbose=0)

    model, history = run(Evaluator(loss_now, mode="min"))
    assert history["loss_now"][-1] == pytest.approx(model.evaluate(*data, verbose=0), rel=1e-6)


def test_patience_counts_epochs_without_a_better_value():
    evaluator = Evaluator(values(1.0, 3.0, 2.0, 2.5, 9.0), patience=2)
    _, history = run(evaluator, epochs=5)
    assert history["f1"] == [1.0, 3.0, 2.0, 2.5]


def test_the_best_of_an_earlier_fit_counts():
    evaluator = Evaluator(values(3.0, 1.0))
    model, _ = run(evaluator, epochs=1)
    run(evaluator, epochs=1, model=model)
    assert evaluator.best == 3.0


def test_a_line_is_printed_each_epoch(capsys):
    run(Evaluator(values(1.0, 0.5)), epochs=2)
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1: f1 1, the best so far",
        "epoch 2: f1 0.5, the best is 1.0",
    ]


def test_numpy_and_tensor_numbers_are_numbers():
    evaluator = Evaluator(values(np.float32(0.5), keras.ops.convert_to_tensor(0.75)))
    _, history = run(evaluator, epochs=2)
    assert json.dumps(history["f1"]) == "[0.5, 0.75]"
