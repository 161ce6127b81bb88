"""SpTokenizer agrees with SentencePiece and has the interface of the tokenizers."""

import builtins
import copy

import pytest
from hypothesis import given, settings

from kerasx.tokenizers import SpTokenizer
from tests.tokenizers.common import ANY_TEXT
from tests.tokenizers.folders import piece_model
from tests.tokenizers.test_trimming import TEXTS, model  # noqa: F401

pytestmark = pytest.mark.backend_free


def test_it_says_what_sentencepiece_says(model):  # noqa: F811
    tokenizer = SpTokenizer(model)
    for text in TEXTS:
        ids = tokenizer.sp_model.encode(text)
        assert tokenizer.encode(text) == ([*ids, 1], [0] * (len(ids) + 1))
        assert tokenizer.tokenize(text)[-1] == "</s>"
        assert tokenizer.decode(tokenizer.encode(text)[0]) == tokenizer.sp_model.decode(ids)
        assert tokenizer.tokens_to_ids(tokenizer.tokenize(text)) == tokenizer.encode(text)[0]
    assert tokenizer.encode_batch(TEXTS)[0] == [tokenizer.encode(text)[0] for text in TEXTS]


def test_special_ids_and_rows_beyond_the_pieces(model):  # noqa: F811
    tokenizer = SpTokenizer(model)
    assert (tokenizer.pad_id, tokenizer.end_id, tokenizer.unk_id) == (0, 1, 2)
    assert tokenizer.start_id is None and tokenizer.mask_id is None
    size = tokenizer.vocab_size
    assert tokenizer.id_to_token(size + 1) == "" and tokenizer.decode([size + 1, 1]) == ""
    assert not any(map(tokenizer._is_decodable, (0, 1, 2, size)))
    assert tokenizer._is_decodable(size - 1)


def test_a_text_is_cut_before_its_end(model):  # noqa: F811
    ids = SpTokenizer(model).encode(TEXTS[0], maxlen=4)[0]
    assert len(ids) == 4 and ids[-1] == 1
    ids, segments = SpTokenizer(model).encode("今天", "明天")
    first = len(SpTokenizer(model).encode("今天")[0])
    assert ids[first - 1] == ids[-1] == 1
    assert segments == [0] * first + [1] * (len(ids) - first)


def test_pieces_are_translated_both_ways(model):  # noqa: F811
    tokenizer = SpTokenizer(model, token_translate={"。": "<0x41>"})
    ids = tokenizer.encode("今天。")[0]
    assert tokenizer.token_to_id("<0x41>") in ids
    assert tokenizer.decode(ids) == "今天。"


def test_words_come_first(model):  # noqa: F811
    words = SpTokenizer(model, pre_tokenize=list)
    assert words.encode("天天")[0] == SpTokenizer(model).encode("天 天")[0]


@settings(max_examples=60, deadline=None)
@given(text=ANY_TEXT)
def test_no_string_raises(model, text):  # noqa: F811
    assert SpTokenizer(model).encode(text, maxlen=8)[0][-1] == 1


def test_it_can_be_copied_and_so_pickled(model):  # noqa: F811
    tokenizer = SpTokenizer(model)
    assert copy.deepcopy(tokenizer).encode(TEXTS[0]) == tokenizer.encode(TEXTS[0])


def test_a_wrong_file_or_token_is_refused(model, tmp_path):  # noqa: F811
    with pytest.raises(ValueError, match="`sp_model_path` must be a file"):
        SpTokenizer(tmp_path / "none.model")
    (tmp_path / "broken.model").write_bytes(b"no model")
    with pytest.raises(ValueError, match="must be a SentencePiece model"):
        SpTokenizer(tmp_path / "broken.model")


def test_a_start_that_the_model_lacks_is_its_unknown_piece(model, caplog):  # noqa: F811
    plain = SpTokenizer(model)
    started = SpTokenizer(model, token_start="[CLS]")
    assert started.encode(TEXTS[0])[0] == [plain.unk_id, *plain.encode(TEXTS[0])[0]]
    assert "lacks '[CLS]': the id of <unk>" in caplog.text


def test_start_and_end_are_those_that_the_model_has(tmp_path):
    path = tmp_path / "albert.model"
    path.write_bytes(piece_model(control_symbols="[CLS],[SEP]", eos_id=-1, bos_id=-1))
    tokenizer = SpTokenizer(path)
    assert tokenizer.tokenize("天")[0] == "[CLS]" and tokenizer.tokenize("天")[-1] == "[SEP]"


def test_a_missing_package_names_its_extra(model, monkeypatch):  # noqa: F811
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "sentencepiece":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "kerasx\[text\]"'):
        SpTokenizer(model)
