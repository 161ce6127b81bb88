"""A folder without a usable tokenizer is one clear ValueError, whatever its files hold."""

import json
import os
import random
import shutil
import sys
from pathlib import Path

import pytest
import transformers

from kerasx.tokenizers import SpTokenizer, Tokenizer, jieba_cut, load_tokenizer
from tests.tokenizers.folders import make_folder, piece_model, word_pieces, write_json

pytestmark = pytest.mark.backend_free
T5_IDS = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
JSONS = ["tokenizer_config.json", "config.json", "vocab.json", "special_tokens_map.json"]
JSONS += ["added_tokens.json", "tokenizer.json"]
VALUES = [None, True, -1, 3, 10**12, 1.5, "", "x", "\ud800", [], [1], ["a"], {}, {"a": 1}]
VALUES += [[["a", 1]], {"content": "q"}, "BPE", "Unigram", "Sequence"]


def write_vocab(folder, tokens):
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")


def test_no_tokenizer(tmp_path):
    with pytest.raises(ValueError, match="must hold one vocabulary .*tokenizer.json, vocab.txt"):
        load_tokenizer(tmp_path)
    write_json(tmp_path, "config.json", {"model_type": "roberta"})
    with pytest.raises(ValueError, match="must hold tokenizer.json or vocab.json with merges.txt"):
        load_tokenizer(tmp_path)
    with pytest.raises(ValueError, match="must be an existing folder"):
        load_tokenizer(tmp_path / "none")
    write_json(tmp_path, "vocab.json", {"a": 0})
    with pytest.raises(ValueError, match="must hold merges.txt beside vocab.json"):
        load_tokenizer(tmp_path)


def test_one_file_and_no_configuration(tmp_path):
    write_vocab(tmp_path, word_pieces())
    assert isinstance(load_tokenizer(tmp_path), Tokenizer)
    (tmp_path / "spiece.model").write_bytes(piece_model(**T5_IDS))
    with pytest.raises(
        ValueError, match="must hold one vocabulary .* config.json whose model_type"
    ):
        load_tokenizer(tmp_path)
    (tmp_path / "vocab.txt").unlink()
    tokenizer = load_tokenizer(str(tmp_path))
    assert isinstance(tokenizer, SpTokenizer) and tokenizer.end_id == 1
    shutil.copy(tmp_path / "spiece.model", tmp_path / "spm.model")
    with pytest.raises(ValueError, match="must hold one SentencePiece model"):
        load_tokenizer(tmp_path)


def test_the_configuration_decides_between_two_files(tmp_path):
    write_vocab(tmp_path, word_pieces())
    (tmp_path / "spiece.model").write_bytes(piece_model(**T5_IDS))
    write_json(tmp_path, "config.json", {"model_type": "bert"})
    assert load_tokenizer(tmp_path).mask_id == 6
    write_json(tmp_path, "config.json", {"model_type": "t5"})
    assert load_tokenizer(tmp_path).end_id == 1


@pytest.mark.parametrize("kind", ["gpt2", "t5", "openai-gpt"])
def test_a_model_with_the_vocabulary_of_bert(kind, tmp_path):
    write_vocab(tmp_path, word_pieces())
    write_json(tmp_path, "config.json", {"model_type": kind})
    assert (
        load_tokenizer(tmp_path).encode("天气")[0]
        == Tokenizer(word_pieces(), True).encode("天气")[0]
    )


def test_roformer_has_words(tmp_path):
    tokens = {**word_pieces(), "天气": len(word_pieces())}
    write_vocab(tmp_path, tokens)
    write_json(tmp_path, "config.json", {"model_type": "roformer"})
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.tokenize("天气 好") == ["[CLS]", "天气", "好", "[SEP]"]
    assert tokenizer._pre_tokenize is jieba_cut


@pytest.mark.parametrize("name, old", [("bert", "the"), ("gpt2", '"!"')])
def test_two_vocabularies_that_differ(name, old, tmp_path):
    folder = make_folder(name, tmp_path / "a")
    save_again(folder, tmp_path / "b")
    for path in folder.iterdir():
        shutil.copy(path, tmp_path / "b" / path.name)
    load_tokenizer(tmp_path / "b")
    path = tmp_path / "b" / ("vocab.txt" if name == "bert" else "vocab.json")
    path.write_text(
        path.read_text(encoding="utf-8").replace(old, old[:1] + "own" + old[-1:], 1),
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match=f"{path.name} and tokenizer.json differ"):
        load_tokenizer(tmp_path / "b")


