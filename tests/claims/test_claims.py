"""Each claim runs at its smallest size; the pages show the results that are kept."""

import re

import pytest

from claims import pages, running

NAMES = running.claim_names()


@pytest.mark.once
@pytest.mark.parametrize("name", NAMES)
def test_a_claim_is_measured_judged_and_drawn(name, tmp_path):
    running.run_claim(name, tmp_path, seeds=1, small=True)
    result = pages.load_results(tmp_path)[name]
    assert result["verdict"] in (running.HOLDS, running.PARTLY, running.FAILS)
    assert result["sentence"].endswith(".") and result["claim"].endswith(".")
    assert (tmp_path / f"{name}.png").stat().st_size > 5000


@pytest.mark.once
def test_every_claim_has_a_result_with_a_picture():
    assert sorted(pages.load_results()) == NAMES
    assert sorted(path.stem for path in pages.RESULTS.glob("*.png")) == NAMES


@pytest.mark.once
def test_every_claim_stands_on_a_page_of_a_technique():
    shown = [
        name
        for page in (pages.DOCS / "techniques").glob("*.md")
        for name in re.findall(r"<!-- claim: (\w+) -->", page.read_text("utf-8"))
    ]
    assert sorted(shown) == NAMES


@pytest.mark.once
def test_the_pages_are_those_of_the_results():
    results = pages.load_results()
    assert (pages.DOCS / "claims.md").read_text("utf-8") == pages.claims_page(results)
    for page in (pages.DOCS / "techniques").glob("*.md"):
        text = page.read_text("utf-8")
        assert pages.filled_blocks(text, results) == text, page.name


@pytest.mark.once
def test_a_difference_counts_from_two_standard_errors_on():
    assert running.higher([2.0, 2.1, 2.2], [1.0, 1.2, 1.1])
    assert not running.higher([2.0, 1.0, 2.2], [1.0, 1.2, 2.1])
