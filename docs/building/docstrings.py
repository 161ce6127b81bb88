"""Let Sphinx read our docstrings, which are plain text, as reStructuredText.

Napoleon turns their sections (Args, Returns, Raises) into lists of fields before. An indented
paragraph is a formula or code, whose lines are kept. Signs that stand for themselves (x * y, |x|,
name_) would be marks there, so they get a backslash.
"""

import re

CODE = re.compile(r"(`+[^`]+`+)")
MARKS = re.compile(r"(?<!\\)([*|]|(?<=\w)_(?!\w))")
NO_TEXT = (":", "..", "- ", ">>>")  # what may have indented lines of its own


def setup(app):
    app.connect("autodoc-process-docstring", prepare, priority=900)  # after Napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def prepare(app, what, name, thing, options, lines):
    """Rewrite the lines of a docstring in place, see `reread`."""
    lines[:] = reread(lines)


def reread(lines):
    r"""Return the lines of a docstring as reStructuredText.

    >>> reread(["Compute a * b:", "", "    a_ = b", "", ">>> 2 * 2"])
    ['Compute a \\* b:', '', '::', '', '    a_ = b', '', '>>> 2 * 2']
    """
    found, text, literal, example = [], "", False, False
    for i, line in enumerate(lines):
        indented = line.startswith("    ")
        if line.strip() and not indented:
            text, literal = line, False
            example = line.startswith(">>>") or (example and bool(lines[i - 1].strip()))
        elif indented and not literal and not lines[i - 1].strip() and is_text(text):
            literal = True
            found += [] if text.endswith("::") else ["::", ""]
        shown = literal or example or ">>>" in line
        found.append(line if shown else escaped(line))
    return found


def is_text(line):
    """Return whether a line begins no list of fields, no directive and no example."""
    return bool(line) and not line.startswith(NO_TEXT)


def escaped(line):
    """Put a backslash before signs that are marks, except in code."""
    parts = CODE.split(line)
    parts[::2] = [MARKS.sub(r"\\\1", part) for part in parts[::2]]
    return "".join(parts)
