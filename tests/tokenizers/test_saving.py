"""Saved tokenizers come back, here and in transformers."""

import copy
import json
import pickle
import shutil

import pytest
import transformers

from kerasx.tokenizers import ChatTemplate, SpTokenizer, Tokenizer, jieba_cut, load_tokenizer
from kerasx.tokenizers.saving import (
    pretrained_config,
    read_tokenizer,
    tokenizer_config,
    vocabulary_name,
    write_vocabulary,
)
from tests.tokenizers.folders import (
    FOLDERS,
    make_folder,
    piece_model,
    texts,
    word_pieces,
    write_json,
)
from tests.tokenizers.test_loading import HARD

pytestmark = pytest.mark.backend_free
SAMPLE = [*texts()[::20], *HARD]


def save_pretrained(folder, tokenizer, config):
    """Write what `kerasx.models.save_pretrained` writes of a tokenizer."""
    folder.mkdir()
    write_vocabulary(tokenizer, folder / vocabulary_name(tokenizer))
    write_json(folder, "tokenizer_config.json", pretrained_config(tokenizer))
    write_json(folder, "config.json", config)
    return folder


def encoded(tokenizer):
    pairs = [tokenizer.encode(a, b, maxlen=11) for a, b in zip(SAMPLE, reversed(SAMPLE))]
    return [tokenizer.encode(text) for text in SAMPLE], pairs, tokenizer.special_tokens


@pytest.mark.parametrize("name", FOLDERS)
def test_every_tokenizer_comes_back(name, tmp_path):
    tokenizer = load_tokenizer(make_folder(name, tmp_path / "a"))
    tokenizer.chat_template = ChatTemplate("{{ messages[0].content }}", tokenizer.special_tokens)
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    folder = save_pretrained(tmp_path / "b", tokenizer, config)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ids = [theirs(text)["input_ids"] for text in SAMPLE]
    assert [tokenizer.encode(text)[0] for text in SAMPLE] == ids
    (folder / "artefact.json").write_text("{}")
    again = [load_tokenizer(folder), pickle.loads(pickle.dumps(tokenizer)), copy.copy(tokenizer)]  # noqa: S301
    saved = json.loads(json.dumps(tokenizer_config(tokenizer)))
    path = folder / vocabulary_name(tokenizer)
    again += [read_tokenizer(path, saved)]
    for other in again:
        assert type(other) is type(tokenizer) and encoded(other) == encoded(tokenizer)
        assert other.encode_chat([{"content": "天"}]) == tokenizer.encode_chat([{"content": "天"}])


@pytest.mark.parametrize(
    "tokenizer",
    [
        lambda path: Tokenizer(word_pieces(), True, 7, pre_tokenize=jieba_cut, token_start=None),
        lambda path: Tokenizer(word_pieces(), token_translate={"，": ","}),
        lambda path: SpTokenizer(path, do_lower_case=True, keep_accents=False),
        lambda path: SpTokenizer(path, pre_tokenize=jieba_cut),
    ],
    ids=["words", "translate", "uncased", "piece words"],
)
def test_options_that_transformers_lacks_come_back(tokenizer, tmp_path):
    (tmp_path / "x.model").write_bytes(piece_model(pad_id=0, eos_id=1, unk_id=2, bos_id=-1))
    tokenizer = tokenizer(tmp_path / "x.model")
    folder = save_pretrained(tmp_path / "b", tokenizer, {"model_type": "t5"})
    assert encoded(load_tokenizer(folder)) == encoded(tokenizer)
    artefact = tmp_path / "c"
    artefact.mkdir()
    shutil.copy(folder / vocabulary_name(tokenizer), artefact)
    write_json(artefact, "artefact.json", {"tokenizer": tokenizer_config(tokenizer)})
    assert encoded(load_tokenizer(artefact)) == encoded(tokenizer)


def test_special_tokens_outside_the_vocabulary_cannot_be_saved(tmp_path):
    without, moved = Tokenizer({"[UNK]": 0}), Tokenizer(word_pieces())
    moved._token_unk_id = 0
    for tokenizer in (without, moved):
        with pytest.raises(ValueError, match="must have its start, end and unknown token"):
            tokenizer_config(tokenizer)


@pytest.mark.parametrize(
    "entry",
    [
        {"word_maxlen": "7"},
        {"word_maxlen": 0},
        {"do_lower_case": 1},
        {"token_start": 3},
        {"token_start": "[NONE]"},
        {"token_translate": {"a": 1}},
        {"pre_tokenize": {"user_words": "a"}},
        {"pre_tokenize": {"user_words": [["a", "b"]]}},
        {"pre_tokenize": "os.system"},
        {"token_dict": {}},
        {"chat_template": 3},
    ],
    ids=str,
)
def test_saved_options_of_another_type_are_refused(entry, tmp_path):
    tokenizer = Tokenizer(word_pieces())
    folder = save_pretrained(tmp_path / "b", tokenizer, {"model_type": "bert"})
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    config["kerasx"] |= entry
    write_json(folder, "tokenizer_config.json", config)
    with pytest.raises(ValueError, match="must|unknown"):
        load_tokenizer(folder)
