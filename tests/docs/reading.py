"""Reads the blocks of code of the pages; imports no Keras."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
)
TRANSLATED = [page for page in PAGES if page.endswith("_zh.md")]


def text_of(page):
    """Return a page of the repository, named by its path."""
    return (ROOT / page).read_text("utf-8")


def blocks(page, language):
    """Return the blocks of code in a language, in their order."""
    return [code for _, found, code in BLOCK.findall(text_of(page)) if found == language]
