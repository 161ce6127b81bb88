import marshal
import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.tokenizers import JiebaCut, Tokenizer, jieba_cut
from kerasx.tokenizers.words import load_jieba
from tests.tokenizers.common import ANY_TEXT, CORPORA, GOLDEN, TOKEN_DICT, corpus, tokenizer

pytestmark = pytest.mark.backend_free
TEXTS = [
    "今天天气很好，我们去北京看书。",
    "C++和3.14%，iPhone-X e-mail",
    "　\r\n a\tb",
    "龘𠀀豈é각😀",
]
WORDS = {**TOKEN_DICT, "我们": 126, "北京": 127, "今天天气": 128}


@pytest.fixture(scope="module")
def jieba():
    return load_jieba()


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_an_empty_text_has_no_words():
    assert jieba_cut("") == []


@pytest.mark.parametrize("name", [*CORPORA, "dictionary"])
def test_rjieba_cuts_as_jieba_does(name, jieba):
    if name == "dictionary":  # words side by side, in an order that gives new neighbours
        words = list(jieba.FREQ)[::97]
        texts = ["".join(words[i::500]) for i in range(500)]
    else:
        texts = corpus(name)
    texts = texts + [text.replace(" ", "") for text in texts]
    assert [t for t in texts if jieba_cut(t) != list(jieba.cut(t, HMM=False))] == []


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.one_of(st.sampled_from("北京大学生活动中心a1 .+-%#&_\r\n\ud800é"), st.characters()))
)
def test_any_text_is_cut_as_jieba_does_and_joins_again(text):
    cut = jieba_cut(text)
    assert "".join(cut) == text and all(cut)
    assert cut == JiebaCut(tokenizer=PLAIN)(text)


PLAIN = load_jieba()


def test_words_of_the_vocabulary_are_tokens_and_others_go_through_wordpiece():
    t = Tokenizer(WORDS, do_lower_case=True, pre_tokenize=jieba_cut)
    assert t.tokenize("今天天气好，我们Playing在北京 看书")[1:-1] == (
        ["今天天气", "好", "，", "我们", "play", "##ing", "在", "北京", "看", "书"]
    )
    assert t.encode("北京")[0] == [TOKEN_DICT["[CLS]"], 127, TOKEN_DICT["[SEP]"]]


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT)
def test_one_word_for_the_whole_text_is_no_words_at_all(text):
    whole = tokenizer(pre_tokenize=lambda s: [s])
    assert whole.encode(text) == tokenizer().encode(text) or text.strip().lower() in TOKEN_DICT


def test_without_words_in_the_vocabulary_wobert_is_bert_on_chinese():
    plain, words = tokenizer(), tokenizer(pre_tokenize=jieba_cut)
    for text in TEXTS[:1] + [text for text in GOLDEN["texts"] if text.isalpha() and text.isascii()]:
        assert words.encode(text) == plain.encode(text)


def test_the_surface_is_kept():
    t = Tokenizer(WORDS, do_lower_case=True, pre_tokenize=jieba_cut)
    for text in TEXTS:
        tokens, offsets = t.tokenize_with_offsets(text)
        covered = {i for start, end in offsets for i in range(start, end)}
        assert {i for i, c in enumerate(text) if not c.isspace()} <= covered


def test_user_words_are_words():
    assert JiebaCut(["天气很好"])("今天天气很好") == ["今天", "天气很好"]
    cut = JiebaCut([("天气很好", 10**9)])
    assert pickle.loads(pickle.dumps(cut))("今天天气很好") == cut("今天天气很好")  # noqa: S301


@pytest.mark.parametrize("word", ["二〇二四", "new york", "A/B", "café", "", "𠀀中", " 天气"])
def test_user_words_that_jieba_never_returns_are_refused(word):
    assert load_jieba().lcut(f"在{word}的", HMM=False) != ["在", word, "的"]
    with pytest.raises(ValueError, match="never returns"):
        JiebaCut(["天气很好", word])


@pytest.mark.parametrize("word", ["C++", "𠀀", "A_B", "iphone15", "3.14%", "e-mail", "天气very好"])
def test_other_user_words_come_out(word):
    assert JiebaCut([word])(f"在{word}，的")[:2] == ["在", word]
    with pytest.raises(ValueError, match="at least 1"):
        JiebaCut([(word, 0)])


def test_user_words_must_be_in_the_form_of_normalized_texts():
    vocabulary = {**WORDS, "iPhone": 129, "iphone": 130, "C++": 131}
    cased = Tokenizer(vocabulary, pre_tokenize=JiebaCut(["iPhone"]))
    assert cased.tokenize("我们iPhone")[1:-1] == ["我们", "iPhone"]
    with pytest.raises(ValueError, match="'iPhone': 'iphone', 'C\\+\\+': 'c\\+\\+'"):
        Tokenizer(vocabulary, True, pre_tokenize=JiebaCut(["iPhone", "C++", "天气"]))
    lower = Tokenizer(vocabulary, True, pre_tokenize=JiebaCut(["iphone"]))
    assert lower.tokenize("我们iPhone")[1:-1] == ["我们", "iphone"]


def test_a_jieba_of_one_s_own_is_used_and_pickled_with_its_words(jieba):
    own = load_jieba((dict(jieba.FREQ), jieba.total))
    own.add_word("天气很好", 10**7)
    cut = JiebaCut(tokenizer=own)
    assert cut("今天天气很好") == ["今天", "天气很好"] != jieba_cut("今天天气很好")
    assert pickle.loads(pickle.dumps(cut))("今天天气很好") == ["今天", "天气很好"]  # noqa: S301


def test_a_tokenizer_with_jieba_can_be_pickled():
    t = tokenizer(pre_tokenize=jieba_cut)
    assert pickle.loads(pickle.dumps(t)).encode_batch(TEXTS) == t.encode_batch(TEXTS)  # noqa: S301


def test_ambiguous_arguments_are_refused(jieba):
    with pytest.raises(ValueError, match="list of words"):
        JiebaCut("天气")
    with pytest.raises(ValueError, match="must be empty"):
        JiebaCut(["天气"], tokenizer=jieba)


def test_jieba_is_quiet_and_reads_and_writes_no_cache(tmp_path):
    poisoned = tmp_path / "jieba.cache"
    poisoned.write_bytes(marshal.dumps(({"今天天气很好": 10**9}, 10**9)))
    code = (
        "from kerasx.tokenizers.words import load_jieba; "
        "print(len(load_jieba().lcut('今天天气很好')))"
    )
    result = python(code, TMPDIR=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert (result.stdout, result.stderr) == ("3\n", "")
    assert os.listdir(tmp_path) == ["jieba.cache"]


def test_the_tokenizer_that_jieba_shares_is_left_alone():
    code = (
        "import jieba; from kerasx.tokenizers.words import load_jieba; load_jieba(); "
        "print(jieba.dt.initialized, jieba.default_logger.level)"
    )
    assert python(code).stdout == "False 10\n"


def test_importing_loads_no_backend_and_no_jieba():
    heavy = ["keras", "tensorflow", "jax", "torch", "jieba", "rjieba", "transformers", "tokenizers"]
    code = f"import sys, kerasx.tokenizers; print([m for m in {heavy} if m in sys.modules])"
    assert python(code).stdout == "[]\n"
