"""Rename files of weights and models to the endings that Keras 3 asks for.

Keras 3 writes weights to names ending in .weights.h5 only, and says so at the first save, after an
epoch has been trained. A name is followed from the call that saves back to its text, through
variables, attributes, arguments, os.path.join, formats and f-strings. A name that is only loaded
keeps its text: the file is there already.
"""

import ast
import os

from kerasx.port.arguments import given
from kerasx.port.keras_models import is_model, returned_values

_WEIGHTS = ("save_weights", "load_weights")
_SAVES = {"save_weights", "save", "weights", "model"}  # the last two: ModelCheckpoint
_MODEL_ENDINGS = (".keras", ".h5", ".hdf5")
_OLD_FILE = """{old!r} is only loaded here. If a script that was ported wrote it, its name is now
    {new!r}
If Keras 2 wrote it, write
    from kerasx.models import load_keras_weights
    load_keras_weights(model, {old!r})"""
_ENDINGS = (".weights", ".weight", ".model", ".h5", ".hdf5", ".keras", ".ckpt", ".hdf", ".tf")
_LOOKS = {"exists", "isfile", "print", "remove", "unlink"}
_UNKNOWN = "The name of a file of weights must end in .weights.h5: see to it where {} is made."


def rewrite_weight_files(script, names, saved=frozenset()):
    """Rename the files that a script saves, wherever it names them.

    Args:
        script: a `Script`.
        names: its `Bindings`.
        saved: names of files that other scripts of the same folder save.

    Returns:
        The set of the names that this script saves.
    """
    uses = {}  # text -> {node: kinds of its uses}
    calls = list(_calls(script, names))
    tracer = _Tracer(script, names, [path for _, _, path in calls])
    for call, kind, path in calls:
        found = [x for x in tracer.texts(path) if _ending(x[0])]
        if not found and kind == "save_weights":
            script.by_hand(path, _UNKNOWN.format(script.source(path)))
        if kind == "load_weights":
            _note_by_name(script, call)
        for text, node in found:
            uses.setdefault(_ending(text), {}).setdefault(node, set()).add(kind)
    own = {text for text, nodes in uses.items() if _SAVES & set().union(*nodes.values())}
    for text, nodes in uses.items():
        kinds = set().union(*nodes.values())
        _rename(script, text, nodes, kinds, _known(text, own | set(saved)))
    _rename_other_uses(script, uses, own)
    return own


def _calls(script, names):
    """Yield (call, kind, expression of the file's name) for all that save and load."""
    for call in ast.walk(script.tree):
        if not isinstance(call, ast.Call):
            continue
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        meaning = names.meaning(call.func)
        path = given(call, 0, "filepath") or given(call, 0, "path")
        if meaning == "keras.callbacks.ModelCheckpoint" and path:
            only = given(call, 4, "save_weights_only")
            weights = isinstance(only, ast.Constant) and bool(only.value)
            yield call, "weights" if weights else "model", path
        elif meaning == "keras.models.load_model" and path:
            yield call, "load_model", path
        elif meaning == "keras.models.save_model" and given(call, 1, "filepath"):
            yield call, "save", given(call, 1, "filepath")
        elif method in _WEIGHTS and path and not meaning.startswith("kerasx."):
            yield call, method, path
        elif method == "save" and path and is_model(names, call.func.value):
            yield call, "save", path


def _note_by_name(script, call):
    """Note a load by names of layers: Keras 3 has it for files of Keras 2 only."""
    if any(keyword.arg == "by_name" for keyword in call.keywords):
        script.by_hand(
            call,
            "Keras 3 loads by names of layers from files of Keras 2 only. For a file that Keras 3 "
            "wrote, write `kerasx.models.load_keras_weights(model, path)`.",
        )


# from an expression to the text that ends the name


