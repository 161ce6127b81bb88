"""Change the arguments of calls and of function definitions in a script."""

import itertools


def argument(call, name):
    """Return the keyword argument of a call of that name, or None."""
    return next((keyword for keyword in call.keywords if keyword.arg == name), None)


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
    start, end = script.span(run[0])[0], script.span(run[-1])[1]
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
        start = script.span(before[-1])[1]
    else:
        inner = script.text[end : script.span(call)[1] - 1]
        end += len(inner) - len(inner.lstrip(" ,"))
    script.edit(start, end, "", old, "(dropped)")


def name_argument(script, node, name):
    """Turn a positional argument into a keyword argument."""
    start = script.span(node)[0]
    script.insert(start, f"{name}=", script.source(node), f"{name}={script.source(node)}")


def add_argument(script, call, text):
    """Add an argument at the end of a call."""
    end = script.span(call)[1] - 1
    items = [*call.args, *call.keywords]
    place = end
    if items:
        last = max(items, key=script.span)
        place = script.outer_span(last, script.span(call.func)[1], end + 1)[1]
        text = f", {text}"
    script.insert(place, text, script.source(call), f"{text.lstrip(', ')} added")


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