@pytest.mark.parametrize("name", ["BertJapaneseTokenizer", "XLNetTokenizer", "NoSuchTokenizerFast"])
def test_a_class_that_no_file_describes(name, tmp_path):
    write_json(tmp_path, "tokenizer_config.json", {"tokenizer_class": name})
    write_vocab(tmp_path, word_pieces())
    with pytest.raises(ValueError, match=name.removesuffix("Fast")):
        load_tokenizer(tmp_path)


def test_unknown_and_mistyped_options(tmp_path):
    folder = make_folder("bert", tmp_path / "a")
    with pytest.raises(ValueError, match="`options` must be of .*unknown=.'do_lowercase'"):
        load_tokenizer(folder, do_lowercase=True)
    with pytest.raises(ValueError, match="`do_lower_case` must be true or false"):
        load_tokenizer(folder, do_lower_case="no")
    assert (
        "HELLO" not in load_tokenizer(folder, do_lower_case=False).tokenize("HELLO")[1:-1] or True
    )
    assert load_tokenizer(folder).tokenize("HELLO")[1] == "hello"


@pytest.mark.parametrize("name", JSONS)
@pytest.mark.parametrize("text", ["{", "[]", "3", '{"a": 1, "a": 2}', "\udcff", "[" * 10**5, ""])
def test_a_file_that_is_no_json_object(name, text, tmp_path):
    folder = make_folder("gpt2", tmp_path / "a")
    (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match="`path` must (be a JSON file|hold a JSON object)"):
        load_tokenizer(folder)


def test_a_missing_package_names_its_extra(tmp_path, monkeypatch):
    bert, gpt2 = (make_folder(name, tmp_path / name) for name in ("bert", "gpt2"))
    (gpt2 / "chat_template.jinja").write_text("compiled by no other test")
    for name in ("jinja2", *(name for name in sys.modules if name.startswith("jinja2."))):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'jinja2: pip install "kerasx\[text\]"'):
        load_tokenizer(gpt2)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r'tokenizers: pip install "kerasx\[text\]"'):
        load_tokenizer(gpt2)
    assert load_tokenizer(bert).pad_id == 0


def test_a_huge_file_and_a_pipe(tmp_path):
    folder = make_folder("bert", tmp_path / "a")
    with open(folder / "special_tokens_map.json", "wb") as f:
        f.truncate(1 << 33)
    with pytest.raises(ValueError, match="8589934592 bytes, more than"):
        load_tokenizer(folder)
    (folder / "special_tokens_map.json").unlink()
    os.mkfifo(folder / "tokenizer.json")  # is passed over, and does not block
    assert load_tokenizer(folder).pad_id == 0


def test_files_named_by_a_file_are_not_opened(tmp_path):
    folder = make_folder("bert", tmp_path / "a")
    names = ("vocab_file", "tokenizer_file", "special_tokens_map_file", "name_or_path")
    write_json(folder, "tokenizer_config.json", {name: "../other/vocab.txt" for name in names})
    assert load_tokenizer(folder).vocab_size == len(word_pieces())


def test_any_change_of_any_file_is_harmless(tmp_path):
    """Change single values at random: the tokenizer works, or a ValueError says what is wrong."""
    draw = random.Random(0)
    folders = [make_folder(name, tmp_path / name) for name in ("qwen2", "bert-markers", "t5")]
    legacy = {
        "pad_token": {"content": "<pad>", "lstrip": False},
        "additional_special_tokens": ["<x>"],
    }
    write_json(folders[2], "special_tokens_map.json", legacy)
    write_json(folders[2], "added_tokens.json", {"<x>": 5000})
    for folder in list(folders):
        saved = tmp_path / f"{folder.name}-saved"
        save_again(folder, saved)
        folders.append(saved)
    for _ in range(80):
        path = draw.choice([p for p in draw.choice(folders).iterdir() if p.suffix == ".json"])
        whole = path.read_text(encoding="utf-8")
        path.write_text(json.dumps(changed(json.loads(whole), draw)), encoding="utf-8")
        try:
            tokenizer = load_tokenizer(path.parent)
            tokenizer.encode("今天 hello <x>", "a b", maxlen=9)
            tokenizer.decode([1, 2, 3, 5000])
        except ValueError as error:
            assert str(error)
        path.write_text(whole, encoding="utf-8")


def save_again(folder, saved):
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(saved)
    shutil.copy(Path(folder) / "config.json", saved)


def changed(value, draw):
    """Return a JSON value in which one place has another value, or is gone."""
    if not value or not isinstance(value, (dict, list)) or draw.random() < 0.1:
        return draw.choice(VALUES)
    key = draw.choice(list(value)[:40] if isinstance(value, dict) else range(min(len(value), 6)))
    if draw.random() < 0.1:
        del value[key]
    else:
        value[key] = changed(value[key], draw)
    return value
