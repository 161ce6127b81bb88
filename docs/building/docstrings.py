"""Let Sphinx read our docstrings, which are plain text, as reStructuredText.

Napoleon turns their sections (Args, Returns, Raises) into lists of fields before. Signs that stand
for themselves here (x * y, |x|, name_) would be marks there, so they get a backslash.
"""

import re

CODE = re.compile(r"(`+[^`]+`+)")
MARKS = re.compile(r"(?<!\\)([*|]|(?<=\w)_(?!\w))")


def setup(app):
    app.connect("autodoc-process-docstring", escape, priority=900)  # after Napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def escape(app, what, name, thing, options, lines):
    """Put a backslash before signs that reStructuredText takes for marks, except in code."""
    example = False
    for i, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if not example:
            parts = CODE.split(line)
            parts[::2] = [MARKS.sub(r"\\\1", part) for part in parts[::2]]
            lines[i] = "".join(parts)
