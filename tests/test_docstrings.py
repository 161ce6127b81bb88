"""Every example in a docstring is true: one test for each module of the package."""

import doctest
import importlib
import pkgutil

import pytest

import kerasx

# rooms that load no Keras: their examples run once
BACKEND_FREE = {
    *("checks", "checkpoints", "data", "datasets", "figures", "files", "metrics", "similarity"),
    *("snippets", "spans", "text", "tokenizers"),
}
NAMES = ["kerasx", *(m.name for m in pkgutil.walk_packages(kerasx.__path__, "kerasx."))]


def marked(name):
    room = name.split(".")[1] if "." in name else "checks"
    marks = pytest.mark.backend_free if room in BACKEND_FREE else ()
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", map(marked, NAMES))
def test_examples_in_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
