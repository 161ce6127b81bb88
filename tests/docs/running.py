"""Runs the Python of a page as one script, which has the line numbers of the page."""

import contextlib
import os
import runpy
from pathlib import Path
from unittest import mock

from tests.docs import prepared
from tests.docs.reading import BLOCK, text_of


def script(page):
    """Return the Python of a page, each line where it stands on the page.

    What `prepared.BEFORE` has for the words of a block stands in the line of its fence.
    """
    text, lines = text_of(page), []
    before = dict(prepared.BEFORE.get(page, {}))
    for found in BLOCK.finditer(text):
        if found[2] == "python":
            fence = text.count("\n", 0, found.start())
            lines += [""] * (fence - len(lines))
            words = [words for words in before if words in found[3]]
            lines.append("; ".join(before.pop(key) for key in words))
            lines += found[3].splitlines()
    assert not before, f"no block of {page} has {list(before)}"
    return "\n".join(lines) + "\n"


def run_page(page, folder):
    """Run a page's code in a folder, in which what it names is made; return its names."""
    code = script(page)
    prepared.make(code, folder, text_of(page))
    names = prepared.NAMES.get(page, lambda folder: {})(folder)
    around = prepared.AROUND.get(page, contextlib.nullcontext)
    path = folder / f"{Path(page).stem}.py"
    path.write_text(code, "utf-8")
    with contextlib.chdir(folder), mock.patch.dict(os.environ), around(folder):
        return runpy.run_path(str(path), names, "__main__")
