import os
import time

import numpy as np
import pytest

from kerasx.checkpoints import describe_folder, open_checkpoint, read_config, save_tensor_bundle

pytestmark = pytest.mark.backend_free


def fill(folder, *names):
    for name in names:
        (folder / name).write_text("")
    return folder


def test_an_empty_folder_says_what_is_expected(tmp_path):
    with pytest.raises(ValueError, match="bert_config.json.*holds nothing"):
        describe_folder(tmp_path)


def test_a_missing_checkpoint_says_what_is_there(tmp_path):
    fill(tmp_path, "config.json", "notes.md")
    with pytest.raises(ValueError, match="model.safetensors.*config.json, notes.md"):
        describe_folder(tmp_path)
    assert describe_folder(tmp_path, require=()).checkpoint_path is None


@pytest.mark.parametrize(
    "name, advice",
    [("tf_model.h5", "from_tf"), ("flax_model.msgpack", "from_flax"), ("m.gguf", "")],
)
def test_weights_of_other_programs_are_named_with_what_to_do(name, advice, tmp_path):
    fill(tmp_path, "config.json", name)
    with pytest.raises(ValueError, match=f" {name} is of .*{advice}.*model.safetensors"):
        describe_folder(tmp_path)


def test_a_path_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="existing folder"):
        describe_folder(tmp_path / "nowhere")


GOOGLE = ["bert_config.json", "vocab.txt", "bert_model.ckpt.data-00000-of-00001"]
GOOGLE += ["bert_model.ckpt.index", "bert_model.ckpt.meta"]
HUGGING_FACE = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]


@pytest.mark.parametrize(
    "names, config, checkpoint, vocab, format",
    [
        (GOOGLE, "bert_config.json", "bert_model.ckpt", "vocab.txt", "tensorflow"),
        (
            [*HUGGING_FACE, "model.safetensors", "pytorch_model.bin", "training_args.bin"],
            *("config.json", "model.safetensors", "tokenizer.json", "safetensors"),
        ),
        (
            [*HUGGING_FACE, "vocab.txt", "pytorch_model.bin", "tf_model.h5"],
            *("config.json", "pytorch_model.bin", "vocab.txt", "torch"),
        ),
        (
            [
                *("config.json", "spiece.model", "model.safetensors.index.json"),
                *("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
            ],
            *("config.json", "model.safetensors.index.json", "spiece.model", "safetensors"),
        ),
        (
            ["albert_tiny_config.json", "model.weights.h5"],
            *("albert_tiny_config.json", "model.weights.h5", None, "hdf5"),
        ),
        (
            ["config.json", "model.safetensors", "model.safetensors.index.json"],
            *("config.json", "model.safetensors", None, "safetensors"),
        ),
        (
            [*GOOGLE, "config.json", "model.safetensors", ".tmp-00-x.safetensors"],
            *("config.json", "model.safetensors", "vocab.txt", "safetensors"),
        ),
    ],
)
def test_folders_as_they_are_published(tmp_path, names, config, checkpoint, vocab, format):
    found = describe_folder(fill(tmp_path, *names))
    paths = (found.config_path, found.checkpoint_path, found.vocab_path)
    assert paths == tuple(n and str(tmp_path / n) for n in (config, checkpoint, vocab))
    assert found.format == format


@pytest.mark.parametrize(
    "names",
    [
        ["a.ckpt.index", "b.ckpt.index"],
        ["model.safetensors", "adapter.safetensors"],
        ["a.weights.h5", "b.weights.h5"],
    ],
)
def test_two_checkpoints_of_one_kind_are_listed(tmp_path, names):
    fill(tmp_path, "config.json", *names)
    with pytest.raises(ValueError) as error:
        describe_folder(tmp_path)
    assert all(name in str(error.value) for name in names)


def test_a_folder_is_opened_by_what_is_in_it(tmp_path):
    save_tensor_bundle(tmp_path / "bert_model.ckpt", {"a": np.arange(3)})
    for path in (tmp_path, tmp_path / "bert_model.ckpt", tmp_path / "bert_model.ckpt.index"):
        assert open_checkpoint(path)["a"].tolist() == [0, 1, 2]


def test_a_path_of_no_known_kind_is_refused(tmp_path):
    fill(tmp_path, "a.txt")
    for name in ("a.txt", "b.ckpt"):
        with pytest.raises(ValueError, match=name):
            open_checkpoint(tmp_path / name)


def test_a_config_is_read_from_file_or_folder(tmp_path):
    (tmp_path / "config.json").write_bytes('\ufeff{"名": [1, 2.5, null]}'.encode())
    assert read_config(tmp_path) == read_config(tmp_path / "config.json") == {"名": [1, 2.5, None]}


@pytest.mark.parametrize(
    "content, place",
    [
        (b"", "config.json:1:1"),
        (b'{"a": 1,\n "b" 2}', "config.json:2:6"),
        (b"[1]", "config.json:1:1.*list"),
        (b'{"a": 1, "a": 2}', "config.json.*'a' appears twice"),
        (b"\xff\xfe{}", "config.json.*decode"),
        (b'{"a":' * 100_000, "config.json"),
    ],
)
def test_a_config_with_a_mistake_is_refused_with_its_place(tmp_path, content, place):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=place):
        read_config(tmp_path / "config.json")


def test_a_missing_config_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere.json"):
        read_config(os.path.join(tmp_path, "nowhere.json"))


def test_a_config_of_many_keys_is_read_in_time_in_proportion(tmp_path):
    pairs = [f'"k{i}": 0' for i in range(60_000)]
    (tmp_path / "config.json").write_text("{" + ", ".join([*pairs, '"k0": 1']) + "}")
    start = time.process_time()
    with pytest.raises(ValueError, match="'k0' appears twice"):
        read_config(tmp_path)
    assert time.process_time() - start < 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs os.mkfifo")
def test_a_pipe_in_place_of_a_config_is_refused(tmp_path):
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ValueError, match="not a pipe"):
        read_config(tmp_path / "config.json")
