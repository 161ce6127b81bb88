"""Rewrite dotted uses of names whose imports moved: tf.keras.layers.Dense, keras.backend.sum."""

import ast

from kerasx.port.imports import kept_room
from kerasx.port.places import find_place


def rewrite_uses(script, names):
    """Rewrite the attribute chains of a script whose place is another one.

    Args:
        script: a `Script`.
        names: its `Bindings`.
    """
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Attribute):
            _rewrite_use(script, names, node)


def _rewrite_use(script, names, node):
    raw = names.resolve(node)
    if raw is None or raw.split(".")[0] not in ("keras", "tensorflow", "bert4keras", "tf_keras"):
        return
    meaning = names.meaning(node)
    if raw.startswith("bert4keras.") and meaning == raw:
        _rewrite_bert4keras(script, names, node, raw)
    elif meaning == "keras.backend":
        _rewrite_backend(script, names, node)
    elif meaning == "keras" and raw != "keras":
        if not _import_instead(script, node, "import keras", "keras"):
            script.replace(node, "keras")
            names.want("import keras")
    elif meaning.startswith("keras.") and not meaning.startswith("keras.backend."):
        _rewrite_moved(script, names, node, meaning)


def _rewrite_bert4keras(script, names, node, name):
    """Rewrite bert4keras.layers.Loss, or L.Loss after `import bert4keras.layers as L`."""
    module = ".".join(name.split(".")[:2])
    if name.count(".") != 2 or (kept_room(names, module) and not _is_whole(node)):
        return
    place, advice = find_place(name)
    if place is None:
        script.by_hand(node, f"{name} is gone. {advice}")
        return
    if "." not in place:
        local = name.rpartition(".")[2]
        script.replace(node, local)
        names.want(f"import {place}" + (f" as {local}" if local != place else ""))
    else:
        script.replace(node, place)
        names.want(f"import {place.split('.')[0]}")


def _is_whole(node):
    """Return whether a chain starts with `bert4keras.` itself."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return getattr(node, "id", "") == "bert4keras"


def _rewrite_backend(script, names, node):
    """Rewrite keras.backend.sum to K.sum, but not keras.backend.floatx, which Keras 3 has."""
    if _import_instead(script, node, "from kerasx.backend import K", "K"):
        return
    parent = script.parents[node]
    last = f"keras.backend.{parent.attr}" if isinstance(parent, ast.Attribute) else "keras.backend"
    unmoved = last == "keras.backend" or find_place(last)[0] == last
    if unmoved and script.source(node) == "keras.backend":
        return
    script.replace(node, "K")
    names.want("from kerasx.backend import K")


def _import_instead(script, node, statement, name):
    """Write an import for `K = keras.backend` or `keras = tf.keras`; return whether it was one."""
    parent = script.parents[node]
    local = isinstance(parent, ast.Assign) and getattr(parent.targets[0], "id", None)
    if local:
        script.replace(parent, statement + (f" as {local}" if local != name else ""))
    return bool(local)


def _written(names, node):
    """Return a dotted name with the meaning of its first part, but no module of Keras 2 renamed."""
    if isinstance(node, ast.Attribute):
        return f"{_written(names, node.value)}.{node.attr}"
    return names.meaning(node)


def _rewrite_moved(script, names, node, meaning):
    place, advice = find_place(meaning)
    if place is None:
        if find_place(meaning.rpartition(".")[0])[0] is not None:  # told once, not for each part
            script.by_hand(node, f"{meaning} is gone. {advice}")
        return
    home, _, name = place.rpartition(".")
    if meaning == "keras.layers" and getattr(script.parents[node], "func", None) is node:
        return  # the function merge of Keras 1
    as_written = _written(names, node) == meaning
    if as_written and place == meaning:
        return
    if as_written and home == meaning.rpartition(".")[0]:
        end = script.span(node)[1]
        script.edit(end - len(node.attr), end, name, meaning, place)
    else:
        script.replace(node, place)
        names.want("import keras")
