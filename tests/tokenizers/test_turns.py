"""Turns of a dialogue as ids: whole turns, alternating segments, and room for a reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasx.tokenizers import (
    Tokenizer,
    character_vocab,
    encode_dialogue,
    encode_prompt,
    load_tokenizer,
)
from tests.tokenizers.folders import make_folder

pytestmark = pytest.mark.backend_free
TOKENIZER = Tokenizer(character_vocab(["你好吗在哪里"]))
CLS, SEP = TOKENIZER.start_id, TOKENIZER.end_id
TURNS = st.lists(st.text("你好吗", min_size=1, max_size=6), min_size=1, max_size=6)


def test_turns_alternate_between_the_segments():
    ids, segments = encode_dialogue(TOKENIZER, ["你", "好", "吗吗", "在"])
    assert ids[0] == CLS and [i for i in ids if i == SEP] == [SEP] * 4
    assert segments == [0, 0, 0, 1, 1, 0, 0, 0, 1, 1]


@given(TURNS, st.integers(2, 40))
def test_a_dialogue_is_cut_between_turns_as_late_as_possible(turns, maxlen):
    ids, segments = encode_dialogue(TOKENIZER, turns, maxlen)
    whole, all_segments = encode_dialogue(TOKENIZER, turns, 1000)
    kept = ids.count(SEP)
    assert len(ids) == len(segments) <= maxlen
    assert (ids, segments) == (whole[: len(ids)], all_segments[: len(ids)])
    assert ids == [] or ids[-1] == SEP
    if kept < len(turns):
        assert max(len(ids), 1) + len(turns[kept]) + 1 > maxlen


@given(TURNS, st.integers(2, 40))
def test_a_prompt_is_the_dialogue_of_the_last_turns_that_fit(turns, maxlen):
    ids, segments = encode_prompt(TOKENIZER, turns, maxlen)
    kept = ids.count(SEP)
    assert len(ids) == len(segments) <= maxlen and ids[-1] == SEP
    if len(turns[-1]) + 2 > maxlen:  # its end
        assert ids == [CLS, *TOKENIZER.encode(turns[-1])[0][1 - maxlen :]] and not any(segments)
    else:
        assert (ids, segments) == encode_dialogue(TOKENIZER, turns[-kept:], maxlen)
        rest = turns[: len(turns) - kept]
        assert not rest or len(ids) + len(rest[-1]) + 1 > maxlen


def test_a_tokenizer_without_a_start_gives_turns_alone():
    tokenizer = Tokenizer(TOKENIZER.token_dict, token_start=None)
    ids, segments = encode_dialogue(tokenizer, ["你", "好"])
    assert (ids[1::2], segments) == ([SEP, SEP], [0, 0, 1, 1])


@pytest.mark.parametrize("name", ["gpt2", "llama", "roberta", "t5"])
def test_turns_end_in_every_family(name, tmp_path):
    tokenizer = load_tokenizer(make_folder(name, tmp_path / name))
    ids, segments = encode_dialogue(tokenizer, ["你好", "hello"])
    start = [] if tokenizer.start_id is None else [tokenizer.start_id]
    assert ids[: len(start)] == start and ids[-1] == tokenizer.end_id
    assert ids.count(tokenizer.end_id) == 2 + (tokenizer.end_id in start)
    assert tokenizer.decode(ids[: segments.index(1)]).strip() == "你好"
    assert encode_prompt(tokenizer, ["你好", "hello"]) == (ids, segments)


@pytest.mark.parametrize("encode", [encode_dialogue, encode_prompt])
@pytest.mark.parametrize("arguments", [([],), ("你好",), (["你"], 1), (["你"], None)])
def test_no_turns_or_no_room_are_refused(encode, arguments):
    with pytest.raises(ValueError, match="`(turns|maxlen)` must be"):
        encode(TOKENIZER, *arguments)


def test_a_tokenizer_without_an_end_is_refused():
    with pytest.raises(ValueError, match="end_id"):
        encode_prompt(Tokenizer(TOKENIZER.token_dict, token_end=None), ["你"])
