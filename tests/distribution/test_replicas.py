"""Training on two devices equals training on one, on TensorFlow and PyTorch."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerasx import distribution, losses
from tests.distribution import cases
from tests.distribution.processes import free_port, run

BACKEND = keras.backend.backend()
ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(BACKEND == "jax", reason="JAX has tests of its own")
on_torch = pytest.mark.skipif(BACKEND != "torch", reason="processes of PyTorch")
BOUND = 1e-6  # relative to the largest number of an array, at least 1

# compiling a case takes TensorFlow some seconds, twice
CORE = [
    "lm",
    "incomplete batch",
    "accumulated lm, fgm",
    "vat",
    "r_drop, then gradient_penalty",
    "flooding",
    "metrics",
    "optimizer momentum_accumulation",
    "optimizer adafactor",
    "optimizer global_clipnorm",
    "loss keras masked",
    "loss cosent",
]


def compared(folder, names):
    """Return {name: {array: difference}} or {name: error} of the cases."""
    python = [sys.executable, "-m"]
    if BACKEND == "torch":
        torchrun = ["torch.distributed.run", "--nproc_per_node", "2"]
        python += [*torchrun, "--master_port", str(free_port()), "-m"]
    command = [*python, "tests.distribution.worker", str(folder / "found"), *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [json.loads(path.read_text()) for path in sorted(folder.iterdir())]
    assert len(found) == (2 if BACKEND == "torch" else 1)
    assert all(there == found[0] for there in found)  # the processes end with equal weights
    return found[0]


def check_all(folder, names):
    found = compared(folder, names)
    assert list(found) == list(names)
    wrong = {}
    for name, differences in found.items():
        if isinstance(differences, str):
            wrong[name] = differences
        elif not max(differences.values()) < BOUND:
            wrong[name] = {k: d for k, d in differences.items() if not d < BOUND}
    assert not wrong, json.dumps(wrong, indent=1)


def test_the_core_of_the_trainings_equals_that_on_one_device(tmp_path):
    check_all(tmp_path, list(cases.CASES) if BACKEND == "torch" else CORE)


@pytest.mark.slow("compiles fifty trainings twice")
def test_all_trainings_equal_those_on_one_device(tmp_path):
    check_all(tmp_path, list(cases.CASES))
