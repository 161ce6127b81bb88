import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.text import (
    convert_to_unicode,
    longest_common_subsequence,
    longest_common_substring,
    lowercase_and_normalize,
    string_matching,
    strQ2B,
    text_segmentate,
)

pytestmark = pytest.mark.backend_free
words = st.text("abc", max_size=12)


def test_every_full_width_character_becomes_its_half_width_one():
    full = "".join(map(chr, range(0xFF01, 0xFF5F))) + "\u3000"
    assert strQ2B(full) == "".join(map(chr, range(0x21, 0x7F))) + " "
    assert strQ2B("中a。") == "中a。"


def test_keywords_are_regular_expressions():
    assert string_matching("第12章", [r"\d+章"])
    assert not string_matching("第12章", [])


def test_bytes_that_do_not_decode_are_left_out():
    assert convert_to_unicode(b"a\xff") == "a"
    assert convert_to_unicode("a") == "a"


def test_normal_form_is_lower_case_without_marks():
    assert lowercase_and_normalize("Ünïcode ÅÉ") == "unicode ae"
    assert lowercase_and_normalize("") == ""


def test_a_short_text_is_one_piece():
    assert text_segmentate(" a,b ", 10, ",") == ["a,b"]
    assert text_segmentate("", 10) == [""]


def test_pieces_are_stripped_and_cut_at_later_separators_if_need_be():
    assert text_segmentate("aa,bb,cc.dd", 6, ".,", ".,") == ["aa,bb", "cc", "dd"]


def test_a_piece_without_separators_stays_whole():
    assert text_segmentate("a" * 20, 5, "。，") == ["a" * 20]


@settings(max_examples=200, deadline=None)
@given(st.text("ab,.", max_size=40), st.integers(1, 20))
def test_no_character_is_lost_between_pieces(text, maxlen):
    assert "".join(text_segmentate(text, maxlen, ".,")) == text


@settings(max_examples=200, deadline=None)
@given(st.text("ab.", max_size=40).filter(lambda text: ".." not in text), st.integers(8, 20))
def test_pieces_fit_unless_a_part_alone_does_not(text, maxlen):
    for piece in text_segmentate(text, maxlen, "."):
        assert len(piece) <= maxlen or max(map(len, piece.split("."))) >= maxlen - 1


@settings(max_examples=200, deadline=None)
@given(words, words)
def test_no_common_slice_is_longer_than_the_longest(source, target):
    length, (i, j, k, l) = longest_common_substring(source, target)
    assert source[i:j] == target[k:l] and j - i == length
    assert not any(source[n : n + length + 1] in target for n in range(len(source) - length))


def subsequences(text):
    found = {""}
    for character in text:
        found |= {s + character for s in found}
    return found


@settings(max_examples=100, deadline=None)
@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_no_common_subsequence_is_longer_than_the_longest(source, target):
    length, pairs = longest_common_subsequence(source, target)
    assert length == len(pairs) == max(map(len, subsequences(source) & subsequences(target)))
    assert all(source[i] == target[j] for i, j in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in zip(pairs, pairs[1:]))
