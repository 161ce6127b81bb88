"""What the docstrings show is so."""

import doctest
import importlib
import pkgutil

import pytest

from kerasx import similarity

pytestmark = pytest.mark.backend_free
MODULES = [f"kerasx.similarity.{m.name}" for m in pkgutil.iter_modules(similarity.__path__)]


@pytest.mark.parametrize("name", [*MODULES, "kerasx.figures"])
def test_examples_in_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
