"""Let a script's own generators yield their inputs as a tuple.

Keras 3 takes a list of inputs for one array on TensorFlow: `yield [ids, segments], labels` fails.
"""

import ast

_NOTE = (
    "On TensorFlow Keras 3 expects the lengths of the first two batches of this generator ever "
    "after, where the two agree. Let it extend kerasx.snippets.DataGenerator, whose forfit() sees "
    "to it, or pad to one length."
)


def rewrite_generators(script, names):
    """Rewrite `yield [a, b], y` to `yield (a, b), y` outside of a DataGenerator.

    Args:
        script: a `Script`.
        names: its `Bindings`.
    """
    for node in ast.walk(script.tree):
        gives = isinstance(node, ast.Yield) or _is_batch_of_sequence(script, names, node)
        pair = node.value if gives else None
        if isinstance(pair, ast.Tuple) and len(pair.elts) in (2, 3):
            if not _within_data_generator(script, names, node):
                _rewrite_inputs(script, node, pair.elts[0])


def _is_batch_of_sequence(script, names, node):
    """Return whether a node is the `return` in `__getitem__` of a keras.utils.Sequence."""
    method = script.enclosing(node, ast.FunctionDef) if isinstance(node, ast.Return) else None
    owner = script.enclosing(node, ast.ClassDef) if method else None
    bases = [names.meaning(base) for base in owner.bases] if owner else []
    return bool(owner) and method.name == "__getitem__" and "keras.utils.Sequence" in bases


def _within_data_generator(script, names, node):
    owner = script.enclosing(node, ast.ClassDef)
    bases = (
        [names.resolve(base) or getattr(base, "id", "") for base in owner.bases] if owner else []
    )
    return any(base.lower().endswith(("datagenerator", "data_generator")) for base in bases)


def _rewrite_inputs(script, node, inputs):
    if isinstance(inputs, ast.List) and inputs.elts:
        start, end = script.span(inputs)
        source = script.source(inputs)
        comma = "," if len(inputs.elts) == 1 and not source[:-1].rstrip().endswith(",") else ""
        script.edit(start, start + 1, "(", source, f"({source[1:-1]}{comma})")
        script.edit(end - 1, end, f"{comma})", "", "")
        if isinstance(node, ast.Yield):
            script.note(node, _NOTE)
