"""Rewrite imports: the modules of bert4keras, tf.keras and Keras 2 become those of today."""

import ast
import re

from kerasx.port.bindings import canonical
from kerasx.port.optimizer_wrappers import WRAPPERS
from kerasx.port.places import find_place, provides
from kerasx.port.script import imported_modules

_SETTINGS = {"TF_KERAS", "TF_USE_LEGACY_KERAS"}
_ROOMS = {"backend", "layers", "models", "optimizers", "snippets", "tokenizers"}
_WIDTH = 79
_HEAD = r"(from[\s\\]+)([\w.\s\\]+?)([\s\\]+import\b)"
# what `from keras.layers import *` of Keras 2 brought beside the layers
_BROUGHT = {
    "K": "from kerasx.backend import K",
    "activations": "from keras import activations",
    "constraints": "from keras import constraints",
    "initializers": "from keras import initializers",
    "np": "import numpy as np",
    "regularizers": "from keras import regularizers",
}
# Keras 3's layer of this name pays no heed to a mask; bert4keras put its own in place of Keras's
_MASKED = {"keras.layers.GlobalMaxPooling1D": "kerasx.layers.GlobalMaxPooling1D"}


def rewrite_imports(script, names):
    """Rewrite all import statements of a script.

    Args:
        script: a `Script`.
        names: its `Bindings`.
    """
    for node in ast.walk(script.tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.names[0].name == "*":
                _rewrite_star(script, names, node)
            elif node.module == "bert4keras":
                _rewrite_modules(script, names, node)
            else:
                _rewrite_from(script, names, node)
        elif isinstance(node, ast.Import):
            _rewrite_import(script, names, node)
        elif isinstance(node, (ast.Assign, ast.Expr)) and _sets_tf_keras(node, names):
            script.drop(node)


def comes_from_bert4keras(script):
    """Return whether a script imports bert4keras."""
    return any(
        name.split(".")[0] == "bert4keras"
        for node in ast.walk(script.tree)
        for name in imported_modules(node)
    )


def _sets_tf_keras(node, names):
    """Return whether a statement sets os.environ['TF_KERAS']."""
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        key = target.slice if isinstance(target, ast.Subscript) else None
        place = target.value if key else None
    else:
        call = node.value
        good = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args
        place = call.func.value if good and call.func.attr == "setdefault" else None
        key = call.args[0] if place else None
    setting = isinstance(key, ast.Constant) and key.value in _SETTINGS
    return bool(setting and names.resolve(place) == "os.environ")


# from module import a, b as c


def _rewrite_from(script, names, node):
    groups, gone, changed = {}, [], False
    for index, alias in enumerate(node.names):
        old = f"{node.module}.{alias.name}"
        place, advice = find_place(old)
        if place in _MASKED and comes_from_bert4keras(script):
            place = _MASKED[place]
        if place is None:
            gone.append((alias, advice))
            continue
        module, _, name = place.rpartition(".")
        changed |= place != old
        groups.setdefault(module, []).append((index, _aliased(name, alias), name))
    for alias, advice in gone:
        told = f"{node.module}.{alias.name}" in WRAPPERS  # where it is called
        if alias.name not in ("uniout", "custom_objects") and not told:
            script.by_hand(node, f"{alias.name} of {node.module} is gone. {advice}")
    if not groups:
        script.drop(node)
    elif gone or changed:
        _write_groups(script, node, groups)


def _aliased(name, alias):
    local = alias.asname or alias.name
    return name if name == local else f"{name} as {local}"


def _write_groups(script, node, groups):
    """Write one statement for each module; the text around each name stays with it."""
    start, end = script.span(node)
    text = script.text[start:end]
    if list(groups) != [""] and len(groups) == 1 and len(node.names) == len(*groups.values()):
        return _rename_in_place(script, node, *groups.items())
    opening = script.span(node.names[0])[0]
    starts = [script.span(alias)[0] for alias in node.names]
    close = end - 1 if text.endswith(")") else end
    head = script.text[start:opening]
    statements = []
    for module, members in groups.items():
        if not module:
            statements += [f"import {name}" for _, name, _ in members]
            continue
        pieces = []
        for index, name, _ in members:
            until = starts[index + 1] if index + 1 < len(starts) else close
            rest = script.text[script.span(node.names[index])[1] : until]
            pieces.append(name + (rest if "," in re.sub("#.*", "", rest) else f",{rest}"))
        first = _renamed_head(head, module, keep=not statements)
        statements.append(first + _closed("".join(pieces), text.endswith(")"), script, node))
    joint = script.newline + script.indent(node) if script.starts_line(node) else "; "
    if script.text[end : script.line_end(node.end_lineno)].strip().startswith(";"):
        joint = "; "
    new = joint.join(statements)
    if new != text:
        script.edit(start, end, new, _one_line(text), "; ".join(map(_one_line, statements)))


def _renamed_head(head, module, keep):
    """Return `from module import (` in the layout of an old head, its comments only if `keep`."""
    new = re.sub(_HEAD, rf"\g<1>{module}\g<3>", head, count=1)
    return new if keep else re.sub(r"[ \t]*#.*", "", new)


def _closed(pieces, parenthesised, script, node):
    """Return names with the end of their statement; a comma and a line end only where wanted."""
    if not parenthesised:
        return re.sub(r"[\s\\]*,[\s\\]*$", "", pieces)
    if "\n" in pieces or "\r" in pieces:
        return pieces.rstrip() + script.newline + script.indent(node) + ")"
    return re.sub(r"\s*,\s*$", "", pieces) + ")"


def _rename_in_place(script, node, group):
    """Change the module and the names of a statement whose names stay together."""
    module, members = group
    start = script.span(node)[0]
    opening = script.span(node.names[0])[0]
    head = script.text[start:opening]
    if module != node.module:
        match = re.match(_HEAD, head)
        old = f"from {node.module} import"
        script.edit(
            start + match.start(2), start + match.end(2), module, old, f"from {module} import"
        )
    for index, text, _ in members:
        alias = node.names[index]
        if text != (f"{alias.name} as {alias.asname}" if alias.asname else alias.name):
            script.replace(alias, text)


def _one_line(text):
    return " ".join(re.sub(r"#.*", "", text).split())


# from module import *


def _rewrite_star(script, names, node):
    module = canonical(node.module)
    if not node.module.startswith("bert4keras."):
        _rewrite_keras_star(script, names, node, module)
        return
    used = [name for name in sorted(names.used_globals()) if _provider(names, name) == node.module]
    groups = {}
    for name in used:
        place, advice = find_place(f"{node.module}.{name}")
        place = _MASKED.get(place, place)
        if place is None:
            script.by_hand(node, f"{name} of {node.module} is gone. {advice}")
        else:
            home, _, last = place.rpartition(".")
            groups.setdefault(home, []).append(last if last == name else f"{last} as {name}")
    room = node.module.split(".")[1]
    if groups:
        lines = [
            line for home in sorted(groups) for line in import_lines(home, groups[home], script)
        ]
    elif room in ("layers", "models", "optimizers"):
        lines = [f"import kerasx.{room}"]  # its classes become known to load_model
    else:
        script.drop(node)
        return
    _replace_statement(script, node, lines)


def _provider(names, name):
    """Return the last star import that brings a name: it is the one that counts."""
    return next((module for module in reversed(names.stars) if provides(module, name)), None)


def _rewrite_keras_star(script, names, node, module):
    if module == "keras.backend":
        script.by_hand(node, "Name what is used: `from kerasx.backend.legacy import sum, mean`.")
        return
    if module.split(".")[0] != "keras":
        return
    lines = [f"from {module} import *"]
    moved = [] if module != "keras.layers" else names.used_globals()
    for name in sorted(moved):
        place = find_place(f"keras.layers.{name}")[0]
        if comes_from_bert4keras(script):
            place = _MASKED.get(place, place)
        if place not in (None, f"keras.layers.{name}") and _provider(names, name) == node.module:
            home, _, last = place.rpartition(".")
            lines.append(f"from {home} import {_aliased(last, ast.alias(name))}")
    for name in sorted(_BROUGHT.keys() & set(moved)):
        names.want(_BROUGHT[name])
    if lines != [f"from {node.module} import *"]:
        _replace_statement(script, node, lines)


def import_lines(module, names, script):
    """Return the import statements of names of a module, a long one in parentheses."""
    if not module:
        return [f"import {name}" for name in names]
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= _WIDTH:
        return [line]
    inner = script.newline + "    "
    rows, row = [], ""
    for name in names:
        if len(row) + len(name) > _WIDTH - 8:
            rows.append(row.rstrip())
            row = ""
        row += f"{name}, "
    rows.append(row.rstrip())
    return [f"from {module} import ({inner}{inner.join(rows)}{script.newline})"]


def _replace_statement(script, node, lines):
    """Put statements in the place of one."""
    start, end = script.span(node)
    alone = script.starts_line(node)
    rest = script.text[end : script.line_end(node.end_lineno)].strip()
    joint = "; " if not alone or rest.startswith(";") else script.newline + script.indent(node)
    lines = [line.replace(script.newline, script.newline + script.indent(node)) for line in lines]
    old = script.text[start:end]
    if joint.join(lines) != old:
        shown = "; ".join(map(_one_line, lines))
        script.edit(start, end, joint.join(lines), _one_line(old), shown)


# import module as name


def _rewrite_import(script, names, node):
    lines = []
    for alias in node.names:
        lines += _module_lines(script, names, alias)
    old = [
        f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
        for alias in node.names
    ]
    if not lines:
        script.drop(node)
    elif lines != old:
        _replace_statement(script, node, list(dict.fromkeys(lines)))


def _module_lines(script, names, alias):
    """Return the statements for one module of an `import` statement."""
    written = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
    if alias.name == "uniout":
        return []
    if alias.name.split(".")[0] == "bert4keras":
        return [_import_of_module(names, alias.name, alias.asname)]
    place, advice = find_place(alias.name)
    if place is None:
        script.by_hand(alias, f"{alias.name} is gone. {advice}")
        return []
    if place == alias.name:
        return [written]
    if place == "kerasx.backend.K":
        if not alias.asname:
            return ["import keras"]
        return ["from kerasx.backend import " + _aliased("K", alias)]
    if alias.asname in (None, place):
        bound = alias.name.startswith("tensorflow.") and not alias.asname
        also = bound and _uses_tensorflow(script, names)
        return ["import tensorflow"] * bool(also) + [f"import {place}"]
    return [f"import {place} as {alias.asname}"]


def _uses_tensorflow(script, names):
    used = (names.resolve(x) for x in ast.walk(script.tree) if isinstance(x, ast.Attribute))
    return any(x and x.startswith("tensorflow.") and canonical(x) == x for x in used)


# modules of bert4keras


def _rewrite_modules(script, names, node):
    """Rewrite `from bert4keras import models`."""
    lines = []
    for alias in node.names:
        if alias.name == "__version__":
            lines.append("from kerasx import __version__")
        else:
            lines.append(
                _import_of_module(names, f"bert4keras.{alias.name}", alias.asname or alias.name)
            )
    _replace_statement(script, node, list(dict.fromkeys(lines)))


def _import_of_module(names, module, local):
    room = kept_room(names, module)
    if local and room:
        same = local == room.split(".")[1]
        return f"from kerasx import {local}" if same else f"import {room} as {local}"
    names.names["kerasx"] = "kerasx"
    return "import kerasx"


def kept_room(names, module):
    """Return the room of kerasx whose names are all that a script uses of a bert4keras module.

    Returns None where they are spread over several rooms: each use is then rewritten by itself.
    """
    uses = (names.resolve(x) for x in ast.walk(names.script.tree) if isinstance(x, ast.Attribute))
    uses = {use for use in uses if use and use.startswith(f"{module}.") and use.count(".") == 2}
    room = module.replace("bert4keras", "kerasx")
    if room.split(".")[-1] not in _ROOMS:
        return None
    places = {find_place(use)[0] for use in uses}
    same = all(
        place == use.replace("bert4keras", "kerasx")
        for use in uses
        for place in [find_place(use)[0]]
    )
    return room if same and None not in places else None
