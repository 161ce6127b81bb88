"""Put kerasx's adversarial training in the place of the function that bert4keras's blog gave.

The function replaced the training function of Keras 2's models by one that first moves the
embeddings along their gradient (kexue.fm/archives/7234).
"""

import ast

from kerasx.port.arguments import add_argument, argument, rename_argument


def rewrite_adversarial_training(script, names):
    """Replace the function by an import, and write its default of epsilon into the calls.

    Args:
        script: a `Script`.
        names: its `Bindings`.
    """
    for function in script.tree.body:
        if isinstance(function, ast.FunctionDef) and is_fgm(script, names, function):
            _replace(script, function)


def is_fgm(script, names, function):
    """Return whether a function is FGM as in the blog: a gradient, a step, the old function."""
    parameters = [a.arg for a in function.args.args]
    nodes = list(ast.walk(function))
    stores = {
        x.attr for x in nodes if isinstance(x, ast.Attribute) and isinstance(x.ctx, ast.Store)
    }
    called = {names.meaning(x.func) for x in nodes if isinstance(x, ast.Call)}
    named = len(parameters) in (2, 3) and parameters[2:] in ([], ["epsilon"])
    return named and "train_function" in stores and "keras.backend.gradients" in called


def _replace(script, function):
    parameters = [a.arg for a in function.args.args]
    defaults = function.args.defaults
    epsilon = script.source(defaults[-1]) if defaults else None
    local = "" if function.name == "adversarial_training" else f" as {function.name}"
    line = f"from kerasx.training import adversarial_training{local}"
    start, end = script.span(function)[0], script.line_end(function.end_lineno)
    script.edit(start, end, line, f"def {function.name}(...)", line)
    for call in ast.walk(script.tree):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == function.name:
            rename_argument(script, call, parameters[1], "layer")
            given = len(call.args) > 2 or argument(call, "epsilon")
            if epsilon and not given:
                add_argument(script, call, f"epsilon={epsilon}")
