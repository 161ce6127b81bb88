"""A killed run continued equals the uninterrupted one."""

import os
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerasx.callbacks import Evaluator, Resume
from tests.callbacks.helpers import (
    BATCHES,
    Interrupt,
    all_state,
    equal_arrays,
    make_dataset,
    make_line,
    make_model,
)

KILLS = {"at-epoch-end": (1, None), "mid-epoch": (1, 3), "in-the-first": (0, 2), "last": (2, 5)}


def run(path, kill=None, seed=1, data_seed=5, callbacks=(), resume=True, **options):
    """Train three epochs and return (model, history), or None if the run was killed."""
    model, dataset = make_model(seed, **options), make_dataset(data_seed)
    listed = [*callbacks, Resume(path, dataset, every=2, verbose=False)] if resume else []
    listed += [Interrupt(*kill)] if kill else []
    try:
        history = model.fit(dataset, epochs=3, verbose=0, callbacks=listed, shuffle=False)
    except KeyboardInterrupt:
        return None
    return model, history


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    return run(tmp_path_factory.mktemp("straight") / "run.safetensors")


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    path = tmp_path_factory.mktemp("killed") / "run.safetensors"
    assert run(path, (1, 3)) is None
    return path


@pytest.fixture
def stored(killed, tmp_path):
    for suffix in ("", ".sha256"):
        shutil.copy(f"{killed}{suffix}", tmp_path / f"run.safetensors{suffix}")
    return tmp_path / "run.safetensors"


def assert_same(one, other):
    assert equal_arrays(all_state(one[0]), all_state(other[0]))
    assert one[1].epoch == other[1].epoch == [0, 1, 2]
    assert one[1].history == other[1].history


def test_saving_changes_nothing(straight, tmp_path):
    assert_same(straight, run(tmp_path / "no.safetensors", resume=False))


@pytest.mark.parametrize("kill", KILLS.values(), ids=KILLS)
def test_a_killed_run_continued_equals_the_uninterrupted_one(kill, straight, tmp_path):
    path = tmp_path / "run.safetensors"
    assert run(path, kill) is None
    assert_same(straight, run(path, seed=99))  # what the new process starts from does not matter


def test_a_run_killed_twice_equals_the_uninterrupted_one(straight, stored):
    assert run(stored, (2, 1), seed=98) is None
    assert_same(straight, run(stored, seed=99))


def test_only_the_batches_left_are_trained_on(stored):
    model, history = run(stored)
    assert int(model.optimizer.iterations) == 3 * BATCHES
    model, dataset = make_model(), make_dataset()
    model.fit(dataset, epochs=3, callbacks=[Resume(stored, dataset, verbose=False)], verbose=0)
    assert int(model.optimizer.iterations) == 3 * BATCHES  # nothing was left


def test_a_finished_run_restores_weights_and_history_and_trains_no_more(straight, stored):
    run(stored)
    model, history = run(stored, seed=99)
    assert equal_arrays(model.get_weights(), straight[0].get_weights())
    assert history.history == straight[1].history


def test_the_model_can_be_fitted_again_from_the_first_epoch(stored):
    model, _ = run(stored)
    history = model.fit(make_dataset(), epochs=1, verbose=0, shuffle=False)
    assert history.epoch == [0]


def test_an_evaluator_remembers_the_best_of_before_the_kill(tmp_path):
    values = iter([3.0, 1.0, 2.0])
    path, best = tmp_path / "run.safetensors", tmp_path / "best.weights.h5"

    def evaluator():
        return Evaluator(lambda model: {"f1": next(values)}, best, verbose=False)

    assert run(path, (1, 2), callbacks=[evaluator()]) is None
    first, again = best.read_bytes(), evaluator()
    _, history = run(path, callbacks=[again])
    assert history.history["f1"] == [3.0, 1.0, 2.0]
    assert again.best == 3.0 and best.read_bytes() == first


