"""Every example in a docstring is true: one test for each module of the package."""

import doctest
import importlib
import pathlib

import pytest

import kerasx

ROOT = pathlib.Path(kerasx.__file__).parent
# rooms and modules that load no Keras: their examples run once for all backends
BACKEND_FREE = {
    *("__init__", "checks", "checkpoints", "data", "datasets", "figures", "files", "metrics"),
    *("port", "similarity", "snippets", "spans", "text", "tokenizers"),
}


def modules():
    """Yield every module under kerasx; pkgutil.walk_packages would import them, and Keras."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(["kerasx", *parts]).removesuffix(".__init__")
        marks = pytest.mark.backend_free if parts[0] in BACKEND_FREE else ()
        yield pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
