"""Spans of any text become spans of tokens and are restored from them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.datasets import generate_entities
from kerasx.spans import spans_to_tags, tags_to_spans, text_spans, token_spans
from tests.tokenizers.common import ANY_TEXT, tokenizer

pytestmark = pytest.mark.backend_free


def offsets_of(text, **options):
    return tokenizer(**options).tokenize_with_offsets(text)[1]


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT, st.data())
def test_what_aligns_comes_back_whatever_the_text(text, data):
    offsets = offsets_of(text)
    ends = st.integers(0, len(text))
    spans = data.draw(st.lists(st.tuples(ends, ends, st.sampled_from("XY"))))
    spans = [(start, end, label) for start, end, label in spans if start < end]
    kept = []
    for span in spans:
        try:
            kept.append((span, *token_spans(text, [span], offsets)))
        except ValueError as error:
            assert str(span) in str(error)
    assert text_spans(text, [found for _, found in kept], offsets) == [span for span, _ in kept]
    skipped = token_spans(text, spans, offsets, errors="skip")
    assert skipped == [found for _, found in kept]


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT, st.data())
def test_any_run_of_tokens_with_ends_of_its_own_is_a_span_of_the_text(text, data):
    offsets = offsets_of(text)
    first = data.draw(st.integers(0, len(offsets) - 1))
    after = data.draw(st.integers(first + 1, len(offsets)))
    spans = text_spans(text, [(first, after, "X")], offsets)
    for start, end, _ in spans:
        assert 0 <= start < end <= len(text)
        again = token_spans(text, spans, offsets)
        assert text_spans(text, again, offsets) == spans


@pytest.mark.parametrize(
    "text, surface",
    [
        ("我在CAFE等", "CAFE"),  # lower case
        ("我在ＢＢＣ等", "ＢＢＣ"),  # full width
        ("我在Café等", "Café"),  # an accent that is stripped
        ("我在Cafe\u0301 等", "Cafe\u0301"),  # and one that is a character of its own
        ("看❤\ufe0f了", "❤\ufe0f"),  # a variation selector
        ("看👨\u200d👩\u200d👧 了", "👨\u200d👩\u200d👧"),  # joined emoji
        ("看👍🏽 了", "👍🏽"),  # a tone of skin
        ("第１２３号", "１２３"),
        ("在İ等", "İ"),  # lower case is two characters
        ("在각 等", "각"),  # several tokens of one character
        ("我\u200b们", "我\u200b"),  # something invisible
    ],
)
def test_spans_survive_what_tokens_lose(text, surface):
    start = text.index(surface)
    span = (start, start + len(surface), "X")
    for lower in (True, False):
        offsets = offsets_of(text, do_lower_case=lower)
        found = token_spans(text, [span], offsets)
        assert len(found) == 1 and text_spans(text, found, offsets) == [span]


def test_spans_may_overlap_and_nest():
    text = "北京大学医院"
    spans = [(0, 6, "ORG"), (0, 2, "LOC"), (2, 6, "ORG"), (0, 4, "ORG")]
    offsets = offsets_of(text)
    found = token_spans(text, spans, offsets)
    assert found == [(start + 1, end + 1, label) for start, end, label in spans]  # after [CLS]
    assert text_spans(text, found, offsets) == spans


@pytest.mark.parametrize(
    "span, match",
    [
        (
            (0, 3, "X"),
            r"end where a token does.*\(0, 3, 'X'\), which ends within the token \(2, 6\)",
        ),
        ((4, 6, "X"), r"begins within the token \(2, 6\), '我们NA' . 'SA 好'"),
        ((6, 8, "X"), "begins between tokens at 6"),
        ((2, 7, "X"), "ends between tokens at 7"),
    ],
)
def test_a_span_that_cuts_a_token_is_named_with_its_place(span, match):
    text = "我们NASA 好"
    offsets = [(0, 0), (0, 1), (1, 2), (2, 6), (7, 8), (8, 8)]
    with pytest.raises(ValueError, match=match):
        token_spans(text, [(0, 2, "Y"), span], offsets)
    assert token_spans(text, [(0, 2, "Y"), span], offsets, errors="skip") == [(1, 3, "Y")]


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda: token_spans("我们", [(0, 3, "X")], [(0, 1), (1, 2)]), "within the 2 characters"),
        (lambda: token_spans("我们", [(1, 1, "X")], [(0, 1), (1, 2)]), "at least one"),
        (lambda: token_spans("", [(0, 1, "X")], []), "within the 0 characters"),
        (lambda: token_spans("我们", [], [], errors="ignore"), "`errors` must be"),
        (lambda: text_spans("我们", [(0, 3, "X")], [(0, 1), (1, 2)]), "within the 2 tokens"),
    ],
)
def test_spans_outside_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_special_tokens_are_of_no_span():
    text, offsets = "我们", [(0, 0), (0, 1), (1, 2), (2, 2)]
    assert text_spans(text, [(0, 4, "X"), (0, 1, "Y")], offsets) == [(0, 2, "X")]
    assert token_spans(text, [(0, 2, "X")], offsets) == [(1, 3, "X")]


def test_the_entities_of_generated_sentences_align():
    for text, spans in generate_entities(300):
        found = token_spans(text, tags_to_spans(spans_to_tags(spans, len(text))), offsets_of(text))
        assert text_spans(text, found, offsets_of(text)) == list(spans)
