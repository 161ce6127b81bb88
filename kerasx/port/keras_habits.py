"""Rewrite what classes and calls of a script do that Keras 3 has another way for.

A callback's `model` cannot be assigned, `add_weight` takes the shape first, NumPy lost its names of
Python's types, and a metric is logged under the name that `compile` got.
"""

import ast

from kerasx.port.arguments import argument, drop_arguments, name_argument, rename_argument
from kerasx.port.names import NAMES

_WEIGHT = "name shape dtype initializer regularizer trainable".split()
_TYPES = {f"numpy.{name}" for name in ("bool", "complex", "float", "int", "object", "str")}
_TENSORBOARD = ("batch_size", "write_grads", "embeddings_layer_names", "embeddings_data")
_MODELS = ("keras.Model", "keras.models.Model", "keras.layers.Model")


def rewrite_keras_habits(script, names):
    """Apply the rules of this file.

    Args:
        script: a `Script`.
        names: its `Bindings`.
    """
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Assign):
            _rewrite_callback(script, names, node)
        elif isinstance(node, ast.Call):
            _rewrite_call(script, names, node)
        elif isinstance(node, ast.Attribute) and names.meaning(node) in _TYPES:
            script.replace(node, node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            _rewrite_custom_objects(script, names, node)
    _rewrite_accuracy(script)


def _rewrite_callback(script, names, node):
    """Rewrite `self.model = model` of a callback to `self.set_model(model)`."""
    owner = script.enclosing(node, ast.ClassDef)
    bases = [names.meaning(base) for base in owner.bases] if owner else []
    target = node.targets[0]
    good = isinstance(target, ast.Attribute) and target.attr == "model" and len(node.targets) == 1
    if good and script.source(target) == "self.model" and _is_callback(bases):
        start, end = script.span(node)
        value = script.outer_span(node.value, script.span(target)[1], end + 1)[0]
        script.edit(start, value, "self.set_model(")
        script.insert(end, ")", "", "", (start, end))


def _is_callback(bases):
    return any(base.startswith("keras.callbacks.") for base in bases)


def _rewrite_call(script, names, call):
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if method == "add_weight" and call.args and isinstance(call.args[0], ast.Constant):
        if isinstance(call.args[0].value, str):
            for value, name in zip(call.args, _WEIGHT):
                name_argument(script, call, value, name)
    elif method == "compile":
        drop_arguments(script, call, "experimental_run_tf_function", "sample_weight_mode")
    elif names.meaning(call.func) == "keras.callbacks.TensorBoard":
        drop_arguments(script, call, *_TENSORBOARD)
    elif names.meaning(call.func) in _MODELS:
        rename_argument(script, call, "input", "inputs")
        rename_argument(script, call, "output", "outputs")


def _rewrite_custom_objects(script, names, node):
    """Drop `custom_objects=custom_objects` of load_model: kerasx's classes are registered."""
    name, parent = names.meaning(node), script.parents[node]
    if name.startswith("bert4keras.") and name.endswith(".custom_objects"):
        call = script.parents[parent]
        if isinstance(parent, ast.keyword) and isinstance(call, ast.Call):
            drop_arguments(script, call, parent.arg)
        else:
            script.by_hand(node, NAMES[name][1])


def _rewrite_accuracy(script):
    """Ask for "acc" where a script of Keras 2.2 watches val_acc of the metric "accuracy"."""
    texts = [x for x in ast.walk(script.tree) if isinstance(x, ast.Constant)]
    read = {x.value for x in texts if _is_log_name(script, x)}
    if not {"acc", "val_acc"} & read or {"accuracy", "val_accuracy"} & read:
        return
    for call in ast.walk(script.tree):
        method = getattr(getattr(call, "func", None), "attr", "")
        metrics = argument(call, "metrics") if method == "compile" else None
        for value in getattr(metrics and metrics.value, "elts", []):
            if isinstance(value, ast.Constant) and value.value == "accuracy":
                quote = script.source(value)[0]
                script.replace(value, f"{quote}acc{quote}")


def _is_log_name(script, node):
    """Return whether a text is what a callback watches, or a key of its logs."""
    parent = script.parents[node]
    if isinstance(parent, ast.keyword):
        return parent.arg == "monitor"
    if isinstance(parent, ast.Call):
        method = getattr(parent.func, "attr", "")
        return method == "get" or getattr(parent.func, "id", method) in _WATCHERS
    return isinstance(parent, ast.Subscript)


_WATCHERS = {"EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau"}
