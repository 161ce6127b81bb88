import os

import numpy as np
import pytest
from hypothesis import given, settings

from kerasx.checkpoints import __main__ as cli
from kerasx.checkpoints import open_checkpoint, save_safetensors, save_tensor_bundle
from tests.checkpoints.helpers import run_python, same_tensors, small_tensors, tensor_dicts

pytestmark = pytest.mark.backend_free


def test_show_lists_every_tensor_and_the_total(tmp_path, capsys):
    save_tensor_bundle(tmp_path / "a.ckpt", small_tensors())
    assert cli.main(["show", str(tmp_path / "a.ckpt")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "bert/embeddings/word_embeddings",
        "(7,",
        "5)",
        "float32",
        "140",
        "B",
    ]
    assert lines[-1].startswith("4 tensors, 158 B, tensorflow format")


@settings(max_examples=20, deadline=None)
@given(tensor_dicts)
def test_a_round_trip_through_all_formats_keeps_every_bit(tmp_path_factory, tensors):
    folder = tmp_path_factory.mktemp("convert")
    tensors = {name.replace("/", "."): array for name, array in tensors.items()}
    save_tensor_bundle(folder / "a.ckpt", tensors)
    chain = ["a.ckpt", "b.safetensors", "c.weights.h5", "d.ckpt"]
    for source, target in zip(chain, chain[1:]):
        assert cli.main(["convert", str(folder / source), str(folder / target)]) == 0
    assert same_tensors(open_checkpoint(folder / "d.ckpt"), tensors)


@pytest.mark.parametrize("target", ["a.safetensors", "a.ckpt", "a.weights.h5"])
def test_existing_files_are_replaced_by_force_alone(tmp_path, capsys, target):
    save_safetensors(tmp_path / "x.safetensors", small_tensors())
    arguments = ["convert", str(tmp_path / "x.safetensors"), str(tmp_path / target)]
    assert cli.main(arguments) == 0
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert "--force" in error and target in error and error.count("\n") == 1
    assert cli.main([*arguments, "--force"]) == 0
    assert same_tensors(open_checkpoint(tmp_path / target), small_tensors())


def test_a_folder_is_converted_with_its_config_and_vocabulary(tmp_path):
    source, target = tmp_path / "google", tmp_path / "converted"
    source.mkdir()
    save_tensor_bundle(source / "bert_model.ckpt", small_tensors())
    (source / "bert_config.json").write_text('{"hidden_size": 5}')
    (source / "vocab.txt").write_bytes("[PAD]\n\u2028\r\n".encode())
    assert cli.main(["convert", str(source), str(target)]) == 0
    assert sorted(os.listdir(target)) == ["bert_config.json", "model.safetensors", "vocab.txt"]
    assert (target / "vocab.txt").read_bytes() == (source / "vocab.txt").read_bytes()
    assert same_tensors(open_checkpoint(target), small_tensors())
    assert cli.main(["convert", str(source), str(target)]) == 2


def test_a_checkpoint_converted_onto_itself_keeps_its_tensors(tmp_path):
    path = str(tmp_path / "a.ckpt")
    save_tensor_bundle(path, small_tensors())
    assert cli.main(["convert", path, path, "--force"]) == 0
    assert same_tensors(open_checkpoint(path), small_tensors())


@pytest.mark.parametrize("size, count", [("1B", 4), ("0.1KB", 2), ("1GB", 1)])
def test_shards_are_of_the_size_asked_for(tmp_path, size, count):
    tensors = {name: np.ones(30, "float32") for name in "abcd"} if size == "1B" else small_tensors()
    save_tensor_bundle(tmp_path / "a.ckpt", tensors)
    target = tmp_path / "model"
    assert (
        cli.main(["convert", str(tmp_path / "a.ckpt"), str(target), "--max-shard-size", size]) == 0
    )
    assert sum(name.endswith(".safetensors") for name in os.listdir(target)) == count
    assert same_tensors(open_checkpoint(target), tensors)


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "nowhere"],
        ["show", "bad.safetensors"],
        ["convert", "good.safetensors", "a.npz"],
        ["convert", "good.safetensors", "a.ckpt", "--max-shard-size", "1GB"],
        ["convert", "good.safetensors", "nowhere/a.ckpt"],
        ["convert", "bad.safetensors", "a.ckpt"],
    ],
)
def test_errors_are_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.safetensors").write_bytes(b"\xff" * 50)
    save_safetensors("good.safetensors", small_tensors())
    before = sorted(os.listdir())
    assert cli.main(arguments) == 2
    output = capsys.readouterr()
    assert output.err.startswith("error: ") and output.err.count("\n") == 1 and not output.out
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("size", ["", "five", "nan", "inf", "1XB"])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(SystemExit):
        cli.main(["convert", "a", "b", "--max-shard-size", size])


def test_the_module_runs_as_a_command(tmp_path):
    code = "import runpy, sys; sys.argv = ['x', 'show', sys.argv[1]]\n"
    code += "try: runpy.run_module('kerasx.checkpoints', run_name='__main__')\n"
    code += "except SystemExit as error: print('exit', error.code)"
    save_safetensors(tmp_path / "a.safetensors", small_tensors())
    assert run_python(code, tmp_path / "a.safetensors").splitlines()[-1] == "exit 0"


def test_what_is_not_copied_is_named_and_metadata_is_kept(tmp_path, capsys):
    header = b'{"__metadata__":{"format":"pt"},"a":{"dtype":"F8_E8M0","shape":[2],'
    header += b'"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}'
    content = len(header).to_bytes(8, "little") + header + b"abcd"
    (tmp_path / "a.safetensors").write_bytes(content)
    paths = [str(tmp_path / name) for name in ("a.safetensors", "b.safetensors")]
    assert cli.main(["convert", *paths]) == 0
    assert capsys.readouterr().err == "not copied: a (safetensors dtype F8_E8M0)\n"
    assert open_checkpoint(paths[1]).metadata == {"format": "pt"}
    assert open_checkpoint(paths[1])["b"].tobytes() == b"cd"


def test_progress_is_shown_for_what_is_big(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "_BIG", 100)
    save_safetensors(tmp_path / "a.safetensors", small_tensors())
    cli.convert(tmp_path / "a.safetensors", tmp_path / "b.ckpt")
    assert capsys.readouterr().err.endswith("read 158 B of 158 B   \n")
    assert not os.path.exists(tmp_path / "b.ckpt")  # a prefix, not a folder
