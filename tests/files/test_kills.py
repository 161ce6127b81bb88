"""A process killed while it saves loses nothing; benchmarks/kills.py tells how it is tried."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize(
    "kills, rounds", [(4, 6), pytest.param(500, 60, marks=pytest.mark.slow("4,000 processes"))]
)
def test_no_kill_and_no_second_writer_loses_a_version(kills, rounds):
    command = [sys.executable, "-m", "benchmarks.kills", f"--kills={kills}", f"--rounds={rounds}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "numpy"}
    if os.path.isdir("/dev/shm"):  # nothing is flushed to a disk there
        environment["TMPDIR"] = "/dev/shm"
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing was lost" in done.stdout
