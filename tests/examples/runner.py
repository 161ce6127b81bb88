"""Runs an example as a user would, on the backend of the tests."""

import os
import subprocess
import sys
from pathlib import Path

import keras

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(name, *arguments, input=None):
    """What the example prints, given `input`; the test fails with its last words if it does."""
    command = [sys.executable, EXAMPLES / name, *arguments]
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        input=input,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
