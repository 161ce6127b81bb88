import os
import pickle
import string
import unicodedata
from importlib.resources import files

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.tokenizers import (
    JiebaCut,
    Tokenizer,
    character_vocab,
    extend_vocab_with_words,
    jieba_cut,
    load_vocab,
    load_words,
    save_vocab,
    word_vocab,
)
from kerasx.tokenizers.vocabulary import simplify_vocab
from tests.tokenizers.common import TOKEN_DICT, tokenizer, write_chinese_vocab

pytestmark = pytest.mark.backend_free


def written(tmp_path, data):
    path = tmp_path / "vocab.txt"
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return path


@pytest.mark.parametrize(
    "data, tokens",
    [
        ("", []),
        ("a", ["a"]),
        ("a\nb\n", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        (b"\xef\xbb\xbfa\nb", ["a", "b"]),
        ("a\n\u2028\n\x85\n\x0b\nb\n", ["a", "\u2028", "\x85", "\x0b", "b"]),
        ("a\n\nb\n", ["a", "", "b"]),
        ("a\nb\n\n\r\n\n", ["a", "b"]),
        ("a\n \n\u3000\n", ["a", " ", "\u3000"]),
    ],
    ids=[
        "empty",
        "no newline",
        "newline",
        "CRLF",
        "BOM",
        "separators",
        "blank line",
        "end",
        "space",
    ],
)
def test_the_id_is_the_line_number(tmp_path, data, tokens):
    assert load_vocab(written(tmp_path, data)) == {token: i for i, token in enumerate(tokens)}


def test_of_a_token_given_twice_the_last_line_counts_and_the_log_names_both(tmp_path, caplog):
    path = written(tmp_path, "[UNK]\na\n\nb\na\n\nc\n\n\n")
    token_dict = load_vocab(path)
    assert token_dict == {"[UNK]": 0, "a": 4, "": 5, "b": 3, "c": 6}
    (record,) = caplog.records
    assert "'a' on lines 2 and 5, '' on lines 3 and 6" in record.getMessage()
    t = Tokenizer(token_dict, token_start=None, token_end=None)
    assert t.vocab_size == 7 and t.encode("a b c")[0] == [4, 3, 6]
    assert t.decode([1, 4, 3]) == "a a b" and t.ids_to_tokens(range(7)) == (
        ["[UNK]", "a", "", "b", "a", "", "c"]
    )
    assert pickle.loads(pickle.dumps(t)).decode([1, 2]) == "a"  # noqa: S301
    save_vocab(tmp_path / "again.txt", t.token_dict)
    assert load_vocab(tmp_path / "again.txt") == token_dict
    extended, _ = extend_vocab_with_words(token_dict, ["bb", "cc"], t)
    assert (extended["bb"], extended["cc"]) == (7, 8)
    assert Tokenizer(extended, token_start=None, token_end=None).vocab_size == 9


def test_ids_of_a_vocabulary_with_repeats_and_blank_lines_are_those_of_transformers(tmp_path):
    lines = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "", "c", "a", "", "d"]
    path = written(tmp_path, "\n".join(lines) + "\n\n\n")
    theirs = transformers.BertTokenizer(str(path), do_lower_case=True)
    ours = Tokenizer(path, do_lower_case=True)
    for text in ("a b c d", "dab", "a" * 3):
        assert ours.encode(text)[0] == theirs.encode(text)
    assert ours.vocab_size == len(lines)


def test_a_strict_reader_refuses_a_token_given_twice_and_names_both_lines(tmp_path):
    with pytest.raises(ValueError, match="'b' on lines 2 and 4"):
        load_vocab(written(tmp_path, "a\nb\nc\nb\n"), duplicates="raise")
    with pytest.raises(ValueError, match="'' on lines 2 and 4"):
        load_vocab(written(tmp_path, "a\n\nc\n\nd"), duplicates="raise")
    with pytest.raises(ValueError, match="`duplicates` must be one of"):
        load_vocab(written(tmp_path, "a\n"), duplicates="first")


def test_a_wrong_encoding_is_an_error_naming_the_file(tmp_path):
    with pytest.raises(ValueError, match="vocab.txt"):
        load_vocab(written(tmp_path, "中".encode("gbk")))
    assert load_vocab(written(tmp_path, "中".encode("gbk")), encoding="gbk") == {"中": 0}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), unique=True))
def test_saving_and_loading_gives_the_same_or_refuses(tmp_path_factory, tokens):
    path = tmp_path_factory.mktemp("vocab") / "vocab.txt"
    token_dict = {token: i for i, token in enumerate(tokens)}
    bad = [t for t in tokens if "\n" in t or t.endswith("\r")] or tokens[:1] == ["\ufeff"]
    bad = bad or tokens[-1:] == [""]  # a blank line at the end is no token
    if bad or (tokens and tokens[0].startswith("\ufeff")):
        with pytest.raises(ValueError, match="one line"):
            save_vocab(path, token_dict)
        assert os.listdir(path.parent) == []
    else:
        save_vocab(path, token_dict)
        assert load_vocab(path) == token_dict


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = written(tmp_path, "a\n")
    with pytest.raises(UnicodeEncodeError):
        save_vocab(path, {"中": 0}, encoding="ascii")
    assert path.read_bytes() == b"a\n" and os.listdir(tmp_path) == ["vocab.txt"]


