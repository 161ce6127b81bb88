"""Text ends before a stop string, and no part of one is sent too early."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasx.serve.stop_text import StopText

pytestmark = pytest.mark.backend_free


class Letters:
    """A tokenizer whose ids are code points."""

    vocab_size = 1 << 20

    def decode(self, ids):
        return "".join(map(chr, ids))

    def id_to_token(self, i):
        return chr(i)


def written(text, stops, most=99, ends=True):
    """Return (the parts that come token by token, the `StopText`)."""
    stream = StopText(Letters(), stops, most)
    return [stream.push(i) for i in (*map(ord, text), *([-1] if ends else []))], stream


@pytest.mark.parametrize(
    "text, stops, expected, reason",
    [
        ("abcabd", ["abd"], "abc", "stop"),
        ("abcab", ["abd"], "abcab", "stop"),
        ("aab", ["ab"], "a", "stop"),
        ("abc", ["bc", "b"], "a", "stop"),
        ("你好。再见", ["。"], "你好", "stop"),
        ("abc", [], "abc", "stop"),
        ("x", ["x"], "", "stop"),
    ],
)
def test_a_stop_string_ends_the_text_before_it(text, stops, expected, reason):
    parts, stream = written(text, stops)
    assert "".join(parts) == expected and stream.reason == reason


def test_the_tokens_up_to_the_end_are_counted():
    assert written("abcdef", ["cd"])[1].tokens == 4
    parts, stream = written("abcdef", ["xy"], most=3)
    assert ("".join(parts), stream.reason, stream.tokens) == ("abc", "length", 3)
    parts, stream = written("abx", ["xy"], most=3)
    assert ("".join(parts), stream.reason) == ("abx", "length"), "what was held back is text"


@given(st.text("abc", max_size=20), st.lists(st.text("abc", min_size=1, max_size=4), max_size=3))
def test_parts_are_the_text_cut_at_the_first_stop_that_is_complete(text, stops):
    parts, _ = written(text, stops)
    ends = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    first = min(ends)[0] if ends else None
    cut = min(begin for end, begin in ends if end == first) if ends else None
    assert "".join(parts) == text[:cut]
    assert all(not any(stop in "".join(parts[:i]) for stop in stops) for i in range(len(parts)))
