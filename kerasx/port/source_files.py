"""Read, rewrite and write scripts and notebooks in their own encoding, layout and line ends."""

import io
import json
import os
import re
import tokenize
from typing import NamedTuple

from kerasx.checks import invalid
from kerasx.files.atomic import atomic_path
from kerasx.port.rewriting import port, saved_files
from kerasx.port.script import apply, parse

ENDINGS = (".py", ".ipynb")


class Source(NamedTuple):
    """The Python text of a file; `cells` are the spans of a notebook's cells, else None."""

    path: str
    text: str
    code: str
    encoding: str
    cells: list = None
    notebook: dict = None


def find_scripts(folder, besides=None):
    """Return the paths of the scripts and notebooks in a folder, in order, without hidden ones.

    A copy of bert4keras itself is left out. A folder that cannot be read stands for its scripts.

    Args:
        folder: path.
        besides: a folder within it that is left out.
    """
    found, left_out = [], besides and os.path.realpath(besides)
    for root, folders, files in os.walk(folder, onerror=lambda e: found.append(e.filename)):
        if os.path.basename(root) == "bert4keras" and {"backend.py", "layers.py"} <= set(files):
            folders.clear()
            continue
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith((".", "__pycache__"))
            and os.path.realpath(os.path.join(root, name)) != left_out
        )
        found.extend(os.path.join(root, name) for name in sorted(files) if name.endswith(ENDINGS))
    return found


def read_source(path):
    """Read a script by its coding line or mark, or the code of a notebook.

    Raises:
        ValueError: the file is in another encoding than it says, or is no notebook.
        SyntaxError: the coding line names no encoding.
    """
    with open(path, "rb") as f:
        data = f.read()
    if path.endswith(".ipynb"):
        return _read_notebook(path, data)
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    try:
        text = data.decode(encoding)
        kept = text.encode(encoding) == data
    except UnicodeError:
        kept = False
    if not kept:
        raise invalid(
            f"The bytes of a script must be in the encoding that it says, {encoding}; for GBK let "
            "its first line be `# -*- coding: gbk -*-`.",
            path=path,
        )
    return Source(path, text, text, encoding)


def port_source(source, saved=frozenset()):
    """Return the bytes of a source after all rules, and the `Ported` with its changes."""
    ported = port(source.text, saved, source.code)
    if source.notebook is None:
        return ported.text.encode(source.encoding), ported
    return _written_notebook(source, ported.edits), ported


def saved_by(source):
    """Return the names of the files of weights and models that a source saves."""
    return saved_files(source.text, source.code)


def write_source(path, data):
    """Write the bytes of a script atomically; the folder is made if it is not there."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with atomic_path(path) as temporary:
        with open(temporary, "wb") as f:
            f.write(data)


# notebooks


def _read_notebook(path, data):
    try:
        notebook = json.loads(data.decode("utf-8"))
        sources = ["".join(cell["source"]) for cell in _code_cells(notebook)]
    except (ValueError, KeyError, TypeError) as error:
        raise invalid("A notebook must be JSON with `cells` of code.", path=path) from error
    spans, start = [], 0
    for text in sources:
        spans.append((start, start + len(text)))
        start += len(text) + 1
    code = "\n".join(map(_python, sources))
    return Source(path, "\n".join(sources), code, "utf-8", spans, notebook | {"_text": data})


def _code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _python(text):
    """Return the text of a cell with what is not Python made comments of the same length."""
    python = not text.lstrip().startswith("%%") or re.match(_OF_PYTHON, text)
    for candidate in (text, re.sub(_MAGIC, _blank, text)):
        try:
            parse(candidate)
        except SyntaxError:
            continue
        if python:
            return candidate
    return re.sub(r"(?m)^.", "#", text)


# %time x, !ls \, x = !ls, x?
_MAGIC = (
    r"(?m)(?<=^)[ \t]*(?:%%?(?=\w)|[!?]|[\w., ]+=[ \t]*[%!](?=\w)|[\w.]+\?\??[ \t]*$)"
    r"(?:[^\n]*\\\n)*[^\n]*"
)
_OF_PYTHON = r"\s*%%(?:time|timeit|capture|prun)\b"


def _blank(match):
    """Return a statement that does nothing, of the same length, for lines of the shell."""
    body = match.group().lstrip(" \t")
    indent = match.group()[: -len(body)]
    return indent + "0" + re.sub(r"[^\n]", "#", body[1:])


def _written_notebook(source, edits):
    if not edits:
        return source.notebook["_text"]
    notebook = {key: value for key, value in source.notebook.items() if key != "_text"}
    for cell, (start, end) in zip(_code_cells(notebook), source.cells):
        own = [e for e in edits if start <= e.start <= end]
        own = [e._replace(start=e.start - start, end=min(e.end, end) - start) for e in own]
        text = apply(source.text[start:end], own)
        whole = isinstance(cell["source"], str)
        cell["source"] = text if whole else re.findall(r"[^\n]*\n|[^\n]+", text)
    old = source.notebook["_text"].decode("utf-8")
    indent = re.match(r"\{\n?( *)", old).group(1)
    plain = old.isascii()
    new = json.dumps(notebook, indent=len(indent) or None, ensure_ascii=plain)
    return (new + "\n" * old.endswith("\n")).encode("utf-8")