def test_arrays_shuffled_by_fit_resume_exactly(tmp_path):
    if keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow shuffles arrays by a generator that cannot be restored")

    def fit(path, kill=None):
        model, data = make_line("adam")
        model.set_weights([np.ones((2, 1)), np.zeros(1)])
        listed = [Resume(path, every=1, verbose=False)] + ([Interrupt(*kill)] if kill else [])
        model.fit(*data, batch_size=1, epochs=3, callbacks=listed, verbose=0)
        return model.get_weights()

    keras.utils.set_random_seed(0)
    expected = fit(tmp_path / "a.safetensors")
    keras.utils.set_random_seed(0)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "b.safetensors", (1, 2))
    keras.utils.set_random_seed(7)
    assert equal_arrays(expected, fit(tmp_path / "b.safetensors"))


def test_several_steps_per_execution_resume_exactly(tmp_path):
    if keras.backend.backend() == "torch":
        pytest.skip("Keras allows one step per execution on PyTorch")
    kwargs = {"steps_per_execution": 2, "jit_compile": False}
    expected = run(tmp_path / "a.safetensors", **kwargs)
    assert run(tmp_path / "b.safetensors", (1, 3), **kwargs) is None
    assert_same(expected, run(tmp_path / "b.safetensors", seed=99, **kwargs))


def assert_refused(match, path, model=None, dataset=None):
    """Assert that resuming raises this message and changes no variable."""
    model, dataset = model or make_model(), dataset or make_dataset()
    model.optimizer.build(model.trainable_variables)
    before = all_state(model)
    with pytest.raises(ValueError, match=match):
        model.fit(dataset, epochs=3, verbose=0, callbacks=[Resume(path, dataset)])
    after = all_state(model)
    assert all(np.array_equal(x, y) for x, y in zip(before, after))


def test_another_model_is_refused_with_the_differences(stored):
    table = r"model/0/embedding/embeddings: \(\(10, 8\), 'float32'\) in the file, \(\(10, 5\)"
    assert_refused(table, stored, make_model(units=5))


def test_another_optimizer_is_refused(stored):
    differences = "optimizer: .*Adam.* in the file, .*SGD.* now"
    assert_refused(differences, stored, make_model(optimizer="sgd"))
    assert_refused("optimizer/1", stored, make_model(optimizer=keras.optimizers.Adam(0.1)))


def test_other_data_is_refused(stored):
    assert_refused("order of the dataset", stored, dataset=make_dataset(seed=6))


def test_a_flipped_bit_is_refused(stored):
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 4
    stored.write_bytes(content)
    assert_refused("must be the file whose digest is in .*sha256", stored)


def test_a_file_of_something_else_is_refused(tmp_path):
    from kerasx.callbacks import save_weights

    save_weights(make_model(), tmp_path / "run.safetensors")
    assert_refused("a file that `Resume` wrote", tmp_path / "run.safetensors")


slow = pytest.mark.slow("four processes that import Keras")


def child(path, kill):
    """Run in another process: kill it at `kill`, or train to the end and save all variables."""
    act = {"act": lambda: os.kill(os.getpid(), signal.SIGKILL)}
    model, dataset = make_model(), make_dataset()
    listed = [Resume(path, dataset, every=2)] + ([Interrupt(*kill, **act)] if kill else [])
    model.fit(dataset, epochs=3, verbose=0, callbacks=listed, shuffle=False)
    np.savez(f"{path}.npz", *all_state(model))


@pytest.mark.once
@pytest.mark.parametrize(
    "backend", ["torch", pytest.param("tensorflow", marks=slow), pytest.param("jax", marks=slow)]
)
def test_processes_killed_and_started_again_equal_one_left_alone(backend, tmp_path):
    results, environment = [], {**os.environ, "KERAS_BACKEND": backend}
    for name, kills in {"a": [None], "b": [(1, 3), (2, None), None]}.items():
        path = str(tmp_path / f"{name}.safetensors")
        for kill in kills:
            code = f"from tests.callbacks.test_resume import child; child({path!r}, {kill!r})"
            command = [sys.executable, "-c", code]
            done = subprocess.run(command, stdout=subprocess.DEVNULL, env=environment)
            assert done.returncode == (-signal.SIGKILL if kill else 0)
        with np.load(f"{path}.npz") as arrays:
            results.append([arrays[k] for k in arrays.files])
    assert equal_arrays(*results)
