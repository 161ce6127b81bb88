"""Runs of several processes, killed, stopped and continued."""

import json
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.distribution import runs
from tests.distribution.processes import free_port, run

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
    assert "Epoch 3/3" in results[0][1] and "epoch" not in results[1][1].lower()
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


@pytest.mark.slow("seven processes that import Keras")
def test_a_run_continues_in_one_process_and_then_in_two_again(tmp_path):
    """All are killed by SIGKILL each time; sums of two halves differ in their last bit.

    Without dropout, whose masks each replica draws for itself.
    """
    assert_well(run(runs.whole_run, str(tmp_path), "straight", 1, None, None, False))
    for count, seed, kill in [(2, 1, (0, 3)), (1, 99, (1, 3))]:
        results = run(runs.whole_run, str(tmp_path), "moved", seed, kill, None, False, count=count)
        codes = [code for code, _ in results]  # the last may notice before it is killed
        assert -signal.SIGKILL in codes and 0 not in codes, results
    assert_well(run(runs.whole_run, str(tmp_path), "moved", 98, None, None, False))
    straight, moved = state(tmp_path, "straight"), state(tmp_path, "moved")
    assert straight.keys() == moved.keys()
    for name, array in straight.items():
        np.testing.assert_allclose(array, moved[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.slow("five processes that import Keras")
def test_torchrun_ends_the_others_and_starts_them_again(tmp_path):
    if keras.backend.backend() != "torch":
        pytest.skip("torchrun is of PyTorch")
    kill = [str(tmp_path), "killed", 1, [1, 3], [1]]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    module = ["-m", "tests.distribution.processes", "tests.distribution.runs", "whole_run"]
    codes = []
    for arguments in (kill, [str(tmp_path), "killed", 99], [str(tmp_path), "straight"]):
        port = ["--master_port", str(free_port())]
        command = [*torchrun, *port, *module, json.dumps(arguments)]
        codes.append(subprocess.run(command, timeout=180).returncode)
    assert codes[0] != 0 and codes[1:] == [0, 0]
    straight, killed = state(tmp_path, "straight"), state(tmp_path, "killed")
    assert all(np.array_equal(straight[k], killed[k]) for k in straight)
