"""Print the results of the parity tests, one line each, for `python -m tests.parity.table`."""

import os

import keras

__all__ = ["MARK", "record"]

MARK = "PARITY"


def record(error):
    """Print the largest error of a test under the test's name; `pytest -s` shows it."""
    test = os.environ["PYTEST_CURRENT_TEST"].removesuffix(" (call)")
    print(f"\n{MARK} | {keras.backend.backend()} | {test} | {error:.1e}")
