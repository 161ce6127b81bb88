"""Mapped checkpoints: arrays are views of the file, in memory only while they are used."""

import os

import numpy as np
import pytest

from kerasx.checkpoints import open_checkpoint, save_safetensors, save_tensor_bundle
from kerasx.checkpoints.data_file import DataFile

pytestmark = pytest.mark.backend_free

VALUES = np.arange(1 << 20, dtype="float32").reshape(1 << 10, -1)
FILES = {"x.ckpt": "x.ckpt.data-00000-of-00001", "x.safetensors": "x.safetensors"}


@pytest.fixture(params=FILES)
def path(request, tmp_path):
    save = save_tensor_bundle if request.param == "x.ckpt" else save_safetensors
    save(tmp_path / request.param, {"w": VALUES, "bias": VALUES[0]})
    return tmp_path / request.param


def damage(path, offset):
    with open(path.parent / FILES[path.name], "r+b") as f:
        f.seek(offset, os.SEEK_END)
        byte = f.read(1)
        f.seek(offset, os.SEEK_END)
        f.write(bytes([byte[0] ^ 1]))


def test_arrays_are_views_that_outlive_release_and_close(path):
    with open_checkpoint(path, mapped=True) as checkpoint:
        array = checkpoint["w"]
        assert not array.flags.writeable and np.shares_memory(array, checkpoint["w"])
        np.testing.assert_array_equal(array, VALUES)
        checkpoint.release()
        np.testing.assert_array_equal(array, VALUES)
    np.testing.assert_array_equal(array, VALUES)


def test_arrays_outlive_the_file_that_takes_its_place(path):
    with open_checkpoint(path, mapped=True) as checkpoint:
        save = save_tensor_bundle if path.suffix == ".ckpt" else save_safetensors
        save(path, {"w": VALUES + 1, "bias": VALUES[0]})
        np.testing.assert_array_equal(checkpoint["w"], VALUES)


def test_arrays_are_their_own_unless_mapped(path):
    with open_checkpoint(path) as checkpoint:
        checkpoint.release()  # has no effect
        assert not np.shares_memory(checkpoint["w"], checkpoint["w"])


def test_a_file_cut_short_while_open_is_an_error(path):
    with open_checkpoint(path, mapped=True) as checkpoint:
        os.truncate(path.parent / FILES[path.name], 100)
        with pytest.raises(ValueError, match="incomplete.*is 100 now"):
            checkpoint["w"]


@pytest.mark.parametrize("mapped", [False, True])
def test_verify_finds_damage_in_any_piece_of_a_tensor(mapped, tmp_path):
    path = tmp_path / "x.ckpt"
    save_tensor_bundle(path, {"w": np.zeros((3, 1 << 20), "float32"), "a": VALUES})
    for offset in (-1, -(5 << 20), -(12 << 20)):
        damage(path, offset)
        with open_checkpoint(path, mapped=mapped) as checkpoint:
            checkpoint.verify(["a"])
            with pytest.raises(ValueError, match="'w'.*CRC-32C"):
                checkpoint.verify(["w"])
            with pytest.raises(ValueError, match="'w'.*CRC-32C"):
                checkpoint["w"]
        damage(path, offset)  # repairs it
    with open_checkpoint(path, mapped=mapped) as checkpoint:
        checkpoint.verify(checkpoint)


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 30])
def test_pieces_add_up_to_the_bytes(mapped, size, tmp_path):
    (tmp_path / "x").write_bytes(bytes(range(40)) if size else b"")
    file = DataFile(tmp_path / "x", mapped)
    pieces = list(file.pieces(5, size, piece=8))
    assert [len(p) for p in pieces] == [8] * (size // 8) + [size % 8] * (size % 8 > 0)
    assert b"".join(p.tobytes() for p in pieces) == bytes(range(5, 5 + size))
    assert file.read(0, size).tobytes() == bytes(range(size))