@pytest.mark.parametrize("token_dict", [{"a": 1}, {"a": 0, "b": 0}, {"a": 0, "b": 2}])
def test_ids_with_gaps_or_twice_are_refused(tmp_path, token_dict):
    with pytest.raises(ValueError, match="0..n-1"):
        save_vocab(tmp_path / "vocab.txt", token_dict)
    with pytest.raises(ValueError, match="0..n-1"):
        Tokenizer(token_dict, token_start=None, token_end=None)


def test_a_vocabulary_laid_out_as_chinese_bert_keeps_its_rows(tmp_path):
    path = write_chinese_vocab(tmp_path)
    token_dict = load_vocab(path)
    assert len(token_dict) == path.read_bytes().count(b"\n") == 15016
    assert token_dict["\u2028"] == 344 - 1
    assert token_dict["[CLS]"] == 101 and token_dict["##😎"] == 15015
    save_vocab(tmp_path / "again.txt", token_dict)
    assert (tmp_path / "again.txt").read_bytes() == path.read_bytes()


def bert4keras_keeps(token):
    """Apply bert4keras's rule: no character of a longer token is an ideograph or punctuation."""
    names = [unicodedata.name(c, "") for c in token.removeprefix("##")]
    marks = [
        c in string.punctuation or unicodedata.category(c)[0] == "P"
        for c in token.removeprefix("##")
    ]
    return len(token) == 1 or not (any("CJK UNIFIED" in name for name in names) or any(marks))


def test_the_simplified_chinese_vocabulary_is_bert4keras_s(tmp_path):
    first = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    path = write_chinese_vocab(tmp_path)
    token_dict, keep_tokens = load_vocab(path, simplified=True, startswith=first)
    full = load_vocab(path)
    assert list(token_dict)[4:] == [token for token in full if bert4keras_keeps(token)]
    assert len(token_dict) == len(keep_tokens)
    assert keep_tokens[:4] == [0, 100, 101, 102] and keep_tokens[4:] == sorted(keep_tokens[4:])
    assert all(full[token] == keep_tokens[i] for token, i in token_dict.items())


