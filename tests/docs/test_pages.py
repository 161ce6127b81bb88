"""The Python of every page runs from top to bottom, as it stands on the page."""

import keras
import pytest

from tests.docs.reading import PAGES, TRANSLATED, blocks, text_of
from tests.docs.running import run_page, script

# pages of NumPy and of files, and two that do what others do on every backend
ONCE = "checkpoints corpora metrics porting serving similarity tokenizers".split()
ONCE += ["first_model", "from_transformers"]


def cases():
    """Yield each page with Python of its own; for translations see test_languages."""
    seen = {""}
    for page in PAGES:
        code = "".join(blocks(page, "python"))
        if code not in seen and page not in TRANSLATED:
            seen.add(code)
            once = "/techniques/" in page or any(page.endswith(f"/{name}.md") for name in ONCE)
            yield pytest.param(page, marks=pytest.mark.once if once else ())


@pytest.mark.parametrize("page", cases())
def test_the_code_of_a_page_runs_as_it_stands(page, tmp_path):
    run_page(page, tmp_path)
    keras.utils.clear_session()


@pytest.mark.once
def test_the_script_of_a_page_has_its_line_numbers():
    page = "docs/training.md"
    lines, shown = script(page).splitlines(), text_of(page).splitlines()
    assert len(lines) > 100
    assert all(line in ("", there) for line, there in zip(lines, shown))
