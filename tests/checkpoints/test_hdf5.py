import os

import h5py
import numpy as np
import pytest
from hypothesis import given, settings

from kerasx.checkpoints import open_checkpoint, save_hdf5
from kerasx.files.atomic import write_digest
from tests.checkpoints.helpers import run_python, same_tensors, small_tensors, tensor_dicts

pytestmark = pytest.mark.backend_free


def read_all(path):
    with open_checkpoint(path) as checkpoint:
        return {name: checkpoint[name] for name in checkpoint}


def test_an_empty_file_round_trips(tmp_path):
    save_hdf5(tmp_path / "a.weights.h5", {})
    assert read_all(tmp_path / "a.weights.h5") == {}


@settings(max_examples=40, deadline=None)
@given(tensor_dicts)
def test_any_tensors_round_trip_bit_for_bit(tmp_path_factory, tensors):
    tensors = {f"{name}/0": array for name, array in tensors.items() if "/" not in name}
    path = tmp_path_factory.mktemp("hdf5") / "a.weights.h5"
    save_hdf5(path, tensors)
    assert same_tensors(read_all(path), tensors)


@pytest.mark.parametrize("names", [("a", "a/b"), ("a//b",), ("/a",), ("a/",), ("a/../b",), (".",)])
def test_names_that_are_not_distinct_paths_are_refused_before_writing(tmp_path, names):
    with pytest.raises(ValueError, match="distinct HDF5 paths"):
        save_hdf5(tmp_path / "a.weights.h5", {name: np.zeros(1) for name in names})
    assert os.listdir(tmp_path) == []


def test_truncations_and_header_bit_flips_raise_nothing_but_value_errors(tmp_path):
    path = tmp_path / "a.weights.h5"
    save_hdf5(path, small_tensors())
    content, rng, found = path.read_bytes(), np.random.default_rng(0), 0
    for i in range(100):
        spoilt = bytearray(content)
        spoilt[rng.integers(600)] ^= 1 << int(rng.integers(8))
        path.write_bytes(spoilt if i % 2 else content[: rng.integers(len(content) - 1)])
        try:
            read_all(path)
        except ValueError as error:
            assert str(path) in str(error)
            found += 1
    assert found >= 50


def test_links_out_of_the_file_are_refused(tmp_path):
    path = tmp_path / "a.weights.h5"
    save_hdf5(tmp_path / "other.h5", {"x": np.zeros(2)})
    (tmp_path / "raw").write_bytes(bytes(16))

    def external_link(file):
        file["x"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "x")

    def soft_link(file):
        file["x"] = h5py.SoftLink("/y")

    def external_data(file):
        file.create_dataset("x", (2,), "f8", external=[(str(tmp_path / "raw"), 0, 16)])

    def virtual(file):
        layout = h5py.VirtualLayout((2,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (2,))
        file.create_virtual_dataset("x", layout)

    def twice(file):
        file["x"] = np.zeros(2)
        file["y"] = file["x"]

    def groups_linked_twice(file):
        for depth in range(40):  # 2**40 paths
            file.create_group(f"{depth}")
        for depth in range(39):
            file[f"{depth}/a"] = file[f"{depth}/b"] = file[f"{depth + 1}"]

    def bomb(file):
        file.create_dataset("x", (10**12,), "f8", chunks=(1024,))

    makers = (external_link, soft_link, external_data, virtual, twice, groups_linked_twice, bomb)
    for make in makers:
        with h5py.File(path, "w") as file:
            make(file)
        with pytest.raises(ValueError, match="a.weights.h5"):
            open_checkpoint(path)


def test_a_flipped_data_bit_is_found_by_the_digest_alone(tmp_path):
    path = tmp_path / "a.weights.h5"
    save_hdf5(path, {"x": np.arange(100.0)})
    content = bytearray(path.read_bytes())
    content[content.index(np.float64(50).tobytes())] ^= 1
    write_digest(path)
    assert same_tensors(read_all(path), {"x": np.arange(100.0)})
    path.write_bytes(content)
    with pytest.raises(ValueError, match="sha256"):
        read_all(path)
    (tmp_path / "a.weights.h5.sha256").unlink()
    assert not same_tensors(read_all(path), {"x": np.arange(100.0)})


def test_strings_are_listed_as_skipped(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["text"] = np.array([b"abc"])
        file["x"] = np.zeros(2)
    checkpoint = open_checkpoint(tmp_path / "a.h5")
    assert list(checkpoint) == ["x"] and list(checkpoint.skipped) == ["text"]


KERAS = """
import sys
import keras
from kerasx.checkpoints import open_checkpoint, save_hdf5
ours, theirs = sys.argv[1:]
def build():
    layers = [keras.Input((3,)), keras.layers.Dense(4, dtype="bfloat16"), keras.layers.Dense(2)]
    return keras.Sequential(layers)
def bits(model):
    float32 = [keras.ops.cast(w, "float32") for w in model.weights]
    return [keras.ops.convert_to_numpy(w).tobytes() for w in float32]
model, copy = build(), build()
model.save_weights(theirs)
with open_checkpoint(theirs) as checkpoint:
    names = [f"layers/{layer}/vars/{i}" for layer in ("dense", "dense_1") for i in (0, 1)]
    print([checkpoint[name].astype("float32").tobytes() for name in names] == bits(model))
    print(checkpoint.dtype(names[0]), checkpoint.dtype(names[2]), set(checkpoint) == set(names))
    save_hdf5(ours, checkpoint)
print(bits(copy) == bits(model))
copy.load_weights(ours)
print(bits(copy) == bits(model))
"""


def test_weights_of_keras_are_read_and_written_back_for_keras(tmp_path):
    lines = run_python(KERAS, tmp_path / "a.weights.h5", tmp_path / "b.weights.h5").splitlines()
    assert lines[-4:] == ["True", "bfloat16 float32 True", "False", "True"]
