"""Fences name languages that are tested, and a Chinese page has the code of its English twin."""

import re

import pytest

from tests.docs.reading import BLOCK, PAGES, TRANSLATED, blocks, text_of

pytestmark = pytest.mark.backend_free


def code_of(page):
    """Return the code of a page without comments, which are translated."""
    return [
        re.sub(r"\s*#.*", "", code)
        for language in ("python", "bash", "text")
        for code in blocks(page, language)
    ]


@pytest.mark.parametrize("page", TRANSLATED)
def test_both_languages_have_the_same_code(page):
    assert code_of(page) == code_of(page.replace("_zh.md", ".md"))


@pytest.mark.parametrize("page", PAGES)
def test_a_block_is_python_or_commands_or_output(page):
    """Python is run by test_pages, commands are read by test_commands."""
    text = text_of(page)
    assert {language for _, language, _ in BLOCK.findall(text)} <= {"python", "bash", "text"}
    assert len(re.findall("^ *```", text, re.MULTILINE)) == 2 * len(BLOCK.findall(text))


def test_the_quick_start_is_short():
    (code,) = blocks("README.md", "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 16
