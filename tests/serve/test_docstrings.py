"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import kerasx.serve

MODULES = [module.name for module in pkgutil.iter_modules(kerasx.serve.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(f"kerasx.serve.{name}")).failed == 0
