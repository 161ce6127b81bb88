import pickle
import re
import sys
import tracemalloc

import numpy as np
import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.tokenizers import Tokenizer, jieba_cut, save_vocab
from kerasx.tokenizers.base import balanced_lengths, shorten
from kerasx.tokenizers.characters import CharacterTable, is_cjk_character, is_punctuation
from kerasx.tokenizers.wordpiece import _ALONE, _Cache
from tests.tokenizers.common import ANY_TEXT, CODES, GOLDEN, TOKEN_DICT, tokenizer

pytestmark = pytest.mark.backend_free
CLS, SEP, UNK = (TOKEN_DICT[t] for t in ("[CLS]", "[SEP]", "[UNK]"))


def test_an_empty_text_is_its_special_tokens():
    assert tokenizer().encode("") == ([CLS, SEP], [0, 0])
    assert tokenizer().encode("", "") == ([CLS, SEP, SEP], [0, 0, 1])
    assert tokenizer(token_start=None, token_end=None).encode("") == ([], [])
    assert tokenizer().encode_batch([]) == ([], [])


@pytest.mark.parametrize("name", ["lower", "cased", "lower_special", "cased_special"])
def test_golden_ids(name):
    options = {"do_lower_case": "lower" in name, "encode_special_tokens": "special" in name}
    encode = tokenizer(word_maxlen=100, **options).encode
    assert [encode(text)[0] for text in GOLDEN["texts"]] == GOLDEN[name]


@pytest.mark.parametrize("lower", [True, False])
def test_every_code_point_encodes_to_ids_of_the_vocabulary(lower):
    encode = tokenizer(do_lower_case=lower).encode
    for code in CODES:
        ids = encode(f"我{chr(code)}a")[0]
        assert len(ids) >= 4 and ids[0] == CLS and ids[-1] == SEP and max(ids) < len(TOKEN_DICT)


PAIRS = (ANY_TEXT, ANY_TEXT, st.none() | st.integers(3, 40), st.booleans())


@settings(max_examples=400, deadline=None)
@given(*PAIRS)
def test_no_string_raises_and_ids_agree_with_tokens(first, second, maxlen, special):
    check_that_ids_agree_with_tokens(first, second, maxlen, special)


@pytest.mark.slow("10,000 pairs of strings")
@settings(max_examples=10_000, deadline=None)
@given(*PAIRS)
def test_none_of_ten_thousand_strings_raises(first, second, maxlen, special):
    check_that_ids_agree_with_tokens(first, second, maxlen, special)


def check_that_ids_agree_with_tokens(first, second, maxlen, special):
    t = tokenizer(encode_special_tokens=special)
    ids, segments = t.encode(first, second, maxlen)
    assert len(ids) == len(segments) and len(ids) <= (maxlen or len(ids))
    assert set(ids) <= set(range(t.vocab_size))
    assert t.encode(first, maxlen=maxlen)[0] == t.tokens_to_ids(t.tokenize(first, maxlen))
    assert t.encode_batch([first, second], maxlen)[0] == [
        t.encode(text, maxlen=maxlen)[0] for text in (first, second)
    ]
    assert isinstance(t.decode(ids), str)


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT, ANY_TEXT, st.integers(4, 30), st.sampled_from(["right", "left", 2, -3]))
def test_truncation_drops_one_token_at_a_time_from_the_longer(first, second, maxlen, side):
    t = tokenizer()
    for pattern in ("S*E*E", "S*ES*E"):
        a, b = t.tokenize(first), t.tokenize(second)
        index = {"right": -2, "left": 1}.get(side, side)
        shared = pattern == "S*E*E"
        while len(a) + len(b) > maxlen + shared:
            longer = a if len(a) >= len(b) else b
            longer.pop(index if -len(longer) <= index < len(longer) else -1 if index > 0 else 0)
        b = b[shared:]
        expected = (t.tokens_to_ids(a + b), [0] * len(a) + [1] * len(b))
        assert t.encode(first, second, maxlen, pattern, side) == expected


