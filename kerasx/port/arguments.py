"""Change the arguments of calls and of function definitions in a script."""

import ast
import itertools


def argument(call, name):
    """Return the keyword argument of a call of that name, or None."""
    return next((keyword for keyword in call.keywords if keyword.arg == name), None)


def given(call, index, name):
    """Return the expression of a positional or keyword argument of a call, or None."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    plain = call.args[: index + 1]
    good = len(plain) > index and not any(isinstance(x, ast.Starred) for x in plain)
    return plain[index] if good else None


def rename_argument(script, call, old, new):
    """Rename a keyword argument of a call."""
    keyword = argument(call, old)
    if keyword and not argument(call, new):
        start = script.position(keyword.lineno, keyword.col_offset)
        script.edit(start, start + len(old), new, f"{old}=", f"{new}=")


def drop_arguments(script, call, *names):
    """Remove keyword arguments of a call, with their lines where nothing else stands there."""
    items = sorted([*call.args, *call.keywords], key=script.span)
    for dropped, run in itertools.groupby(items, lambda x: getattr(x, "arg", None) in names):
        if dropped:
            _drop_run(script, call, items, list(run))


def _drop_run(script, call, items, run):
    """Remove neighbouring arguments: whole lines, or with the comma before or after them."""
    start, end = script.item_span(call, run[0])[0], script.item_span(call, run[-1])[1]
    old = script.text[start:end]
    first = script.line_starts[run[0].lineno - 1]
    rest = script.text[end : script.line_end(run[-1].end_lineno)].lstrip(" ,")
    before = items[: items.index(run[0])]
    after = items[items.index(run[-1]) + 1 :]
    if not script.text[first:start].strip() and (not rest or rest.startswith("#")):
        start, end = first, script.line_starts[run[-1].end_lineno]
    elif after and (after[0].lineno == run[-1].end_lineno or not before):
        end = script.span(after[0])[0]
    elif before:
        start = script.item_span(call, before[-1])[1]
    else:
        inner = script.text[end : script.span(call)[1] - 1]
        end += len(inner) - len(inner.lstrip(" ,"))
    script.edit(start, end, "", old, "(dropped)")


def name_argument(script, call, node, name):
    """Turn a positional argument of a call into a keyword argument."""
    start, end = script.item_span(call, node)
    shown = script.source(node), f"{name}={script.source(node)}"
    script.insert(start, f"{name}=", *shown, (start, end + 1))  # before what opens the value


def add_argument(script, call, text):
    """Add an argument at the end of a call."""
    place, comma = end_of_arguments(script, call)
    shown = script.source(call), f"{text} added"
    script.insert(place, comma + text, *shown, script.span(call))


def end_of_arguments(script, call):
    """Return the end of the last argument of a call, and the comma that another one needs."""
    items = [*call.args, *call.keywords]
    if not items:
        return script.span(call)[1] - 1, ""
    return script.item_span(call, max(items, key=script.span))[1], ", "


def add_parameter(script, function, name):
    """Add a parameter with the default None to a function, before its **kwargs."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if any(a.arg == name for a in every):
        return
    start, end = script.span(function)[0], script.span(function.body[0])[0]
    opening = script.text.index("(", start)
    before = [*every, *arguments.defaults, *filter(None, arguments.kw_defaults)]
    before += [arguments.vararg] if arguments.vararg else []
    text, place = f"{name}=None" + (", " if arguments.kwarg else ""), opening + 1
    if before:
        last = max(before, key=script.span)
        place = script.outer_span(last, opening, end)[1]
        text = f", {name}=None"
    script.insert(
        place, text, f"def {function.name}(...)", f"def {function.name}(..., {name}=None)"
    )
