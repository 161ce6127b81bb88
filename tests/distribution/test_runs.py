"""Runs of several processes, killed, stopped and continued."""

import signal

import keras
import numpy as np
import pytest

from tests.distribution import runs
from tests.distribution.processes import run

pytestmark = pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="one process on TensorFlow"
)


def assert_well(results):
    for code, text in results:
        assert code == 0, text


def state(folder, name):
    with np.load(folder / name / "state.npz") as arrays:
        return {k: arrays[k] for k in arrays.files}


def test_a_run_one_process_of_which_was_killed_continues_as_if_it_had_not_been(tmp_path):
    results = run(runs.straight_then_killed, str(tmp_path), (1, 3), [1])
    assert results[1][0] == -signal.SIGKILL, results[1][1]
    assert results[0][0] not in (0, -signal.SIGKILL), results[0][1]  # it has noticed
    results = run(runs.whole_run, str(tmp_path), "killed", 99)
    assert_well(results)
    assert results[0][1].count("resumed at epoch 2, batch 5") == 1
    assert "resumed" not in results[1][1] and "epoch" not in results[1][1]
    straight, continued = state(tmp_path, "straight"), state(tmp_path, "killed")
    assert straight.keys() == continued.keys()
    assert all(np.array_equal(straight[k], continued[k]) for k in straight)
    names = {"best.weights.h5", "said.jsonl", "curve.svg", "run.safetensors"}
    found = {p.name for p in (tmp_path / "killed").iterdir()}
    assert found == names | {"best.weights.h5.sha256", "run.safetensors.sha256", "state.npz"}


def test_nobody_waits_for_a_process_that_stops_fails_or_writes(tmp_path):
    assert_well(run(runs.hinder, str(tmp_path)))
    files = {p.name for p in tmp_path.iterdir() if not p.name.endswith(".sha256")}
    kept = {"stopped.safetensors", "by_the_first_alone.weights.h5", "by_all.keras", "model"}
    assert files == kept
