"""Markers, seeds fixed before each test, the backend in the header, skips by reason at the end.

A test states by a marker where it runs (`make test` does the selection):

    backend_free: imports no Keras: one run for all backends
    once:         checks Python or NumPy, though it imports Keras: runs on one backend
    (no marker):  runs on every backend
    slow(reason): takes minutes: skipped without --slow
"""

import collections
import gc
import os
import random
import sys

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")  # on a GPU, float32 has all its digits


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow as well")
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run files and tests in any order")


def pytest_configure(config):
    if config.option.markexpr != "backend_free":
        import torch  # noqa: F401 - in a process with TensorFlow, torch has to come first


def pytest_report_header(config):
    return f"KERAS_BACKEND={os.environ.get('KERAS_BACKEND', '(keras default)')}"


def pytest_ignore_collect(collection_path, config):
    """Leave files that import Keras alone in a run of the backend-free tests."""
    path = collection_path
    if config.option.markexpr == "backend_free" and path.match("test_*.py"):
        return True if "mark.backend_free" not in path.read_text("utf-8") else None


def pytest_collection_modifyitems(config, items):
    if config.option.shuffle is not None:
        files, rng = sorted({item.path for item in items}), random.Random(config.option.shuffle)
        rng.shuffle(files)
        rng.shuffle(items)
        items.sort(key=lambda item: files.index(item.path))  # a file stays together
    for item in items:
        slow = item.get_closest_marker("slow")
        if slow and not config.option.slow:
            item.add_marker(pytest.mark.skip(reason=f"slow: {slow.args[0]}"))


def pytest_terminal_summary(terminalreporter):
    """Count skipped tests by reason."""
    reasons = collections.Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
    )
    if reasons:
        terminalreporter.section(f"{reasons.total()} tests skipped")
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count:5}  {reason}")


@pytest.fixture(autouse=True)
def seeds():
    np.random.seed(0)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def memory():
    """Let go of the models and compiled functions of a file: they add up to gigabytes."""
    yield
    gc.collect()
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
