"""Rewrite layers of the script's own: the training phase and random numbers of Keras 2."""

import ast

from kerasx.port.arguments import add_argument, add_parameter, argument, given

_RANDOM = (
    *("random_binomial", "random_bernoulli", "random_normal", "random_uniform"),
    *("truncated_normal", "dropout"),
)
_PHASES = ("in_train_phase", "in_test_phase")


def rewrite_training_phase(script, names):
    """Rewrite K.in_train_phase and give the random numbers of layers their own seeds.

    Keras 3 tells a layer by the argument `training` of its `call` whether it trains, and a
    `SeedGenerator` of the layer holds the state of its random numbers.

    Args:
        script: a `Script`.
        names: its `Bindings`.
    """
    for node in ast.walk(script.tree):
        if not isinstance(node, ast.Call):
            continue
        module, _, name = names.meaning(node.func).rpartition(".")
        if module == "keras.backend" and name in _PHASES:
            _rewrite_phase(script, node, name)
        elif module == "keras.backend" and name in _RANDOM:
            _seed(script, names, node)


def _rewrite_phase(script, call, name):
    """Write `(x if training else alt)`, and leave the texts of x and alt to other rules."""
    x, alt = given(call, 0, "x"), given(call, 1, "alt")
    function = _call_method(script, call)
    if function is None or None in (x, alt):  # K's own asks the layer that is being called
        return
    first, second = sorted((x, alt), key=script.span)
    negated = "not " * ((name == "in_test_phase") != (first is alt))
    pieces = [_piece(script, function, value) for value in (first, second)]
    (opening, start, end, closing), (opening_2, start_2, end_2, closing_2) = pieces
    middle = f"{closing} if {negated}training else {opening_2}"
    before, after = script.span(call)
    script.edit(before, start, f"({opening}", script.source(call), f"(... {middle.strip()} ...)")
    script.edit(end, start_2, middle, "", "")
    script.edit(end_2, after, f"{closing_2})", "", "")
    add_parameter(script, function, "training")


def _call_method(script, node):
    """Return the `call` method of the class around a node, or None."""
    for around in script.ancestors(node):
        inside = isinstance(script.parents.get(around), ast.ClassDef)
        if isinstance(around, ast.FunctionDef) and inside:
            return around if around.name == "call" else None
    return None


def _piece(script, function, node):
    """Return the span of a value, with the texts to put around it, as (text, start, end, text).

    Keras 2 took functions without arguments, too.
    """
    inner = [x.name for x in ast.walk(function) if isinstance(x, ast.FunctionDef)]
    called = "()" if getattr(node, "id", None) in inner else ""
    simple = isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant))
    start, end = script.span(node.body if isinstance(node, ast.Lambda) else node)
    return ("", start, end, called) if simple else ("(", start, end, ")")


def _seed(script, names, call):
    """Give a random function in a layer the seed generator of the layer."""
    owner = script.enclosing(call, ast.ClassDef)
    method = script.enclosing(call, ast.FunctionDef)
    if owner is None or method is None or argument(call, "seed") or not owner.bases:
        return
    if not any(isinstance(x, ast.FunctionDef) and x.name == "call" for x in owner.body):
        return
    add_argument(script, call, "seed=self.seed_generator")
    _add_generator(script, owner)
    names.want("import keras")


_GENERATOR = "self.seed_generator = keras.random.SeedGenerator()"


def _add_generator(script, owner):
    """Make the seed generator in `__init__`, after the parent's."""
    shown = f"class {owner.name}", _GENERATOR
    init = next((x for x in owner.body if getattr(x, "name", "") == "__init__"), None)
    if init is None:
        first = next(x for x in owner.body if isinstance(x, ast.FunctionDef))
        lines = [
            "def __init__(self, **kwargs):",
            "    super().__init__(**kwargs)",
            f"    {_GENERATOR}",
        ]
        line = min([first.lineno, *(x.lineno for x in first.decorator_list)])
        start = script.line_starts[line - 1]
        text = "".join(f"{script.indent(first)}{x}{script.newline}" for x in lines)
        script.insert(start, text + script.newline, *shown)
        return
    if any(_GENERATOR.split(" =")[0] in script.source(x) for x in init.body):
        return
    after = next((x for x in init.body if ".__init__(" in script.source(x)), init.body[0])
    if init.lineno == init.body[0].lineno:  # def __init__(self): pass
        script.insert(script.span(init.body[-1])[1], f"; {_GENERATOR}", *shown)
        return
    text = f"{script.newline}{script.indent(after)}{_GENERATOR}"
    script.insert(script.line_end(after.end_lineno), text, *shown)
