"""Runs an example or a comparison as a user would, on the backend of the tests."""

import os
import subprocess
import sys
from pathlib import Path

import keras

ROOT = Path(__file__).parents[2]


def run_example(name, *arguments, input=None):
    """Return what the example prints, given `input`; fail with its last words if it fails."""
    return _run([ROOT / "examples" / name, *arguments], input)


def run_benchmark(name, *arguments):
    """Return what the benchmark `python -m benchmarks.NAME` prints."""
    return _run(["-m", f"benchmarks.{name}", *arguments])


def _run(arguments, input=None):
    done = subprocess.run(
        list(map(str, [sys.executable, *arguments])),
        capture_output=True,
        text=True,
        input=input,
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend(), "PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
