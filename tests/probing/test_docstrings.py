"""What the docstrings show is so."""

import doctest
import importlib
import pkgutil

import pytest

from kerasx import probing
from tests.when import jax_in_test_all

MODULES = [f"kerasx.probing.{m.name}" for m in pkgutil.iter_modules(probing.__path__)]


@jax_in_test_all
@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
