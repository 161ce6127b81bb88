"""Trimmed vocabularies tokenize their corpus as before."""

import pytest
import sentencepiece as spm

from kerasx.datasets import generate_papers
from kerasx.files.protobuf import read_fields, write_message
from kerasx.tokenizers import (
    SpTokenizer,
    Tokenizer,
    train_sentencepiece,
    trim_sentencepiece,
    trim_vocab,
)
from tests.tokenizers.common import TOKEN_DICT, corpus, tokenizer, write_chinese_vocab

pytestmark = pytest.mark.backend_free

TEXTS = ["今天天气不错，我们出去走走。", "the weather is nice today, we walk", "今天走了10公里"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Train a unigram model with bytes and sentinels, as mT5's."""
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


def test_a_trimmed_vocabulary_tokenizes_its_corpus_as_before(tmp_path):
    texts = corpus("reviews")
    full = Tokenizer(write_chinese_vocab(tmp_path), do_lower_case=True)
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


def mt5_like(folder):
    """Write a model laid out as mT5's: specials, bytes, pieces, and 100 sentinels at the end."""
    path = folder / "mt5.model"
    texts = [paper.abstract for paper in generate_papers(400)]
    symbols = [f"▁<extra_id_{i}>" for i in reversed(range(100))]
    train_sentencepiece(texts, path, vocab_size=1500, symbols=symbols)
    fields = list(read_fields(path.read_bytes()))
    pieces = [field for field in fields if field[0] == 1]
    order = [*pieces[:3], *pieces[103:], *pieces[3:103]]
    path.write_bytes(write_message(*order, *(field for field in fields if field[0] != 1)))
    return path


def test_a_model_laid_out_as_mt5_is_trimmed_again_and_again(tmp_path):
    source, path, smaller = mt5_like(tmp_path), tmp_path / "small.model", tmp_path / "smaller.model"
    texts = [paper.abstract for paper in generate_papers(60, seed=1)]
    full = SpTokenizer(source)
    keep_tokens = trim_sentencepiece(source, texts, path)
    assert keep_tokens[:259] == list(range(259))
    assert keep_tokens[-100:] == list(range(full.vocab_size - 100, full.vocab_size))
    assert len(set(keep_tokens)) == len(keep_tokens) < full.vocab_size
    small = SpTokenizer(path)
    for text in texts:
        assert [keep_tokens[i] for i in small.encode(text)[0]] == full.encode(text)[0]
    again = trim_sentencepiece(path, texts[:5], smaller)
    last = SpTokenizer(smaller)
    assert len(again) < len(keep_tokens)
    for i in range(last.vocab_size):
        assert last.id_to_token(i) == full.id_to_token(keep_tokens[again[i]])
