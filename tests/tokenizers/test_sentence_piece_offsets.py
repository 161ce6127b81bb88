"""Offsets of SentencePiece's pieces are their places in the text."""

import pytest
from hypothesis import example, given, settings

from kerasx.spans import text_spans, token_spans
from kerasx.tokenizers import SpTokenizer
from tests.tokenizers.common import ANY_TEXT
from tests.tokenizers.test_trimming import TEXTS, model  # noqa: F401

pytestmark = pytest.mark.backend_free


@pytest.fixture(scope="module")
def tokenizer(model):  # noqa: F811
    return SpTokenizer(model)


def test_tokens_are_those_of_tokenize_and_the_end_has_no_place(tokenizer):
    for text in ["", " ", *TEXTS]:
        tokens, offsets = tokenizer.tokenize_with_offsets(text)
        assert tokens == tokenizer.tokenize(text) and len(offsets) == len(tokens)
        assert offsets[-1] == (len(text), len(text))
    short = tokenizer.tokenize_with_offsets(TEXTS[0], maxlen=3)
    assert short[0] == tokenizer.tokenize(TEXTS[0], maxlen=3) and len(short[1]) == 3


def test_the_bytes_of_a_character_share_its_place(tokenizer):
    text = "今天 😀了"
    tokens, offsets = tokenizer.tokenize_with_offsets(text)
    assert [o for t, o in zip(tokens, offsets) if t.startswith("<0x")][:4] == [(3, 4)] * 4
    (found,) = token_spans(text, [(3, 4, "FACE")], offsets)
    assert tokens[found[0] : found[1]] == ["<0xF0>", "<0x9F>", "<0x98>", "<0x80>"]
    assert text_spans(text, [found], offsets) == [(3, 4, "FACE")]


def test_a_full_width_form_is_where_it_stands(tokenizer):
    _, offsets = tokenizer.tokenize_with_offsets("天天Ａ")
    assert offsets[-2] == (2, 3)


@settings(max_examples=100, deadline=None)
@given(text=ANY_TEXT)
@example("  a  b ")
@example("\x85")
@example("e\u0301\u0301x")
@example("\ud800天")
def test_offsets_never_decrease_and_leave_out_white_space_alone(tokenizer, text):
    tokens, offsets = tokenizer.tokenize_with_offsets(text)
    assert tokens == tokenizer.tokenize(text)
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    assert [s for s, _ in offsets] == sorted(s for s, _ in offsets)
    assert [e for _, e in offsets] == sorted(e for _, e in offsets)
    covered = {i for start, end in offsets for i in range(start, end)}
    normal = tokenizer.sp_model.normalize
    for i in set(range(len(text))) - covered:
        lone = "\ufffd" if "\ud800" <= text[i] <= "\udfff" else text[i]
        assert not normal(lone).strip("\u2581 "), (i, text[i])


@pytest.mark.parametrize(
    "text, spans",
    [
        ("天㎡天", [(0, 1), (1, 2), (2, 3)]),
        ("天ﬁ", [(0, 1), (1, 2)]),
        ("天 \x01 天", [(0, 1), (4, 5)]),
        ("\x01天\x01", [(1, 2)]),
    ],
)
def test_spelled_out_and_deleted_characters(tokenizer, text, spans):
    found, offsets = tokenizer.tokenize_with_offsets(text)
    seen = [offset for token, offset in zip(found[:-1], offsets) if token.strip("▁")]
    assert list(dict.fromkeys(seen)) == list(dict.fromkeys(spans)), (found, offsets)


@settings(max_examples=100, deadline=None)
@given(text=ANY_TEXT)
@example("90㎡的")
@example("ﷺ½①ﬁ")
def test_a_piece_of_text_has_a_place(tokenizer, text):
    tokens, offsets = tokenizer.tokenize_with_offsets(text)
    for token, (start, end) in zip(tokens[:-1], offsets):
        assert start < end or not token.strip("▁"), (token, start)


def test_places_in_a_text_whose_case_and_accents_are_gone(model):  # noqa: F811
    plain = SpTokenizer(model, do_lower_case=True, keep_accents=False)
    text = "e\u0301 ``天Ａ'' ﬁ"
    tokens, offsets = plain.tokenize_with_offsets(text)
    assert tokens == plain.tokenize(text) == SpTokenizer(model).tokenize('e "天a" fi')
    assert [s for s, _ in offsets] == sorted(s for s, _ in offsets)
    covered = "".join(text[start:end] for start, end in dict.fromkeys(offsets))
    assert covered == "e``天Ａ''ﬁ"


def test_words_of_a_function_have_no_offsets(model):  # noqa: F811
    with pytest.raises(ValueError, match="`pre_tokenize` must be None for offsets"):
        SpTokenizer(model, pre_tokenize=list).tokenize_with_offsets("天天")
