"""What the site is built from: links, equations and contents. `make docs` builds it."""

import doctest
import re

import pytest
from docutils.utils.math import MathError

from docs.building import assemble, docstrings, links
from docs.building.mathml import mathml

pytestmark = pytest.mark.backend_free
EQUATION = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$([^$\n]+)\$(?!\w)", re.DOTALL)
PAGES = assemble.docs_pages()


def equations(page):
    """Return the equations of a page of docs/, as LaTeX."""
    text = (assemble.ROOT / "docs" / page).read_text("utf-8")
    prose = "".join(assemble.CODE.split(text)[::2])
    return [block or inline for block, inline in EQUATION.findall(re.sub("`[^`\n]*`", "", prose))]


def test_every_equation_of_every_page_can_be_rendered():
    failed = []
    for page in PAGES:
        for equation in equations(page):
            try:
                mathml(equation)
            except MathError as error:
                failed.append(f"{page}: {error} in {equation}")
    assert failed == []
    assert equations("techniques/gelu.md")


def test_an_unknown_command_is_an_error():
    with pytest.raises(MathError, match="nosuch"):
        mathml(r"\nosuch{x}")


def test_a_fraction_of_two_digits_needs_no_braces():
    assert mathml(r"\frac12 x") == mathml(r"\frac{1}{2} x")


def test_a_link_leads_to_the_place_of_its_target_in_the_site():
    pages = {"docs/a.md": "a.md", "docs/techniques/b.md": "techniques/b.md", **assemble.OUTSIDE}
    linked = set()

    def rewritten(text, source):
        return assemble.with_links(text, source, pages, linked)

    assert rewritten("[x](../a.md#y)", "docs/techniques/b.md") == "[x](../a.md#y)"
    assert rewritten("[x](../CONTRIBUTING.md)", "docs/a.md") == "[x](contributing.md)"
    assert rewritten("[x](docs/a.md)", "CONTRIBUTING.md") == "[x](a.md)"
    assert rewritten("![x](images/p.png)", "docs/a.md") == "![x](images/p.png)"
    assert rewritten("[x](docs/images/site.png)", "CONTRIBUTING.md") == "[x](images/site.png)"
    assert rewritten("[x](https://a.b/c.md) [y](#z)", "docs/a.md").count("https://a.b/c.md") == 1
    assert linked == set()
    assert rewritten("[x](../../setup.py)", "docs/techniques/b.md") == "[x](../files/setup.py.md)"
    assert linked == {"setup.py"}
    assert rewritten("```\n[x](../setup.py)\n```", "docs/a.md") == "```\n[x](../setup.py)\n```"


def test_a_link_to_no_page_or_no_place_in_it_is_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here"><a href="b.html#there">', "utf-8"
    )
    (tmp_path / "b.html").write_text('<a href="a.html"><a href="http://a.b/"><img src="c.png">')
    assert links.broken_links(tmp_path) == ["a.html: b.html#there", "b.html: c.png"]


def test_every_page_is_in_the_contents(tmp_path):
    for page in [*PAGES, *assemble.OUTSIDE.values()]:
        assemble.write(tmp_path / page, "")
    text = assemble.contents(tmp_path)
    shown = {page.with_suffix("").as_posix() for page in PAGES if len(page.parts) == 1} - {"index"}
    assert shown <= set(text.split("\n"))
    groups = [name for _, names in assemble.by_groups() for name in names]
    assert sorted(groups) == [page.stem for page in PAGES if page.parts[0] == "techniques"]


def test_a_docstring_is_read_as_plain_text():
    assert doctest.testmod(docstrings).failed == 0
    fields = [":param x: an array", "    of |x| * 2", "", "    and more"]
    assert docstrings.reread(fields) == [fields[0], r"    of \|x\| \* 2", *fields[2:]]
    example = [">>> a * b", "[2 * 3]", "", "after_"]
    assert docstrings.reread(example) == [*example[:3], r"after\_"]
