"""JAX on four virtual devices, in a process of its own: their number is fixed at its start."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.distribution import jax_process
from tests.distribution.processes import free_port

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="tests JAX")
DEVICES = "--xla_force_host_platform_device_count=4"


def run_on_four_devices(*arguments, seconds):
    flags = f"{os.environ.get('XLA_FLAGS', '')} {DEVICES}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *arguments],
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["devices", "exactness", "weights"])
def test_on_four_devices(name, request):
    slow = ["--slow"] * request.config.option.slow
    run_on_four_devices(f"tests/distribution/jax_{name}.py", *slow, seconds=7200 if slow else 900)


def run_in_two_processes(names, seconds=300):
    """Return {name: result} of functions in jax_process.py, from the second of two processes."""
    shared = {"JOB_ADDRESSES": f"127.0.0.1:{free_port()}", "NUM_PROCESSES": "2"}
    started = []
    for i in range(2):
        variables = {**shared, "PROCESS_ID": str(i)}
        variables = {f"KERAS_DISTRIBUTION_{name}": x for name, x in variables.items()}
        command = [sys.executable, "-m", "tests.distribution.jax_process", *names]
        environment = {**os.environ, **variables, "JAX_PLATFORMS": "cpu"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, env=environment, cwd=ROOT, **pipes))
    try:
        done = [process.communicate(timeout=seconds) for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], done
    return json.loads(done[1][0].splitlines()[-1])  # Gloo prints before


@pytest.mark.parametrize(
    "names",
    [
        ["own_rows", "arrays_that_do_not_divide"],
        pytest.param(
            ["whole_batches", "cut_weights", "cut_by_rules"],
            marks=pytest.mark.slow("compiles in two processes"),
        ),
    ],
)
def test_two_processes_equal_one(names):
    for name, found in run_in_two_processes(names).items():
        expected = getattr(jax_process, name)()
        for key in ("loss", "outputs"):
            np.testing.assert_allclose(found[key], expected[key], atol=1e-6)
        part = found["bytes"] / expected["bytes"]
        assert part < 0.65 if name.startswith("cut") else part == 1


@pytest.mark.slow("starts two processes")
def test_data_of_processes_that_does_not_fit_is_refused():
    texts = ["must be (0, 1)", "a dataset of its own rows", "a dataset of its own rows", "differs"]
    errors = run_in_two_processes(["refusals"])["refusals"]
    for text, error in zip(texts, errors, strict=True):
        assert text in error
