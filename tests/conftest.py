"""Shared fixtures: seeds fixed before each test, the backend named in the report header."""

import os
import sys

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def pytest_report_header(config):
    return f"KERAS_BACKEND={os.environ.get('KERAS_BACKEND', '(keras default)')}"


def pytest_collection_modifyitems(items):
    if "keras" in sys.modules:
        from tests.when import share_out

        share_out(items)


@pytest.fixture(autouse=True)
def seeds():
    np.random.seed(0)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)
