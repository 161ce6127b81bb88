"""Private names of Keras are used in one module only, and exist in the installed version."""

import ast
import functools
import importlib
import pathlib

import keras
import pytest

import kerasx

ROOT = pathlib.Path(kerasx.__file__).parent
INTERNALS = ROOT / "backend" / "keras_internals.py"
TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8"))
    for path in sorted(ROOT.rglob("*.py"))
}


def imports(tree):
    """Return (module, name) of all imports from keras.src; name is None for a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((x.name, None) for x in node.names if x.name.startswith("keras.src"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keras.src"):
            yield from ((node.module, x.name) for x in node.names)


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def names_used(tree):
    """Return (name, whether own: of `self` or `cls`, a method, a string) of all private names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            yield node.attr, getattr(node.value, "id", None) in ("self", "cls")
        elif isinstance(node, ast.ClassDef):
            methods = (x for x in node.body if isinstance(x, ast.FunctionDef))
            yield from ((x.name, True) for x in methods if is_private(x.name))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if is_private(node.value) and node.value.isidentifier():
                yield node.value, True


INTERNAL_TREE = TREES["backend/keras_internals.py"]
IMPORTED = sorted(set(imports(INTERNAL_TREE)))
NAMES = sorted({name for name, _ in names_used(INTERNAL_TREE)})


@functools.cache
def holders():
    """Return built Keras objects of all kinds whose private attributes are used."""
    x = keras.Input((2,))
    model = keras.Model(x, keras.layers.Dense(1)(x))
    model.compile(keras.optimizers.Adam(amsgrad=True, use_ema=True), "mse")
    model.optimizer.build(model.trainable_variables)
    return model, model.layers[1], model.outputs[0], model.optimizer, model.trainable_variables[0]


@pytest.mark.parametrize("module, name", IMPORTED)
def test_keras_has_the_private_function(module, name):
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("name", NAMES)
def test_keras_has_the_private_attribute(name):
    assert any(hasattr(x, name) for x in holders()), f"no object of Keras has {name} any more"


def test_keras_notes_dtype_and_training_while_it_calls_a_layer():
    from kerasx.backend.keras_internals import call_context

    class Layer(keras.layers.Layer):
        def call(self, x, training=None):
            self.seen = call_context()
            return x

    layer = Layer(dtype="mixed_bfloat16")
    layer(keras.ops.zeros((1, 2)), training=True)
    assert layer.seen["autocast_scope"].dtype == "bfloat16"
    assert layer.seen["current_call_ctx"].get_value("training") is True
    assert layer.seen["current_call_ctx"].entry_layer is layer


@functools.cache
def private_names_of_keras():
    """Return the private names in the module, and those of all public classes of Keras."""
    found = {name for x in holders() for name in dir(x) if is_private(name)}
    return found | set(NAMES)


def test_no_other_file_uses_a_private_name_of_keras():
    found = {}
    for name in TREES.keys() - {"backend/keras_internals.py"}:
        used = {x for x, own in names_used(TREES[name]) if x in NAMES or not own}
        found[name] = [*imports(TREES[name]), *(used & private_names_of_keras())]
    assert {name: names for name, names in found.items() if names} == {}