def test_tokens_may_be_given_instead_of_texts_and_stay_as_they_are():
    t = tokenizer()
    first, second = t.tokenize("我们在北京"), t.tokenize("看书")
    expected = t.encode("我们在北京", "看书", maxlen=7)
    assert t.encode(first, second, maxlen=7) == expected
    assert (first, second) == (t.tokenize("我们在北京"), t.tokenize("看书"))


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60))
def test_balanced_lengths_equal_dropping_one_by_one(n, m, total):
    a, b = n, m
    while a + b > total:
        a, b = (a - 1, b) if a >= b else (a, b - 1)
    assert balanced_lengths(n, m, total) == (a, b)


def test_shorten_never_gives_more_or_less_than_asked():
    items = list(range(6))
    for index in range(-8, 9):
        assert [len(shorten(items, n, index)) for n in range(8)] == [0, 1, 2, 3, 4, 5, 6, 6]


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"maxlen": 1}, "at least 2"),
        ({"maxlen": 2.5}, "at least 2"),
        ({"second_text": "a", "maxlen": 2}, "at least 3"),
        ({"pattern": "S*E"}, "pattern"),
        ({"truncate_from": "middle"}, "truncate_from"),
        ({"second_text": 3}, "`text` must be a str"),
    ],
)
def test_bad_arguments_are_named(arguments, match):
    with pytest.raises(ValueError, match=match):
        tokenizer().encode("我们", **arguments)


@pytest.mark.parametrize("text", [None, b"a", 3])
def test_what_is_no_string_is_refused(text):
    for method in (
        tokenizer().encode,
        tokenizer().tokenize,
        lambda x: tokenizer().encode_batch([x]),
    ):
        with pytest.raises(ValueError, match="must be a str"):
            method(text)


def test_special_tokens_typed_by_users_are_text():
    text = "[CLS] a [MASK][SEP] [PAD] [UNK] ##ing"
    for pre_tokenize in (None, str.split, lambda s: [s]):
        ids = tokenizer(do_lower_case=False, pre_tokenize=pre_tokenize).encode(text)[0][1:-1]
        special = {TOKEN_DICT[t] for t in ("[CLS]", "[MASK]", "[SEP]", "[PAD]", "##ing")}
        assert not special & set(ids)


def test_special_tokens_in_a_text_count_when_asked():
    for pre_tokenize in (None, list):
        t = tokenizer(encode_special_tokens=True, pre_tokenize=pre_tokenize)
        assert t.tokenize("我[MASK]们[mask]")[:4] == ["[CLS]", "我", "[MASK]", "们"]
        assert t.tokenize("[mask]")[1] == "["


MARKED = {**TOKEN_DICT, "[unused1]": 126, "[E1]": 127, "[/E1]": 128, "[E10]": 129}
MARKERS = ["[unused1]", "[E1]", "[/E1]", "[E10]"]


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("pre_tokenize", [None, list, jieba_cut])
def test_markers_that_are_named_stay_whole(lower, pre_tokenize):
    options = {"additional_special_tokens": MARKERS, "pre_tokenize": pre_tokenize}
    t = Tokenizer(MARKED, lower, **options)
    text = "我[E1]们[/E1]在[unused1][E10] a[MASK]"
    tokens = ["我", "[E1]", "们", "[/E1]", "在", "[unused1]", "[E10]", "a"]
    assert t.tokenize(text)[1:9] == tokens and t.tokenize(text)[9] == "["
    assert t.encode(text)[0][1:9] == [MARKED[token] for token in tokens]
    assert t.encode(text, maxlen=5)[0] == t.tokens_to_ids(t.tokenize(text)[:4] + ["[SEP]"])
    found, offsets = t.tokenize_with_offsets(text)
    assert [text[a:b] for a, b in offsets[1:9]] == found[1:9]
    assert t.tokenize("[e1]")[1] == "["
    both = Tokenizer(MARKED, lower, encode_special_tokens=True, **options)
    assert both.tokenize(text)[1:-1] == [*tokens, "[MASK]"]
    assert pickle.loads(pickle.dumps(t)).tokenize(text) == t.tokenize(text)  # noqa: S301


@pytest.mark.parametrize("lower", [True, False])
def test_markers_have_the_ids_of_transformers(lower, tmp_path):
    save_vocab(tmp_path / "vocab.txt", MARKED)
    theirs = transformers.BertTokenizer(
        str(tmp_path / "vocab.txt"), do_lower_case=lower, additional_special_tokens=MARKERS
    )
    ours = Tokenizer(MARKED, lower, additional_special_tokens=MARKERS, encode_special_tokens=True)
    for text in ("我[E1]说", "[E1]a[/E1] [E10]x", "[[E1]]", "play[unused1]ing", "[E1"):
        assert ours.encode(text)[0] == theirs.encode(text)


