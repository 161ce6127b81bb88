import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.tokenizers.characters import CharacterTable, is_special, normalize, stem
from tests.tokenizers.common import ANY_TEXT, GOLDEN, corpus, tokenizer

pytestmark = pytest.mark.backend_free
PRE_TOKENIZE = st.sampled_from([None, list, lambda s: [s], lambda s: s.split(" ")])
TABLE = CharacterTable(lower=True, spaced=False)


def test_an_empty_text_has_empty_intervals():
    assert tokenizer().tokenize_with_offsets("") == (["[CLS]", "[SEP]"], [(0, 0), (0, 0)])
    assert tokenizer().rematch("", ["[CLS]", "[SEP]"]) == [[], []]


@settings(max_examples=400, deadline=None)
@given(ANY_TEXT, PRE_TOKENIZE, st.booleans(), st.none() | st.integers(2, 12))
def test_offsets_come_with_the_tokens_and_never_go_back(text, pre_tokenize, special, maxlen):
    t = tokenizer(pre_tokenize=pre_tokenize, encode_special_tokens=special)
    tokens, offsets = t.tokenize_with_offsets(text, maxlen)
    assert tokens == t.tokenize(text, maxlen)
    assert offsets[0] == (0, 0) and offsets[-1] == (len(text), len(text))
    for (start, end), (next_start, next_end) in zip(offsets, offsets[1:]):
        assert 0 <= start <= next_start and end <= next_end <= len(text)
    assert all(start < end for start, end in offsets[1:-1])


@settings(max_examples=400, deadline=None)
@given(ANY_TEXT)
def test_the_normalised_slice_is_the_token(text):
    tokens, offsets = tokenizer().tokenize_with_offsets(text)
    for i in range(1, len(tokens) - 1):
        (start, end), token = offsets[i], stem(tokens[i])
        surface = normalize(text[start:end], TABLE)
        shared = offsets[i - 1][1] > start or offsets[i + 1][0] < end
        if not shared:  # a Hangul syllable may be spelt by several pieces, marks may change places
            assert sorted(surface) == sorted(token)
        if "\u302e" not in text and "\u302f" not in text:
            assert surface == token or shared and token in surface


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT, PRE_TOKENIZE, st.integers(2, 12))
def test_rematch_agrees_with_offsets_for_tokens_cut_or_not(text, pre_tokenize, maxlen):
    t = tokenizer(pre_tokenize=pre_tokenize)
    for n in (None, maxlen):
        tokens, offsets = t.tokenize_with_offsets(text, n)
        mapping = t.rematch(text, tokens)
        assert [(m[0], m[-1] + 1) if m else None for m in mapping] == [
            None if is_special(token) else span for token, span in zip(tokens, offsets)
        ]


@pytest.mark.parametrize("text", GOLDEN["texts"][:90])
def test_tokens_of_ids_are_matched_too(text):
    t = tokenizer()
    ids = t.encode(text)[0]
    tokens = t.ids_to_tokens(ids)
    expected = t.rematch(text, t.tokenize(text))
    assert t.rematch(text, tokens) == [[] if is_special(a) else b for a, b in zip(tokens, expected)]


def test_offsets_point_into_the_original_text():
    text = "  Cafe\u0301，İ 我\u200b們각"
    t = tokenizer()
    tokens, offsets = t.tokenize_with_offsets(text)
    surfaces = [text[start:end] for start, end in offsets]
    assert dict(zip(tokens, surfaces))["cafe"] == "Cafe"
    assert dict(zip(tokens, surfaces))["i"] == "İ"
    assert surfaces[-4:-1] == ["我", "們", "각"][-3:] or "각" in surfaces


def test_rematch_finds_tokens_that_skip_some():
    assert tokenizer().rematch("我们在北京", ["[CLS]", "我", "北", "[SEP]"]) == [[], [0], [3], []]


def test_rematch_knows_which_of_two_equal_tokens_was_cut():
    text, t = "我们看我们 zzz 我", tokenizer()
    tokens = t.tokenize(text)
    for cut in (tokens[:4] + tokens[-1:], tokens[:1] + tokens[-4:]):
        whole = t.rematch(text, tokens)
        assert t.rematch(text, cut) == (
            whole[:4] + [[]] if cut[1:4] == tokens[1:4] else [[]] + whole[-4:]
        )


def test_rematch_refuses_tokens_of_another_text():
    with pytest.raises(ValueError, match="'京' not found"):
        tokenizer().rematch("我们", ["京"])


def test_a_pre_tokenize_that_changes_the_text_has_no_offsets():
    t = tokenizer(pre_tokenize=lambda text: ["别的"])
    assert len(t.tokenize("我们")) == 4
    with pytest.raises(ValueError, match="must keep the text"):
        t.tokenize_with_offsets("我们")


def test_offsets_on_texts_without_combining_marks():
    texts = corpus("entities") + corpus("dialogues")
    for text in (text for text in texts if "\u0301" not in text):
        tokens, offsets = tokenizer().tokenize_with_offsets(text)
        for token, (start, end) in list(zip(tokens, offsets))[1:-1]:
            assert normalize(text[start:end], TABLE) == stem(token)
