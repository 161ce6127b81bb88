"""Rules of the whole package, read from its source, and its examples in docstrings."""

import ast
import importlib
import os
import pathlib
import subprocess
import sys

import pytest

import kerasx

ROOT = pathlib.Path(kerasx.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in FILES}
BACKENDS = {"tensorflow", "jax", "torch"}
each_file = pytest.mark.parametrize("name", TREES)
backend_free = pytest.mark.backend_free


def imported(tree):
    """Top-level names of all modules that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


@backend_free
@each_file
def test_only_the_backend_package_imports_a_backend(name):
    if not name.startswith("backend/"):
        assert not BACKENDS & set(imported(TREES[name]))


@backend_free
@each_file
def test_no_large_negative_literal_stands_for_a_mask(name):
    for node in ast.walk(TREES[name]):
        if name != "backend/masks.py" and isinstance(node, ast.UnaryOp):
            if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
                value = node.operand.value
                assert not isinstance(value, (int, float)) or value < 1e4


@backend_free
@each_file
def test_nothing_runs_code_from_data(name):
    assert not {"pickle", "dill", "cloudpickle", "marshal", "shelve"} & set(imported(TREES[name]))
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", None)
            assert called not in ("eval", "exec", "__import__")
            for keyword in node.keywords:
                assert keyword.arg != "allow_pickle" or keyword.value.value is False


@backend_free
@each_file
def test_no_wildcard_import_and_no_bare_except(name):
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names)
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None)
        assert not isinstance(node, ast.Assert)


@backend_free
@each_file
def test_every_all_is_sorted_by_someone_and_names_what_exists(name):
    module = "kerasx." + name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    for node in TREES[name].body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            if name != "__init__.py" and not BACKENDS & set(imported(TREES[name])):
                loaded = importlib.import_module(module)
                assert all(hasattr(loaded, public) for public in loaded.__all__)


def loaded_after(code):
    """Top-level modules loaded by a fresh interpreter that runs `code`."""
    code = f"import sys\n{code}\nprint(*sorted(m.split('.')[0] for m in sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT.parent)}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    return set(run.stdout.split())


@backend_free
@pytest.mark.parametrize(
    "code",
    [
        "import kerasx",
        "import kerasx.tokenizers",
        "import kerasx.data",
        "import kerasx.checkpoints",
        "import kerasx.metrics",
        "import kerasx.similarity",
    ],
)
def test_importing_what_needs_no_backend_loads_none(code):
    heavy = {"keras", "tensorflow", "jax", "torch", "jieba", "rjieba", "transformers", "scipy"}
    assert not heavy & loaded_after(code)


def test_importing_the_models_loads_the_chosen_backend_only():
    import keras

    others = BACKENDS - {keras.backend.backend()}
    keras_alone = loaded_after("import keras")
    assert not (others & loaded_after("import kerasx.models, kerasx.generation")) - keras_alone


@backend_free
def test_subpackages_load_on_first_use_and_a_wrong_name_is_an_attribute_error():
    assert kerasx.metrics is importlib.import_module("kerasx.metrics")
    assert set(kerasx.__all__) == set(dir(kerasx))
    with pytest.raises(AttributeError, match="no attribute 'modles'"):
        kerasx.modles  # noqa: B018


@backend_free
def test_files_of_backend_free_tests_import_no_keras():
    tests = pathlib.Path(__file__).parent
    files = [p for p in tests.rglob("test_*.py") if "mark.backend_free" in p.read_text("utf-8")]
    modules = [".".join(p.relative_to(tests.parent).with_suffix("").parts) for p in sorted(files)]
    assert len(modules) > 40
    assert not {"keras", *BACKENDS} & loaded_after(f"import {', '.join(modules)}")