class _Tracer:
    """Follow the names of files back to their texts.

    A text without an ending of files, such as 'bert', may serve for other things, too: it is
    changed only where all uses of its variable are ends of names of files, else the use is.
    """

    def __init__(self, script, names, paths):
        self.script, self.names = script, names
        self.loads, self.shared = {}, set()
        for node in ast.walk(script.tree):
            if _label(node) and isinstance(node.ctx, ast.Load):
                self.loads.setdefault(_label(node), []).append(node)
        traced = set()
        for path in paths:
            list(self._follow(path, traced))
        for label, loads in self.loads.items():
            if not all(x in traced or self._only_looks(x) for x in loads):
                self.shared.add(label)

    def texts(self, node):
        """Yield (text constant or f-string that ends a name, node to change) of an expression."""
        return self._follow(node, set())

    def _follow(self, node, seen, use=None):
        if node in seen:
            return
        seen.add(node)
        if isinstance(node, ast.JoinedStr) or _is_text(node):
            plain = not _ending(node).endswith(_ENDINGS)
            yield node, use if use and plain else node
            return
        item = isinstance(node, ast.Subscript) and _label(node.value) in self.shared
        if item or _label(node) in self.shared:
            use = use or node
        for part in _sources(self.names, self.script, node):
            yield from self._follow(part, seen, use)

    def _only_looks(self, node):
        call = self.script.parents[node]
        function = getattr(call, "func", None)
        return getattr(function, "attr", getattr(function, "id", "")) in _LOOKS


def _label(node):
    """Return what tells a variable, an attribute or a key of a dict from others, or None."""
    if isinstance(node, ast.Subscript):
        return ("[]", node.slice.value) if _is_text(node.slice) else None
    kind = isinstance(node, (ast.Name, ast.Attribute)) and type(node)
    return (kind, getattr(node, "id", None) or node.attr) if kind else None


def _is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _sources(names, script, node):
    """Return the expressions that an expression takes the end of its text from."""
    if isinstance(node, ast.BinOp):
        return [node.left if isinstance(node.op, ast.Mod) else node.right]
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, (ast.BoolOp, ast.List, ast.Tuple)):  # a list: where an item is taken
        return getattr(node, "values", None) or node.elts
    if isinstance(node, ast.Call):
        return _call_sources(names, node)
    if isinstance(node, ast.Name):
        return names.values.get(node.id, []) + _parameter_sources(names, script, node)
    if isinstance(node, ast.Subscript) and _is_text(node.slice):
        return _keyed(script, node.slice.value)
    if isinstance(node, ast.Subscript):
        lists = [x for x in _sources(names, script, node.value) if hasattr(x, "elts")]
        return [node.value] if lists else []
    if isinstance(node, ast.NamedExpr):
        return [node.value]
    if isinstance(node, ast.Attribute):
        return (
            names.attributes.get(node.attr, [])
            + _options(script, node)
            + _class_values(names, node)
        )
    return []


def _call_sources(names, call):
    attribute = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    name = getattr(call.func, "id", attribute)
    if attribute == "format":
        return [call.func.value]
    if attribute == "joinpath" or names.resolve(call.func) == "os.path.join":
        return call.args[-1:]
    if names.resolve(call.func) in ("pathlib.Path", "os.path.abspath", "os.path.expanduser"):
        return call.args[-1:]
    if name == "str":
        return call.args
    return [value for made in names.functions.get(name, []) for value in returned_values(made)]


def _keyed(script, key):
    """Return what dicts of the script hold under a key."""
    dicts = (x for x in ast.walk(script.tree) if isinstance(x, ast.Dict))
    pairs = (pair for x in dicts for pair in zip(x.keys, x.values))
    return [value for name, value in pairs if isinstance(name, ast.Constant) and name.value == key]


def _class_values(names, node):
    """Return what a class body gives an attribute: class Config: path = 'best.weights'."""
    nodes = [c for made in names.classes.values() for c in made]
    assigned = [x for c in nodes for x in c.body if isinstance(x, ast.Assign)]
    return [x.value for x in assigned if any(getattr(t, "id", "") == node.attr for t in x.targets)]


def _options(script, node):
    """Return the defaults of an argparse option that becomes this attribute."""
    found = []
    for call in ast.walk(script.tree):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "add_argument":
            flags = [x.value for x in call.args if _is_text(x)]
            if node.attr in [flag.lstrip("-").replace("-", "_") for flag in flags]:
                found += [k.value for k in call.keywords if k.arg == "default"]
    return found


def _parameter_sources(names, script, node):
    """Return what the calls of a function, or of a class, pass for a parameter."""
    function = script.enclosing(node, ast.FunctionDef)
    if function is None:
        return []
    arguments = [*function.args.posonlyargs, *function.args.args]
    index = next((i for i, a in enumerate(arguments) if a.arg == node.id), None)
    if index is None:
        return []
    owner = script.parents[function]
    method = isinstance(owner, ast.ClassDef)
    called = owner.name if method and function.name == "__init__" else function.name
    shift = 1 if method else 0
    default = index - len(arguments) + len(function.args.defaults)
    found = function.args.defaults[default : default + 1] if default >= 0 else []
    for call in ast.walk(script.tree):
        if isinstance(call, ast.Call) and called in (
            getattr(call.func, "id", None),
            getattr(call.func, "attr", None),
        ):
            found = [*found, *filter(None, [given(call, index - shift, node.id)])]
    return found


