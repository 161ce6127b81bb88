"""Change the arguments of calls and of function definitions in a script."""

import ast


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
    dropped = [x for x in items if isinstance(x, ast.keyword) and x.arg in names]
    kept = [x for x in items if x not in dropped]
    if dropped and not kept:
        start, end = script.span(items[0])[0], script.span(items[-1])[1]
        end += len(script.text[end:]) - len(script.text[end:].lstrip(" ,"))
        script.edit(start, end, "", script.text[start:end], "(dropped)")
        return
    for item in dropped:
        start, end = _with_comma(script, items, item)
        script.edit(start, end, "", script.source(item), "(dropped)")


def _with_comma(script, items, item):
    """Return the span of an argument with the comma, or the whole lines, that go with it."""
    start, end = script.span(item)
    line, last = script.line_starts[item.lineno - 1], script.line_end(item.end_lineno)
    rest = script.text[end:last].lstrip(" ,")
    alone = not script.text[line:start].strip() and (not rest or rest.startswith("#"))
    if alone and item.end_lineno < len(script.line_starts):
        return line, script.line_starts[item.end_lineno]
    index = items.index(item)
    if index + 1 < len(items) and items[index + 1].lineno == item.end_lineno:
        return start, script.span(items[index + 1])[0]
    return script.span(items[index - 1])[1], end


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
