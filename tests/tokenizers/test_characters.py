import unicodedata

import pytest
from hypothesis import given, settings

from kerasx.tokenizers import characters
from kerasx.tokenizers.characters import CharacterTable, align, is_redundant, is_special, normalize
from tests.tokenizers.common import ANY_TEXT, CODES

pytestmark = pytest.mark.backend_free
ALL = [chr(code) for code in CODES]


def reference(text):
    """Normalize a text by BERT's rules, one step after the other on the whole text."""
    kept = "".join(
        " " if characters.is_space(c) else c for c in text if not characters.is_control(c)
    )
    marks = unicodedata.normalize("NFD", kept)
    return "".join(c.lower() for c in marks if characters.category(c) != "Mn")


def test_empty_text_is_empty():
    assert normalize("", CharacterTable(True)) == ""
    assert align("", CharacterTable(True)) == ("", [])


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT)
def test_one_table_equals_the_rules_step_by_step(text):
    assert normalize(text, CharacterTable(lower=True, spaced=False)) == reference(text)


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT)
def test_align_gives_the_normalised_text_and_sources_that_never_go_back(text):
    for lower in (True, False):
        table = CharacterTable(lower)
        string, sources = align(text, table)
        assert string == normalize(text, table)
        assert len(sources) == len(string) and sources == sorted(sources)
        assert all(0 <= i < len(text) for i in sources)


def test_marks_are_put_in_canonical_order_before_they_are_stripped():
    table = CharacterTable(lower=True)
    assert normalize("a\U0001d16d\U0001d165", table) == "a\U0001d165\U0001d16d"
    assert normalize("a\U0001d16d\x00\u0301\U0001d165", table) == "a\U0001d165\U0001d16d"
    assert (
        normalize("a\U0001d16d\u034f\U0001d165", table) == "a\U0001d16d\U0001d165"
    )  # a joiner parts


def test_normalising_twice_is_normalising_once():
    table = CharacterTable(lower=True, spaced=False)
    once = [normalize(c, table) for c in ALL]
    assert [c for c, form in zip(ALL, once) if normalize(form, table) != form] == []


def test_every_ideograph_stands_alone():
    table = CharacterTable(lower=True)
    alone = [c for c in ALL if characters.is_cjk_character(c)]
    assert all(f"a{c}a".translate(table).split()[::2] == ["a", "a"] for c in alone)


def test_ascii_symbols_are_punctuation():
    assert all(characters.is_punctuation(c) for c in "!#$%&*+,-./:;<=>?@[]^_`{|}~")
    assert not any(characters.is_punctuation(c) for c in "aZ09 \t\x7f\x00")


@pytest.mark.parametrize("token", ["##中", "中国", "...", "[CLS]", "a-b", "##。"])
def test_redundant_tokens(token):
    assert is_redundant(token)


@pytest.mark.parametrize("token", ["中", "。", "##ing", "", "a", "2024"])
def test_tokens_wordpiece_can_produce_are_not_redundant(token):
    assert not is_redundant(token)


def test_brackets_alone_are_not_special():
    assert [is_special(t) for t in ("[CLS]", "[", "]", "[]", "")] == [True] + [False] * 4


def test_the_table_does_not_grow_without_bound(monkeypatch):
    monkeypatch.setattr(characters, "_CACHE_LIMIT", 10)
    table = CharacterTable(True)
    assert "".join(ALL[65:165]).translate(table).split()[0] == "abcdefghijklmnopqrstuvwxyz"
    assert len(table) == 10
