"""JAX on four virtual devices, in a process of its own: their number is fixed at its start."""

import os
import pathlib
import subprocess
import sys

import keras
import pytest

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="tests JAX")
DEVICES = "--xla_force_host_platform_device_count=4"


def run_on_four_devices(*arguments, seconds=600):
    flags = f"{os.environ.get('XLA_FLAGS', '')} {DEVICES}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "tests/distribution/jax_devices.py", *arguments],
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_on_four_devices(request):
    run_on_four_devices(*["--slow"] * request.config.option.slow)
