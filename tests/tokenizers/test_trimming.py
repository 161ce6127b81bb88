"""Smaller vocabularies tokenize their corpus as the large ones did."""

import json

import pytest

from kerasx.tokenizers import SpTokenizer, Tokenizer, trim_sentencepiece, trim_vocab
from tests.tokenizers.common import TOKEN_DICT, lines, shared, tokenizer

pytestmark = pytest.mark.backend_free

TEXTS = ["今天天气不错，我们出去走走。", "the weather is nice today, we walk", "今天走了10公里"]
spm = pytest.importorskip("sentencepiece", reason="the extra `text` has it")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A unigram model with bytes and sentinels, as mT5's."""
    return train(tmp_path_factory.mktemp("sp"), "unigram", byte_fallback=True)


def train(folder, kind, **options):
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 20 + ["tomorrow we stay at home", "明天在家"] * 20),
        model_prefix=str(folder / kind),
        model_type=kind,
        vocab_size=330 if options else 60,
        hard_vocab_limit=False,
        character_coverage=1.0,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        user_defined_symbols=["▁<extra_id_1>", "▁<extra_id_0>"],
        minloglevel=2,
        **options,
    )
    return folder / f"{kind}.model"


def test_a_trimmed_vocabulary_tokenizes_its_corpus_as_before():
    texts = lines("sentiment/sentiment.valid.data", 200)
    full = Tokenizer(shared("vocab/chinese_bert_vocab.txt"), do_lower_case=True)
    token_dict, keep_tokens = trim_vocab(full, texts)
    small = Tokenizer(token_dict, do_lower_case=True)
    assert len(token_dict) < 3000 and len(set(keep_tokens)) == len(keep_tokens)
    for text in texts:
        assert [keep_tokens[i] for i in small.encode(text)[0]] == full.encode(text)[0]


def test_limits_keep_the_special_and_the_most_frequent_tokens():
    texts = ["我我我们们", "我playing"]
    token_dict, keep_tokens = trim_vocab(tokenizer(), texts, max_size=7)
    assert [t for t in token_dict if t[0] != "["] == ["我", "们"]
    assert all(t in token_dict for t in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"))
    assert {t: keep_tokens[i] for t, i in token_dict.items()} == {
        t: TOKEN_DICT[t] for t in token_dict
    }
    assert "们" not in trim_vocab(tokenizer(), texts, min_count=3)[0]
    assert "们" in trim_vocab(tokenizer(), texts, min_count=3, keep=["们"])[0]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"texts": "我们"}, "not one str"),
        ({"texts": [], "max_size": 3}, "`max_size` must be an integer of at least 5"),
        ({"texts": [], "keep": ["no such token"]}, "`keep` must hold tokens"),
    ],
)
def test_impossible_limits_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        trim_vocab(tokenizer(), **arguments)


def test_a_trimmed_sentencepiece_model_tokenizes_its_corpus_as_before(model, tmp_path):
    path = tmp_path / "small.model"
    full = SpTokenizer(model)
    extra = [full.vocab_size, full.vocab_size + 1]
    keep_tokens = trim_sentencepiece(model, TEXTS, path, extra_ids=extra)
    small = SpTokenizer(path)
    assert small.vocab_size < full.vocab_size and len(keep_tokens) == small.vocab_size + 2
    assert keep_tokens[-2:] == extra and len(set(keep_tokens)) == len(keep_tokens)
    for text in TEXTS:
        assert [keep_tokens[i] for i in small.encode(text)[0]] == full.encode(text)[0]
        assert small.decode(small.encode(text)[0]) == full.decode(full.encode(text)[0])
    for token in ("<pad>", "</s>", "<unk>", "<0x00>", "<0xFF>", "▁<extra_id_0>"):
        assert small.id_to_token(small.token_to_id(token)) == token


def test_counts_and_sizes_limit_the_pieces(model, tmp_path):
    path = tmp_path / "small.model"
    always = len(trim_sentencepiece(model, [], path))
    assert always == 3 + 256 + 2
    assert len(trim_sentencepiece(model, TEXTS, path, max_size=always + 4)) == always + 4
    frequent = trim_sentencepiece(model, TEXTS, path, min_count=2)
    assert always < len(frequent) < len(trim_sentencepiece(model, TEXTS, path))
    assert 270 in trim_sentencepiece(model, [], path, keep_ids=[270])


def test_a_model_whose_pieces_are_built_of_others_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must be a unigram model"):
        trim_sentencepiece(train(tmp_path, "bpe"), TEXTS, tmp_path / "small.model")
    assert not (tmp_path / "small.model").exists()


@pytest.mark.parametrize("ids", [{"keep_ids": [10**6]}, {"extra_ids": [5]}])
def test_ids_of_pieces_and_of_rows_beyond_them_are_told_apart(ids, model, tmp_path):
    with pytest.raises(ValueError, match="`keep_ids` must be below"):
        trim_sentencepiece(model, TEXTS, tmp_path / "small.model", **ids)


def test_the_chinese_mt5_is_trimmed_again_on_a_corpus(tmp_path):
    source = shared("mt5_cn/sentencepiece_cn.model")
    texts = lines("sentiment/sentiment.valid.data", 200)
    full, path = SpTokenizer(source), tmp_path / "small.model"
    keep_tokens = trim_sentencepiece(source, texts, path)
    assert keep_tokens[:259] == list(range(259))
    assert keep_tokens[-100:] == list(range(full.vocab_size - 100, full.vocab_size))
    assert len(set(keep_tokens)) == len(keep_tokens) < 5000
    small = SpTokenizer(path)
    for text in texts:
        assert [keep_tokens[i] for i in small.encode(text)[0]] == full.encode(text)[0]
    old = json.loads(shared("mt5_cn/sentencepiece_cn_keep_tokens.json").read_text())
    assert max(old[i] for i in keep_tokens) < 250112