# endings


def _ending(node):
    """Return the text of a constant, or of an f-string with {} for each of its values."""
    if isinstance(node, ast.Constant):
        return os.path.normpath(node.value) if node.value else ""
    parts = [x.value if isinstance(x, ast.Constant) else "{}" for x in node.values]
    return "".join(parts)


def _known(text, saved):
    """Return whether a file is among those that are saved; a folder may be named elsewhere."""
    if text in saved:
        return True
    folder, name = os.path.split(text)
    places = [os.path.split(other) for other in saved]
    return any(name == last and not (folder and place) for place, last in places)


def weights_name(text):
    """Return the name that Keras 3 takes for a file of weights.

    >>> weights_name("best_model.weights"), weights_name("best.h5"), weights_name("out/best")
    ('best_model.weights.h5', 'best.weights.h5', 'out/best.weights.h5')
    """
    if text.endswith(".weights.h5"):
        return text
    if text.endswith(".weights"):
        return f"{text}.h5"
    for ending in (".h5", ".hdf5", ".keras"):
        if text.endswith(ending):
            return f"{text.removesuffix(ending)}.weights.h5"
    return f"{text}.weights.h5"


def model_name(text):
    """Return the name that Keras 3 takes for a file of a whole model.

    >>> model_name("test.model"), model_name("best.h5")
    ('test.model.keras', 'best.h5')
    """
    return text if text.endswith(_MODEL_ENDINGS) else f"{text}.keras"


def _rename(script, text, nodes, kinds, saved):
    whole = kinds & {"save", "model", "load_model"}
    new = weights_name(text)
    for node, own in nodes.items():
        if whole and not kinds & {"save_weights", "weights"}:
            if saved:
                _retext(script, node, model_name)
            elif not text.endswith(_MODEL_ENDINGS):
                _note_old(script, node, text, model_name(text))
        elif whole:
            script.by_hand(
                node, f"{text!r} names both a whole model and weights: give each its own."
            )
        elif saved:
            _retext(script, node, weights_name)
        elif own == {"load_weights"} and not text.endswith(_MODEL_ENDINGS):
            _note_old(script, node, text, new)


def _note_old(script, node, text, new):
    script.by_hand(node, _OLD_FILE.format(old=text, new=new))


def _rename_other_uses(script, uses, own):
    """Rename the same text where it is no argument: os.path.exists('best_model.weights')."""
    renamed = {text: nodes for text, nodes in uses.items() if text in own}
    for node in ast.walk(script.tree):
        if _is_text(node) and isinstance(script.parents[node], (ast.Call, ast.List, ast.Tuple)):
            nodes = renamed.get(_ending(node))
            if nodes and node not in nodes and "." in node.value:
                kinds = set().union(*nodes.values())
                whole = not kinds & {"save_weights", "weights"}
                _retext(script, node, model_name if whole else weights_name)


def _retext(script, node, change):
    """Change the end of a text constant or f-string, or add to the value of a variable."""
    source = script.source(node)
    if not isinstance(node, (ast.Constant, ast.JoinedStr)):
        _append(script, node, source, change(""))
        return
    quote = next((q for q in ('"""', "'''", '"', "'") if source.endswith(q)), None)
    inner = source[: -len(quote)] if quote else ""
    last = node.value if isinstance(node, ast.Constant) else _last_constant(node)
    if change(last) == last and last:
        return
    same = len(os.path.commonprefix([last, change(last)]))
    old, new = last[same:], change(last)[same:]
    if quote is None or not inner.endswith(old):
        script.by_hand(node, f"Keras 3 wants {change(last)!r} here.")
        return
    end = script.span(node)[1] - len(quote)
    shown = inner[: len(inner) - len(old)] + new + quote
    script.edit(end - len(old), end, new, source, shown)


def _append(script, node, source, ending):
    """Write `name + '.weights.h5'`, in parentheses within an operation that binds closer."""
    around, span = script.parents[node], script.span(node)
    closer = isinstance(around, ast.BinOp) and not isinstance(around.op, ast.Add)
    if closer:
        script.insert(span[0], "(", "", "", span)
    shown = source, f"{source} + {ending!r}"
    script.insert(span[1], f" + {ending!r}" + ")" * closer, *shown, span)


def _last_constant(node):
    last = node.values[-1] if node.values else None
    return last.value if _is_text(last) else ""
