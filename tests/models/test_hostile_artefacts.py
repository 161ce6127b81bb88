"""`load_model` refuses files that are malformed, elsewhere or of another model."""

import hashlib
import json
import os
import pathlib
import shutil
import time
import zipfile

import pytest

from kerasx.models import load_model, save_model
from kerasx.tokenizers import Tokenizer
from tests.models.test_families import tiny
from tests.models.test_saving import TOKENS, VOCAB

pytestmark = pytest.mark.once


def edited(folder, **changes):
    """Change entries of an artefact.json; ... removes one."""
    index = json.loads((folder / "artefact.json").read_text("utf-8"))
    index = {k: v for k, v in {**index, **changes}.items() if v is not ...}
    (folder / "artefact.json").write_text(json.dumps(index), "utf-8")
    return folder


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    """A folder with a model and a vocabulary, to be copied."""
    folder = tmp_path_factory.mktemp("artefact")
    save_model(folder, tiny("bert", "encoder"), Tokenizer(VOCAB), ["a"])
    return folder


@pytest.fixture
def copied(artefact, tmp_path):
    return pathlib.Path(shutil.copytree(artefact, tmp_path / "copy"))


@pytest.mark.parametrize("name", ["../out.txt", "{out}", "..", "a/b", "C:vocab.txt", "", "a\\b"])
def test_files_outside_the_folder_are_not_read(copied, name):
    out = copied.parent / "out.txt"
    shutil.copy(copied / "vocab.txt", out)
    digests = {"model.keras": digest(copied / "model.keras"), name.format(out=out): digest(out)}
    with pytest.raises(ValueError, match="artefact.json") as error:
        load_model(edited(copied, sha256=digests))
    digests[name.format(out=out)] = "0" * 64
    with pytest.raises(ValueError) as other:
        load_model(edited(copied, sha256=digests))
    assert str(error.value) == str(other.value)  # it does not tell whether the file exists


DIGEST = "0" * 64
BUILDER = {"model": "bert", "application": "encoder"}


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": ...},
        {"sha256": None},
        {"sha256": ["model.keras"]},
        {"sha256": {}},
        {"sha256": {"vocab.txt": DIGEST}},
        {"sha256": {"model.keras": 1}},
        {"sha256": {"model.keras": "x" * 64}},
        {"labels": "ab"},
        {"labels": {"a": 1}},
        {"tokenizer": None},
        {"tokenizer": []},
        {"tokenizer": {"pre_tokenize": 3}},
        {"tokenizer": {"pre_tokenize": None, "unknown": 1}},
        {"builder": []},
        {"builder": "bert"},
        {"builder": {}},
        {"builder": {**BUILDER, "arguments": None}},
        {"builder": {**BUILDER, "arguments": [1]}},
        {"builder": {**BUILDER, "arguments": {}}},
        {"builder": {**BUILDER, "model": [], "arguments": {}}},
        {"builder": {**BUILDER, "model": "x", "arguments": {}}},
        {"builder": {**BUILDER, "application": {}, "arguments": {}}},
    ],
)
def test_a_malformed_index_is_a_value_error_that_names_it(copied, changes):
    with pytest.raises(ValueError, match="artefact.json"):
        load_model(edited(copied, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": 3},
        {"num_hidden_layers": "2"},
        {"num_hidden_layers": 0},
        {"num_attention_heads": 0},
        {"hidden_size": None},
        {"hidden_size": "8"},
        {"layer_norm_eps": float("nan")},
        {"vocab_size": 25},
        {"vocab_size": 10**12},
        {"prefix": "x", "vocab_size": 10**12},
        {"with_pool": True},
        {"unknown": 1},
    ],
)
@pytest.mark.parametrize("name", ["bert", "albert"])
def test_a_builder_of_another_model_is_refused_before_it_is_built(tmp_path, name, changes):
    save_model(tmp_path, tiny(name, "encoder"))
    builder = json.loads((tmp_path / "artefact.json").read_text())["builder"]
    builder["arguments"] |= changes
    start = time.process_time()
    if name == "albert" and changes == {"num_hidden_layers": 3}:
        return  # its blocks share their layers
    with pytest.raises(ValueError, match="artefact.json"):
        load_model(edited(tmp_path, builder=builder))
    assert time.process_time() - start < 20


def test_a_vocabulary_of_another_model_is_refused(copied):
    tokens = [*TOKENS, *map(str, range(40))]
    (copied / "vocab.txt").write_text("\n".join(tokens), "utf-8")
    digests = {name: digest(copied / name) for name in ("model.keras", "vocab.txt")}
    with pytest.raises(ValueError, match="no more tokens than the model has embeddings"):
        load_model(edited(copied, sha256=digests))


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x05\x06" + bytes(18)])
def test_a_graph_that_is_no_model_of_keras_is_a_value_error(copied, content):
    (copied / "model.keras").write_bytes(content)
    files = ("model.keras", "vocab.txt")
    with pytest.raises(ValueError, match="model.keras"):
        load_model(edited(copied, sha256={name: digest(copied / name) for name in files}))


def test_a_configuration_of_a_graph_that_keras_cannot_read_is_a_value_error(copied):
    with zipfile.ZipFile(copied / "model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for config in (b"{}", b"[]", b"3", b'{"class_name": 3, "config": []}', b"[" * 10**5):
        with zipfile.ZipFile(copied / "model.keras", "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, config if name == "config.json" else content)
        digests = {name: digest(copied / name) for name in ("model.keras", "vocab.txt")}
        with pytest.raises(ValueError, match="model.keras") as error:
            load_model(edited(copied, sha256=digests))
        assert len(str(error.value)) < 600 + 2 * len(str(copied))


@pytest.mark.parametrize("damage", ["model.keras", "vocab.txt", "artefact.json"])
def test_a_pipe_in_place_of_a_file_is_refused(copied, damage):
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs os.mkfifo")
    os.remove(copied / damage)
    os.mkfifo(copied / damage)
    with pytest.raises(ValueError, match=damage):
        load_model(copied)