def test_markers_must_be_in_the_vocabulary():
    with pytest.raises(ValueError, match=r"missing=\['\[E2\]'\]"):
        Tokenizer(MARKED, additional_special_tokens=["[E1]", "[E2]"])
    with pytest.raises(ValueError, match="must be a list of str"):
        Tokenizer(MARKED, additional_special_tokens="[E1]")


def test_decoding_keeps_markers_and_where_asked_all_special_tokens():
    t = Tokenizer(MARKED, True, additional_special_tokens=MARKERS)
    ids = t.encode("我[E1]们[/E1]play [E10] a")[0]
    assert t.decode(ids) == "我[E1]们[/E1] play [E10] a"
    assert t.decode(ids, skip_special_tokens=False) == "[CLS]我[E1]们[/E1] play [E10] a [SEP]"
    assert t.decode([UNK, MARKED["[MASK]"], MARKED["[PAD]"]]) == ""
    assert t.decode([UNK, MARKED["[MASK]"]], skip_special_tokens=False) == "[UNK] [MASK]"


def test_ids_beyond_the_vocabulary_are_passed_over_and_arrays_are_read(caplog):
    import torch  # here, since importing this file must load no backend

    t = tokenizer()
    ids = t.encode("我们playing")[0]
    arrays = np.array(ids), torch.tensor(ids), list(map(np.int32, ids)), list(torch.tensor(ids))
    assert [t.decode(array) for array in arrays] == ["我们playing"] * 4
    assert t.decode([*ids[:2], len(TOKEN_DICT), 10**12, -1, *ids[2:]]) == "我们playing"
    assert caplog.records == []
    with pytest.raises(ValueError, match="sequence of integers"):
        t.decode(["a"])


def test_special_ids_and_sizes_have_their_bert4keras_names():
    t = tokenizer()
    for name in ("pad", "unk", "mask", "start", "end"):
        assert TOKEN_DICT[getattr(t, f"_token_{name}")] == getattr(t, f"_token_{name}_id")
        assert getattr(t, f"{name}_id") == getattr(t, f"_token_{name}_id")
    assert t.vocab_size == t._vocab_size == len(TOKEN_DICT)
    assert t.token_dict == TOKEN_DICT
    assert (t.stem("##ing"), t.stem("ing"), t.stem("##")) == ("ing", "ing", "")


def test_a_special_token_may_be_absent_until_it_is_needed(caplog):
    t = Tokenizer({"[CLS]": 0, "[SEP]": 1, "a": 2})
    assert t.encode("a")[0] == [0, 2, 1]
    with pytest.raises(ValueError, match="must hold .UNK. or all tokens .*token='b'"):
        t.encode("a b")
    t._token_unk_id = 2
    assert t.encode("a b")[0] == [0, 2, 2, 1] and not caplog.records
    t = Tokenizer({"[UNK]": 0, "a": 1})
    assert t.encode("a")[0] == [0, 1, 0] and t.tokenize("a") == ["[CLS]", "a", "[SEP]"]
    assert t.encode_batch(["a"])[0] == [[0, 1, 0]]
    assert caplog.text.count("lacks '[CLS]', '[SEP]': the id of [UNK] takes its place") == 1


def test_special_tokens_set_later_count_for_words_already_seen():
    t = tokenizer()
    ids = t.encode("zzz 我")[0]
    t._token_unk_id = 7
    assert t.encode("zzz 我")[0] == [ids[0], 7, *ids[2:]]
    t._token_start, t._token_end = None, "[MASK]"
    assert t.encode("我")[0] == [ids[2], TOKEN_DICT["[MASK]"]] and t.start_id is None
    t._token_translate = {"我": "play"}
    assert t.encode("我")[0][0] == TOKEN_DICT["play"]


def test_a_bare_tokenizer_has_no_special_ids():
    bare = Tokenizer({"[UNK]": 0}, token_start=None, token_end=None)
    assert [bare.start_id, bare.end_id, bare.pad_id, bare.mask_id] == [None] * 4
    assert bare.unk_id == 0 and bare.vocab_size == 1