def test_simplifying_changes_no_token_of_a_text():
    small, keep_tokens = simplify_vocab(TOKEN_DICT, ["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    text = "我们在北京看书，playing……[MASK] unaffable"
    ids = Tokenizer(small, do_lower_case=True).encode(text)[0]
    assert [keep_tokens[i] for i in ids] == tokenizer().encode(text)[0]


@pytest.mark.parametrize("startswith", [["[NONE]"], ["[PAD]", "[PAD]"]])
def test_startswith_must_name_tokens_once(startswith):
    with pytest.raises(ValueError, match="startswith"):
        simplify_vocab(TOKEN_DICT, startswith)


def test_words_are_read_with_their_counts(tmp_path):
    path = written(tmp_path, "的\t30\n北京\t5\n上海\t20\n\n")
    assert load_words(path) == ["的", "北京", "上海"]
    assert load_words(path, min_count=10) == ["的", "上海"]
    assert load_words(path, limit=2) == ["的", "上海"]
    assert load_words(written(tmp_path, "北京 5 ns\n上海 20 ns\n"), min_count=6) == ["上海"]
    assert load_words(written(tmp_path, "北京\n上海"), min_count=6) == ["北京", "上海"]


def test_a_malformed_count_names_its_line(tmp_path):
    with pytest.raises(ValueError, match=r"vocab\.txt:2: .*Received: '北京\\tmany'"):
        load_words(written(tmp_path, "的\t30\n北京\tmany\n"))


def test_few_malformed_counts_can_be_skipped(tmp_path):
    path = written(tmp_path, "".join(f"{i}词\t{i}\n" for i in range(99)) + "北京\tmany\n")
    with pytest.warns(UserWarning, match=r"1 of 100 lines skipped, first: .*vocab\.txt:100: "):
        assert load_words(path, min_count=97, errors="skip") == ["97词", "98词"]


def test_the_words_of_jieba_are_read():
    path = files("jieba") / "dict.txt"
    words = load_words(path, min_count=10)
    assert len(words) == len(set(words)) > 100_000 and "北京大学" in words
    assert load_words(path, limit=3) == ["了", "是", "在"]


def test_a_word_vocabulary_keeps_the_old_ids_and_spells_the_new_words():
    words = ["北京", "我", "PLAYING", "playing", "北京", "", "[MASK]", "今天天气", "龘龘"]
    extended, compound_tokens = extend_vocab_with_words(TOKEN_DICT, words, tokenizer())
    new = list(extended)[len(TOKEN_DICT) :]
    assert new == ["北京", "playing", "今天天气", "龘龘"]
    assert all(extended[token] == i for token, i in TOKEN_DICT.items())
    assert [extended[word] for word in new] == list(range(len(TOKEN_DICT), len(extended)))
    ids = TOKEN_DICT.get
    assert compound_tokens[:2] == [[ids("北"), ids("京")], [ids("play"), ids("##ing")]]
    assert compound_tokens[3] == [ids("[UNK]")] * 2


def test_markers_are_added_as_they_are_and_named_to_the_tokenizer():
    extended, compound_tokens = extend_vocab_with_words(TOKEN_DICT, ["[E1]", "北京"], tokenizer())
    assert list(extended)[-2:] == ["[E1]", "北京"]
    assert compound_tokens[0] == tokenizer().tokens_to_ids(tokenizer().tokenize("[E1]")[1:-1])
    marked = Tokenizer(extended, True, additional_special_tokens=["[E1]"])
    assert marked.tokenize("我[E1]们")[1:-1] == ["我", "[E1]", "们"]


@pytest.mark.parametrize(
    "word, reason",
    [
        ("new york", "split at spaces"),
        ("北　京", "split at spaces"),
        ("\u200b", "no characters"),
        ("  ", "no characters"),
        ("##词", "the rest of a word"),
    ],
)
def test_words_that_can_never_be_tokens_are_refused_with_the_reason(word, reason):
    with pytest.raises(ValueError, match=reason):
        extend_vocab_with_words(TOKEN_DICT, ["北京", word], tokenizer())


def test_words_that_the_cut_takes_apart_are_refused():
    words = ["北京", "今天天气很好", "A/B"]
    with pytest.raises(ValueError, match="'今天天气很好': .*'今天天气', '很', '好'.*'A/B': .*cut"):
        extend_vocab_with_words(TOKEN_DICT, words, tokenizer(), jieba_cut)
    cut = JiebaCut(words[:2])
    extended, _ = extend_vocab_with_words(TOKEN_DICT, words[:2], tokenizer(), cut)
    t = Tokenizer(extended, True, pre_tokenize=cut)
    assert t.tokenize("北京今天天气很好")[1:-1] == words[:2]


def test_all_words_of_a_word_vocabulary_come_out():
    texts = [
        "Café図像 ##的 Straße",
        "café İstanbul ##的 ２０２４ ㎡ 図像\u200b",
        "[MASK] [MASK] 豈 豈",
    ]
    words = word_vocab(texts, str.split)
    t = Tokenizer(words, True, pre_tokenize=str.split)
    new = [word for word in list(words)[len(character_vocab(texts)) :]]
    assert new and all(t.tokenize(word)[1:-1] == [word] for word in new)
    characters = list(words)[5 : len(character_vocab(texts))]
    assert all(t.tokenize(c)[1:-1] == [c] for c in characters if c[:2] != "##")


def test_words_need_a_plain_tokenizer_over_the_same_vocabulary():
    with pytest.raises(ValueError, match="without pre_tokenize"):
        extend_vocab_with_words(TOKEN_DICT, ["北京"], tokenizer(pre_tokenize=list))
    with pytest.raises(ValueError, match="over `token_dict`"):
        extend_vocab_with_words({**TOKEN_DICT, "x": len(TOKEN_DICT)}, ["北京"], tokenizer())


def test_a_character_vocabulary_spells_every_text_it_was_made_of():
    texts = ["鸡兔同笼，共有58个头", "(192-58*2)/(4-2)", "ABC 12.5%"]
    spelling = Tokenizer(character_vocab(texts), do_lower_case=True)
    for text in texts:
        pieces = spelling.tokenize(text)[1:-1]
        assert "".join(map(spelling.stem, pieces)) == text.lower().replace(" ", "")


def test_rare_characters_are_left_out_of_a_character_vocabulary():
    assert "兔" not in character_vocab(["鸡鸡兔"], min_count=2)


def test_a_word_vocabulary_has_the_characters_and_the_frequent_words():
    texts = ["图像 检索 AB", "图像 检索", "分类 ab"]
    words = word_vocab(texts, str.split)
    characters = character_vocab(texts)
    assert list(words)[: len(characters)] == list(characters)
    assert list(words)[len(characters) :] == ["图像", "检索", "ab"]
    assert list(words.values()) == list(range(len(words)))
    assert word_vocab(texts, str.split, min_count=3) == characters
    cut = Tokenizer(words, do_lower_case=True, pre_tokenize=str.split)
    assert cut.tokenize("图像 分类")[1:-1] == ["图像", "分", "类"]


def test_a_folder_or_a_configuration_leads_to_its_vocabulary(tmp_path):
    save_vocab(tmp_path / "vocab.txt", {"[PAD]": 0, "好": 1})
    for path in (tmp_path, tmp_path / "bert_config.json", tmp_path / "vocab.txt"):
        assert load_vocab(path) == {"[PAD]": 0, "好": 1}
    with pytest.raises(FileNotFoundError, match="vocab.txt"):
        load_vocab(tmp_path / "elsewhere" / "config.json")
