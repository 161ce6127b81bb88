"""docs/porting.md has the tables of the tool, names that exist, and a Chinese twin."""

import importlib
import re

import pytest

from tests.porting_table import PAGES, filled


def text_of(page):
    return page.read_text("utf-8")


def places_of(page):
    return set(re.findall(r"\bkeras(?:x)?(?:\.\w+)+", text_of(page)))


@pytest.mark.backend_free
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_of_names_are_those_of_the_tool(page):
    assert filled(text_of(page)) == text_of(page)


@pytest.mark.backend_free
def test_both_languages_have_the_same_names():
    english, chinese = PAGES
    assert places_of(english) == places_of(chinese)


@pytest.mark.once
def test_every_name_of_kerasx_and_of_keras_exists():
    old = {"keras.utils.np_utils"}  # in the column of Keras 2
    missing = {place for place in places_of(PAGES[0]) - old if not exists(place)}
    assert missing == set()


def exists(place):
    """Return whether a dotted name leads to an object, through modules and attributes."""
    found, *names = place.split(".")
    found = importlib.import_module(found)
    for name in names:
        if not hasattr(found, name):
            try:
                importlib.import_module(f"{found.__name__}.{name}")
            except (AttributeError, ImportError):
                return False
        found = getattr(found, name)
    return True