def test_the_special_ids_are_read_only():
    for name in ("start_id", "end_id", "pad_id", "mask_id", "unk_id", "vocab_size"):
        with pytest.raises(AttributeError):
            setattr(tokenizer(), name, 0)


def test_an_unknown_word_is_one_token_and_one_id():
    t = tokenizer(word_maxlen=5)
    assert t.tokenize("zzz 我 playing play")[1:-1] == ["zzz", "我", "playing", "play"]
    assert t.encode("zzz 我 playing play")[0][1:-1] == [
        UNK,
        TOKEN_DICT["我"],
        UNK,
        TOKEN_DICT["play"],
    ]


def test_tokens_are_translated():
    t = tokenizer(token_translate={"我": "们", "zzz": "我"})
    assert t.tokenize("我zzz")[1:-1] == ["们", "我"]
    assert t.encode("我zzz")[0] == t.tokens_to_ids(t.tokenize("我zzz"))
    assert t.rematch("我zzz", t.tokenize("我zzz")) == [[], [0], [1, 2, 3], []]


def test_ids_and_tokens_invert_each_other():
    t = tokenizer()
    assert t.tokens_to_ids(t.ids_to_tokens(range(t.vocab_size))) == list(range(t.vocab_size))
    for i in (-1, t.vocab_size):
        with pytest.raises(ValueError, match="must be an id"):
            t.id_to_token(i)


@pytest.mark.parametrize(
    "tokens, text",
    [
        ([], ""),
        (["[CLS]", "[SEP]"], ""),
        (["##ing"], "ing"),
        (["[CLS]", "我", "们", "，", "在", "北京", "。", "[SEP]"], "我们，在北京。"),
        (["play", "##ing", "3", ".", "14"], "playing 3.14"),
        (["it", "'", "s", "a", "cat"], "it's a cat"),
        (["我", "love", "北", "京"], "我love北京"),
        (["yes", ",", "(", "no", ")", "!"], "yes, (no)!"),
        (["《", "看", "书", "》", "ok", "-", "ok"], "《看书》ok-ok"),
    ],
)
def test_decoding_gives_readable_text(tokens, text):
    assert tokenizer().decode(None, tokens=tokens) == text


def test_decoding_ids_gives_back_chinese():
    t = tokenizer()
    assert t.decode(t.encode("我们在北京看书，playing。")[0]) == "我们在北京看书，playing。"


def test_pickling_keeps_ids_and_leaves_caches_behind():
    t = tokenizer(pre_tokenize=str.split, token_translate={"我": "们"})
    before = len(pickle.dumps(t))
    texts = GOLDEN["texts"]
    expected = t.encode_batch(texts)
    data = pickle.dumps(t)
    assert len(data) == before < 40 * len(TOKEN_DICT) + 2000
    assert pickle.loads(data).encode_batch(texts) == expected  # noqa: S301


def test_the_word_cache_is_bounded_and_skips_long_words(monkeypatch):
    monkeypatch.setattr("kerasx.tokenizers.wordpiece._CACHE_LIMIT", 3)
    cache = _Cache(len)
    assert [cache[w] for w in ("a", "bb", "ccc", "dd", "bb", "x" * 65)] == [1, 2, 3, 2, 2, 65]
    assert len(cache) <= 3 and "x" * 65 not in cache


@pytest.mark.parametrize("unit", ["我们，", "a", "ab ", "\u302ea", "x" * 120 + " "])
def test_with_maxlen_only_the_needed_part_of_a_long_text_is_looked_at(unit):
    text = unit * (200000 // len(unit))
    t = tokenizer()
    full = t.encode(text)[0]
    for side, index in (("right", -2), ("left", 1)):
        assert t.encode(text, maxlen=20, truncate_from=side)[0] == shorten(full, 20, index)


def test_characters_of_the_fast_path_stand_alone():
    chars = [chr(code) for code in CODES if re.match(f"[{_ALONE}]", chr(code))]
    assert len(chars) > 20000
    assert all(is_cjk_character(c) or is_punctuation(c) for c in chars)
    table = CharacterTable(lower=True)
    assert all(table[ord(c)] == f" {c} " for c in chars)


def test_a_long_text_needs_little_memory():
    t, text = tokenizer(), "我们在北京，看书 playing " * 20000
    t.encode(text, maxlen=512)
    tracemalloc.start()
    t.encode(text, maxlen=512)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * sys.getsizeof(text)
