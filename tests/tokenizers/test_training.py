"""Trained SentencePiece models are laid out like T5's."""

import pytest

from kerasx.datasets import generate_papers
from kerasx.tokenizers import SpTokenizer, train_sentencepiece

pytestmark = pytest.mark.backend_free

TEXTS = [text for paper in generate_papers(60) for text in paper]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("sp") / "papers.model"
    assert train_sentencepiece(TEXTS, path, 900, symbols=["<extra_id_0>"]) == 900
    return path


def test_pieces_are_in_the_order_of_t5(path):
    tokenizer = SpTokenizer(path)
    first = [tokenizer.id_to_token(i) for i in range(5)]
    assert first == ["<pad>", "</s>", "<unk>", "<extra_id_0>", "<0x00>"]
    assert tokenizer.id_to_token(259) == "<0xFF>"


def test_texts_come_back_and_what_was_never_seen_is_spelt_in_bytes(path):
    tokenizer = SpTokenizer(path)
    for text in TEXTS[:20]:
        ids, _ = tokenizer.encode(text)
        assert ids[-1] == 1 and len(ids) < len(text) + 2
        assert tokenizer.decode(ids) == text.replace("，", ",")
    assert tokenizer.decode(tokenizer.encode("麒麟")[0]) == "麒麟"


def test_the_same_texts_give_the_same_file(path, tmp_path):
    train_sentencepiece(iter(TEXTS), tmp_path / "again.model", 900, symbols=["<extra_id_0>"])
    assert (tmp_path / "again.model").read_bytes() == path.read_bytes()


def test_there_are_no_more_pieces_than_the_corpus_has(tmp_path):
    size = train_sentencepiece(["图像检索"] * 3, tmp_path / "few.model", byte_fallback=False)
    assert size == SpTokenizer(tmp_path / "few.model").vocab_size < 30


@pytest.mark.parametrize("texts, size", [([], 100), ([" \n"], 100), (TEXTS, 10)])
def test_impossible_models_are_refused_and_nothing_is_written(texts, size, tmp_path):
    with pytest.raises(ValueError, match="`(texts|vocab_size)` must"):
        train_sentencepiece(texts, tmp_path / "none.model", size)
    assert not (tmp_path / "none.model").exists()
