"""Rules of the whole package, read from its source, and its examples in docstrings."""

import ast
import collections
import importlib
import os
import pathlib
import re
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
    """Return the top-level names of all modules that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


# The rooms of kerasx in the order of their imports: each may import rooms of the lines above its
# own, and none of its own line.
ORDER = """
    checks
    files text
    backend
    ops
    initializers regularizers layers losses optimizers tokenizers spans checkpoints
    data
    datasets models metrics figures
    generation training
    distribution diffusion
    probing similarity callbacks serve snippets port
"""
RANKS = {room: i for i, line in enumerate(ORDER.split("\n")) for room in line.split()}


def rooms_imported(tree):
    """Return the rooms of kerasx that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "kerasx":
            modules = [f"kerasx.{alias.name}" for alias in node.names]
        else:
            modules = [getattr(node, "module", None) or ""]
        rooms = (module.split(".")[1] for module in modules if module.startswith("kerasx."))
        yield from (room for room in rooms if not room.startswith("__"))


@backend_free
def test_imports_point_one_way():
    wrong = []
    for name, tree in TREES.items():
        own = name.split("/")[0].removesuffix(".py")
        if own != "__init__":
            imported = {room for room in rooms_imported(tree) if RANKS[room] >= RANKS[own]}
            wrong += [f"{name} imports kerasx.{room}" for room in imported - {own}]
    assert wrong == []


@backend_free
def test_all_rooms_are_in_order_and_in_the_package():
    rooms = {name.split("/")[0].removesuffix(".py") for name in TREES} - {"__init__"}
    assert rooms == set(RANKS) == set(kerasx.__all__) - {"__version__"}


@backend_free
def test_no_import_is_relative():
    for tree in TREES.values():
        assert not any(isinstance(x, ast.ImportFrom) and x.level for x in ast.walk(tree))


# One name, one meaning: these may stand twice, in rooms where they mean the same.
SHARED_NAMES = {
    "__init__.py",
    "__main__.py",  # the command line of a room
    "attention.py",  # a pure function, and its layer
    "dropout.py",  # likewise
    "extension.py",  # likewise
    "recompute.py",  # likewise
    "names.py",  # of files, and those of bert4keras
    "multilabel.py",  # a pure function, and its losses
    "pooling.py",  # of tensors in a model, and of arrays
    "plots.py",  # the pictures of a room
    "saving.py",  # a tokenizer, and a model, as files
}


@backend_free
def test_no_two_files_share_a_name_that_means_two_things():
    names = collections.Counter(path.name for path in FILES)
    assert {name for name, count in names.items() if count > 1} <= SHARED_NAMES


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


OUTSIDE = [*(ROOT.parent / "examples").rglob("*.py"), *(ROOT.parent / "benchmarks").glob("*.py")]


@backend_free
@pytest.mark.parametrize(
    "path", [*FILES, *OUTSIDE], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_nothing_runs_code_from_data(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert not {"pickle", "dill", "cloudpickle", "marshal", "shelve"} & set(imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called, keywords = ast.unparse(node.func), {x.arg: x.value for x in node.keywords}
            assert called not in ("eval", "exec", "__import__")
            assert getattr(keywords.get("allow_pickle"), "value", False) is False
            assert called != "torch.load" or keywords["weights_only"].value is True


@backend_free
def test_no_version_of_keras_with_a_published_hole_is_allowed():
    """3.15.1 is the first without the published faults in loading models."""
    setup = (ROOT.parent / "setup.py").read_text("utf-8")
    (least,) = re.findall(r'"keras>=([0-9.]+)', setup)
    assert tuple(map(int, least.split("."))) >= (3, 15, 1)


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


def printed_by(code):
    """Return the words that a fresh interpreter prints when it runs `code`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT.parent)}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    return run.stdout.split()


def modules_after(code):
    """Return all modules loaded by a fresh interpreter that runs `code`."""
    return printed_by(f"import sys\n{code}\nprint(*sys.modules)")


def loaded_after(code):
    """Return the top-level names of all modules loaded by `code`."""
    return {module.split(".")[0] for module in modules_after(code)}


@backend_free
@pytest.mark.parametrize("room", ["metrics", "tokenizers", "spans", "datasets"])
def test_a_room_without_a_backend_loads_at_most_a_dozen_modules_beside_its_own(room):
    loaded = modules_after(f"import kerasx.{room}")
    ours = [m for m in loaded if m.startswith("kerasx.") and m.split(".")[1] != room]
    assert len(ours) <= 12
    assert not {"h5py", "keras"} & set(loaded)


IMPORT_ALL = """
import importlib, pkgutil, sys, types
import keras, numpy, kerasx

def callables():
    "{place: identity} of the functions and classes of all libraries, and of their methods."
    found = {}
    for module in [m for m in sys.modules.values() if isinstance(m, types.ModuleType)]:
        if module.__name__.split(".")[0] in ("keras", "numpy", "torch", "tensorflow", "jax"):
            for name, value in list(vars(module).items()):
                if callable(value):
                    found[module.__name__, name] = id(value)
                if isinstance(value, type):
                    members = list(vars(value).items())
                    found.update({(value, key): id(x) for key, x in members if callable(x)})
    return found

def tree_nodes():
    "The types that PyTorch and Keras take for nodes of a tree."
    torch = sys.modules.get("torch.utils._pytree")
    return set(torch.SUPPORTED_NODES) if torch else None

names = [m.name for m in pkgutil.walk_packages(kerasx.__path__, "kerasx.")]
names = [name for name in names if not name.endswith(("__main__", "torch_bin"))]
before, nodes = callables(), tree_nodes()
for name in names:
    importlib.import_module(name)
after = callables()
print(*[".".join(map(str, place)) for place, x in before.items() if after.get(place) != x])
print(*(tree_nodes() or set()) - (nodes or set()))
"""


def test_importing_kerasx_changes_nothing_of_another_library():
    assert printed_by(IMPORT_ALL) == []


@backend_free
@pytest.mark.parametrize(
    "code",
    [
        "import kerasx",
        "import kerasx.tokenizers",
        "import kerasx.data",
        "import kerasx.checkpoints",
        "import kerasx.metrics",
        "import kerasx.port.__main__",
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
