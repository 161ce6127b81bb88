"""Say what the names of a script stand for: which module's name, and which values."""

import ast
import symtable
import warnings

from kerasx.port.keras_names import LAYERS, MODULES, STARS
from kerasx.port.names import NAMES

_HEADS = {
    "tensorflow.keras": "keras",
    "tensorflow.python.keras": "keras",
    "tensorflow.contrib.keras": "keras",
    "tensorflow.compat.v1.keras": "keras",
    "tf_keras": "keras",
    "kerasx.backend.K": "keras.backend",
    "kerasx.backend.legacy": "keras.backend",
    "kerasx.backend.keras": "keras",
    **{name: "keras" for name in NAMES if name.endswith(".keras")},
    **{name: "keras.backend" for name in NAMES if name.endswith(".K")},
    **{name: "tensorflow" for name in NAMES if name.endswith(".tf")},
    "tensorflow.compat.v1": "tensorflow",
}


def canonical(dotted):
    """Return a dotted name of Keras as it would stand in Keras 3's or Keras 2's public modules.

    >>> canonical("tensorflow.python.keras.layers.Dense"), canonical("bert4keras.backend.K.sum")
    ('keras.layers.Dense', 'keras.backend.sum')
    """
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        head = _HEADS.get(".".join(parts[:count]))
        if head:
            parts = [*head.split("."), *parts[count:]]
            break
    for count in range(len(parts), 1, -1):
        module = MODULES.get(".".join(parts[:count]))
        if module:
            return ".".join([module, *parts[count:]])
    return ".".join(parts)


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.GeneratorExp)
_SCOPES += (ast.ListComp, ast.SetComp, ast.DictComp)


class Bindings:
    """The meaning of each imported name of a script, and the values that variables get.

    An import counts wherever it stands, but not where a function has a name of its own like it.
    """

    def __init__(self, script):
        self.script = script
        self.names, self.stars = {}, []
        self.values, self.attributes, self.functions, self.classes = {}, {}, {}, {}
        self._local = {}
        for node in ast.walk(script.tree):
            self._add(node)
        for name, values in self.values.items():  # such as K = keras.backend
            if len(values) == 1 and isinstance(values[0], ast.Attribute) and name not in self.names:
                meaning = self.meaning(values[0])
                if meaning == "keras" or meaning.startswith(("keras.", "bert4keras.")):
                    self.names[name] = meaning
        self._local = self._local_names()

    def _add(self, node):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                self.names[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if alias.name == "*":
                    self.stars.append(node.module)
                else:
                    self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value:
            self._assign(node.target, node.value)
        elif isinstance(node, (ast.For, ast.comprehension)):
            for item in getattr(node.iter, "elts", ()):
                self._assign(node.target, item)
        elif isinstance(node, ast.FunctionDef):
            self.functions.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.ClassDef):
            self.classes.setdefault(node.name, []).append(node)

    def _assign(self, target, value):
        if isinstance(target, ast.Name):
            self.values.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Attribute):
            self.attributes.setdefault(target.attr, []).append(value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for part, item in zip(target.elts, value.elts):
                self._assign(part, item)

    def _local_names(self):
        """Return {name: functions and comprehensions in which it is a name of their own}."""
        local, imported = {}, set()
        for node in ast.walk(self.script.tree):
            if not isinstance(node, (ast.Import, ast.ImportFrom, ast.Name, ast.arg)):
                continue
            scope = self.script.enclosing(node, *_SCOPES)
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                imported |= {(a.asname or a.name.split(".")[0], scope) for a in node.names}
            stored = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            around = self.script.parents.get(node)
            named = isinstance(around, ast.Assign) and self.meaning(around.value)
            if isinstance(node, ast.arg) or (stored and scope and not named):
                local.setdefault(getattr(node, "id", None) or node.arg, set()).add(scope)
        return {
            name: {scope for scope in scopes if (name, scope) not in imported}
            for name, scopes in local.items()
        }

    def resolve(self, node):
        """Return the dotted name that an expression stands for, or None."""
        scopes = self._local.get(getattr(node, "id", None))
        if scopes and not scopes.isdisjoint(self.script.ancestors(node)):
            return None
        if isinstance(node, ast.Name):
            return self.names.get(node.id) or self._from_star(node.id)
        if isinstance(node, ast.Attribute):
            value = self.resolve(node.value)
            return value and f"{value}.{node.attr}"
        return None

    def meaning(self, node):
        """Return the canonical dotted name of an expression, or an empty text."""
        name = self.resolve(node)
        return canonical(name) if name else ""

    def want(self, statement):
        """Add an import to the script unless its name stands for the same already."""
        module, name, local = _imported(ast.parse(statement).body[0])
        known = self.resolve(ast.Name(local)) or ""
        if canonical(known) != canonical(f"{module}.{name}" if module else name):
            self.script.want(statement)

    def _from_star(self, name):
        if name in self.values or name in self.functions or name in self.classes:
            return None
        for module in reversed(self.stars):
            dotted = f"{module}.{name}"
            if dotted in NAMES:
                place = NAMES[dotted][0]
                return dotted if place is None or "." in place else place  # a module: numpy, os
            if dotted.startswith("kerasx."):
                return dotted
            if name in LAYERS and canonical(module) in ("keras.layers", *_WITH_LAYERS):
                return f"keras.layers.{name}"
            if name in STARS.get(canonical(module), "").split():
                return f"{canonical(module)}.{name}"
        return None

    def used_globals(self):
        """Return the names that the script reads without binding them itself, at the top level."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = symtable.symtable(self.script.code, "script", "exec")
        used, tables = set(), [table]
        while tables:
            scope = tables.pop()
            tables += scope.get_children()
            top = scope.get_type() == "module"
            used |= {
                symbol.get_name()
                for symbol in scope.get_symbols()
                if symbol.is_referenced() and (top or symbol.is_global())
            }
        bound = {x.get_name() for x in table.get_symbols() if x.is_assigned() or x.is_imported()}
        return used - bound


def _imported(node):
    """Return the module (or None), the name and the local name of an import of one name."""
    alias = node.names[0]
    return getattr(node, "module", None), alias.name, alias.asname or alias.name


_WITH_LAYERS = ("bert4keras.layers", "bert4keras.models", "bert4keras.bert")
