import pytest

from tests.families_table import PAGE, table

pytestmark = pytest.mark.once


def test_the_page_of_families_names_the_tests_that_there_are():
    assert table() in PAGE.read_text(encoding="utf-8")
