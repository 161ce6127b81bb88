"""Runs an example, or a comparison in benchmarks/, with its arguments and in this process.

A separate process would spend most of its time importing Keras.
"""

import contextlib
import io
import runpy
import sys
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[2]


def run_example(name, *arguments, input=""):
    """Return what the example prints, given `input`."""
    path = str(ROOT / "examples" / name)
    return _printed(lambda: runpy.run_path(path, run_name="__main__"), path, arguments, input)


def run_benchmark(name, *arguments):
    """Return what `python -m benchmarks.NAME` prints."""
    module = f"benchmarks.{name}"
    return _printed(lambda: runpy.run_module(module, run_name="__main__"), module, arguments)


def _printed(run, name, arguments, input=""):
    out = io.StringIO()
    argv = [name, *map(str, arguments)]
    with mock.patch.object(sys, "argv", argv), mock.patch.object(sys, "stdin", io.StringIO(input)):
        with contextlib.redirect_stdout(out):
            try:
                run()
            except SystemExit as end:
                assert not end.code, end.code
    return out.getvalue()
