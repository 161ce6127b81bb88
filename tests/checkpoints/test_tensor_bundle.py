import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.checkpoints import open_checkpoint, save_tensor_bundle, sstable
from kerasx.checkpoints.bundle_index import slice_key
from kerasx.checkpoints.sstable import read_table, write_table
from kerasx.files.checksum import masked_crc32c
from kerasx.files.protobuf import read_fields, read_varint, write_message, write_varint
from tests.checkpoints.helpers import (
    arrays,
    run_python,
    same,
    same_tensors,
    small_tensors,
    tensor_dicts,
)

pytestmark = pytest.mark.backend_free


def read_bytes(path):
    with open(path, "rb") as f:
        return f.read()


def write_bytes(path, content):
    with open(path, "wb") as f:
        f.write(content)


@pytest.fixture
def prefix(tmp_path):
    save_tensor_bundle(tmp_path / "tiny.ckpt", small_tensors())
    return str(tmp_path / "tiny.ckpt")


def read_all(prefix, **options):
    with open_checkpoint(prefix, **options) as checkpoint:
        return {name: np.array(checkpoint[name]) for name in checkpoint}


def test_an_empty_checkpoint_round_trips(tmp_path):
    save_tensor_bundle(tmp_path / "empty.ckpt", {})
    assert read_all(tmp_path / "empty.ckpt") == {}


def test_shapes_and_dtypes_are_known_without_reading(prefix):
    path = f"{prefix}.data-00000-of-00001"
    write_bytes(path, bytes(os.path.getsize(path)))  # no CRC is right
    with open_checkpoint(prefix) as checkpoint:
        for name, array in small_tensors().items():
            assert checkpoint.shape(name) == array.shape and checkpoint.dtype(name) == array.dtype
        assert checkpoint.format == "tensorflow" and checkpoint.path == prefix


@settings(max_examples=60, deadline=None)
@given(tensor_dicts)
def test_any_tensors_round_trip_bit_for_bit(tmp_path_factory, tensors):
    prefix = tmp_path_factory.mktemp("bundle") / "x.ckpt"
    save_tensor_bundle(prefix, tensors)
    assert same_tensors(read_all(prefix), tensors)
    assert same_tensors(read_all(prefix, mapped=True), tensors)


def test_ten_thousand_names_span_several_blocks(tmp_path):
    tensors = {f"layer_{i}/kernel_with_a_long_name": np.array(i) for i in range(10_000)}
    save_tensor_bundle(tmp_path / "many.ckpt", tensors)
    assert same_tensors(read_all(tmp_path / "many.ckpt"), tensors)


def test_big_endian_and_fortran_arrays_are_stored_by_value(tmp_path):
    tensors = {"a": np.arange(6, dtype=">f4").reshape(2, 3), "b": np.asfortranarray(np.eye(3, 2))}
    save_tensor_bundle(tmp_path / "x.ckpt", tensors)
    read = read_all(tmp_path / "x.ckpt")
    assert same(read["a"], tensors["a"].astype("<f4")) and same(read["b"], np.eye(3, 2))


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "__metadata__"])
def test_a_name_that_cannot_be_stored_is_refused_before_writing(tmp_path, name):
    with pytest.raises(ValueError, match="name"):
        save_tensor_bundle(tmp_path / "x.ckpt", {name: np.zeros(2)})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None]), [1.0], np.zeros(2, "M8[s]")])
def test_what_is_not_numeric_is_refused_before_writing(tmp_path, array):
    with pytest.raises(ValueError, match="'x'"):
        save_tensor_bundle(tmp_path / "x.ckpt", {"x": array})
    assert os.listdir(tmp_path) == []


def test_saving_again_never_overwrites_the_data_in_use(tmp_path):
    prefix, first = tmp_path / "x.ckpt", {"a": np.zeros(3), "b": np.ones(3)}
    save_tensor_bundle(prefix, first)
    reader = open_checkpoint(prefix)
    for value in range(3):
        save_tensor_bundle(prefix, {"a": np.full(3, value), "b": np.full(4, value)})
        assert read_all(prefix)["b"].tolist() == [value] * 4
        assert len(os.listdir(tmp_path)) == (3 if value % 2 == 0 else 2)
    assert same_tensors(reader, first)  # deleted files stay readable while they are open


def test_a_failed_save_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    prefix = tmp_path / "x.ckpt"
    save_tensor_bundle(prefix, {"a": np.zeros(3)})
    replace = os.replace

    def fail_at_the_index(source, target):
        if str(target).endswith(".index"):
            raise RuntimeError("killed here")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_at_the_index)
    with pytest.raises(RuntimeError):
        save_tensor_bundle(prefix, {"a": np.ones(3)})
    assert read_all(prefix)["a"].tolist() == [0, 0, 0]


KILLED = """
import os, random, signal, sys, time
import numpy as np
from kerasx.checkpoints import open_checkpoint, save_tensor_bundle
versions = [{"a": np.full(30_000, i), "b": np.full(20_000, i), "c": np.array(i)} for i in (0, 1)]
save_tensor_bundle(sys.argv[1], versions[0])
random.seed(0)
for trial in range(20):
    pid = os.fork()
    if pid == 0:
        while True:
            for tensors in reversed(versions):
                save_tensor_bundle(sys.argv[1], tensors)
    time.sleep(random.uniform(0.005, 0.05))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with open_checkpoint(sys.argv[1]) as checkpoint:
        print({int(n) for name in checkpoint for n in checkpoint[name].ravel()})
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_twenty_kills_leave_one_of_the_two_versions(tmp_path):
    lines = run_python(KILLED, tmp_path / "x.ckpt").splitlines()
    assert len(lines) == 20 and set(lines) <= {"{0}", "{1}"}


# RFC 3720, B.4
CRCS = [
    (b"", 0x00000000),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
    (b"123456789", 0xE3069283),
]


@pytest.mark.parametrize("data, crc", CRCS)
def test_published_crcs_are_masked_as_leveldb_unmasks_them(data, crc):
    for pieces in ([data], [data[:5], data[5:]], [np.frombuffer(data, np.uint8)]):
        rotated = (masked_crc32c(pieces) - 0xA282EAD8) & 0xFFFFFFFF
        assert (rotated >> 17 | rotated << 15) & 0xFFFFFFFF == crc


def test_two_hundred_bit_flips_are_found_or_harmless(prefix):
    tensors, rng, found = small_tensors(), np.random.default_rng(1), 0
    paths = [f"{prefix}.index", f"{prefix}.data-00000-of-00001"]
    contents = {path: read_bytes(path) for path in paths}
    for _ in range(200):
        path = paths[rng.integers(2)]
        spoilt = bytearray(contents[path])
        spoilt[rng.integers(len(spoilt))] ^= 1 << int(rng.integers(8))
        write_bytes(path, spoilt)
        try:
            assert same_tensors(read_all(prefix), tensors)
        except ValueError as error:
            assert path in str(error), error
            assert path.endswith(".index") or any(f"'{name}'" in str(error) for name in tensors)
            found += 1
        write_bytes(path, contents[path])
    assert found > 100


def test_fifty_truncations_are_found_or_harmless(prefix):
    tensors, rng = small_tensors(), np.random.default_rng(2)
    for i in range(50):
        path = f"{prefix}.{('index', 'data-00000-of-00001')[i % 2]}"
        content = read_bytes(path)
        write_bytes(path, content[: rng.integers(len(content))])
        with pytest.raises(ValueError, match=os.path.basename(path)):
            assert same_tensors(read_all(prefix), tensors)
        write_bytes(path, content)


def test_data_that_is_cut_short_is_found_when_opened(prefix):
    path = f"{prefix}.data-00000-of-00001"
    os.truncate(path, os.path.getsize(path) - 1)
    with pytest.raises(ValueError, match="global_step.*of a file of"):
        open_checkpoint(prefix)


def write_entries(prefix, entries, parts=()):
    """Write an index of {name: BundleEntryProto fields} and slices, for the bytes 0 to 63."""
    table = {name.encode(): write_message(*fields) for name, fields in entries.items()}
    table |= {slice_key(name, extents): write_message(*fields) for name, extents, fields in parts}
    table[b""] = write_message((1, 1))
    write_bytes(f"{prefix}.index", write_table(table))
    write_bytes(f"{prefix}.data-00000-of-00001", bytes(range(64)))


def shape_message(*sizes):
    return b"".join(write_message((2, write_message((1, size)))) for size in sizes)


def extents_message(*extents):
    return b"".join(write_message((1, write_message((1, a), (2, b)))) for a, b in extents)


@pytest.mark.parametrize("sizes, size", [((3,), 4), ((), 2), ((5,), 0), ((2**40, 2**40), 8)])
def test_a_size_that_differs_from_the_shape_is_found_when_opened(tmp_path, sizes, size):
    write_entries(tmp_path / "x.ckpt", {"a": [(1, 4), (2, shape_message(*sizes)), (5, size)]})
    with pytest.raises(ValueError, match="'a'.*bytes for uint8"):
        open_checkpoint(tmp_path / "x.ckpt")


@pytest.mark.parametrize(
    "starts, error",
    [
        ((0, 2), None),
        ((1, 1), "overlap"),
        ((0, 3), "does not fit"),
        ((0,), "add up"),
        ((0, 2, 0), "add up"),
        ((), "bytes for uint8"),
    ],
)
def test_slices_must_cover_the_tensor(tmp_path, starts, error):
    slices = [(7, extents_message((start, 2))) for start in starts]
    crc = masked_crc32c([bytes([8, 9])])
    part = [(1, 4), (2, shape_message(2)), (4, 8), (5, 2), (6, crc)]
    parts = [("a", ((start, 2),), part) for start in starts]
    write_entries(tmp_path / "x.ckpt", {"a": [(1, 4), (2, shape_message(4)), *slices]}, parts)
    if error is None:
        assert open_checkpoint(tmp_path / "x.ckpt")["a"].tolist() == [8, 9, 8, 9]
    else:
        with pytest.raises(ValueError, match=f"'a'.*{error}"):
            read_all(tmp_path / "x.ckpt")


def test_slices_that_share_their_bytes_are_refused(tmp_path):
    count, size = 100, 64
    slices = [(7, extents_message((size * i, size))) for i in range(count)]
    part = [(1, 4), (2, shape_message(size)), (5, size), (6, masked_crc32c([bytes(range(64))]))]
    parts = [("a", ((size * i, size),), part) for i in range(count)]
    whole = [(1, 4), (2, shape_message(size * count)), *slices]
    write_entries(tmp_path / "x.ckpt", {"a": whole}, parts)
    with pytest.raises(ValueError, match="add up to 6400 bytes of 64"):
        open_checkpoint(tmp_path / "x.ckpt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs os.mkfifo")
@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001"])
def test_a_pipe_in_place_of_a_file_is_refused(prefix, suffix):
    os.remove(f"{prefix}.{suffix}")
    os.mkfifo(f"{prefix}.{suffix}")
    with pytest.raises(ValueError, match="not a pipe|is empty"):
        open_checkpoint(prefix)


def test_a_missing_shard_is_named(prefix):
    os.remove(f"{prefix}.data-00000-of-00001")
    with pytest.raises(ValueError, match="data-00000-of-00001"):
        open_checkpoint(prefix)


def peak_memory(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def read_or_refuse(prefix):
    try:
        read_all(prefix)
    except ValueError as error:
        assert str(prefix) in str(error)


MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_raise_nothing_but_value_errors(tmp_path_factory, content, with_magic):
    prefix = tmp_path_factory.mktemp("fuzz") / "x.ckpt"
    write_bytes(f"{prefix}.index", content + MAGIC * with_magic)
    with pytest.raises(ValueError, match="x.ckpt.index"):
        open_checkpoint(prefix)


numbers = st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1))
shapes = st.lists(numbers, max_size=4).map(
    lambda sizes: b"".join(write_message((2, write_message((1, size)))) for size in sizes)
)
slices = st.lists(st.tuples(numbers, numbers), max_size=3).map(
    lambda pairs: b"".join(write_message((1, write_message((1, a), (2, b)))) for a, b in pairs)
)
fields = st.one_of(
    st.tuples(st.sampled_from([1, 3, 4, 5, 6]), numbers),
    st.tuples(st.just(2), shapes),
    st.tuples(st.just(7), slices),
    st.tuples(st.integers(1, 8), st.binary(max_size=8)),
)
entries = st.one_of(
    st.binary(max_size=40), st.lists(fields, max_size=6).map(lambda pairs: write_message(*pairs))
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.binary(max_size=4), entries, max_size=5), entries)
def test_hostile_entries_with_right_crcs_stay_within_bounds(tmp_path_factory, table, header):
    prefix = tmp_path_factory.mktemp("fuzz") / "x.ckpt"
    table[b""] = header if len(table) % 2 else write_message((1, 1))
    write_bytes(f"{prefix}.index", write_table(table))
    write_bytes(f"{prefix}.data-00000-of-00001", bytes(64))
    assert peak_memory(lambda: read_or_refuse(prefix)) < 100e6


def test_keys_that_would_unfold_to_gigabytes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sstable, "_RESTART", 10**9)  # every key shares the prefix of the first
    monkeypatch.setattr(sstable, "_BLOCK_SIZE", 10**9)
    key = b"k" * 20_000
    table = {key + i.to_bytes(4, "big"): b"" for i in range(1000)}
    table[b""] = write_message((1, 1))
    write_bytes(tmp_path / "x.ckpt.index", write_table(table))
    assert os.path.getsize(tmp_path / "x.ckpt.index") < 300_000
    assert peak_memory(lambda: read_or_refuse(tmp_path / "x.ckpt")) < 10e6
    with pytest.raises(ValueError, match="runs past the end"):
        open_checkpoint(tmp_path / "x.ckpt")


def test_a_big_endian_file_is_refused(tmp_path):
    write_bytes(tmp_path / "x.ckpt.index", write_table({b"": write_message((1, 1), (2, 1))}))
    with pytest.raises(ValueError, match="little-endian"):
        open_checkpoint(tmp_path / "x.ckpt")


def test_a_compressed_block_is_refused(tmp_path):
    content = bytearray(write_table({b"": write_message((1, 1))}))
    offset, _ = read_varint(content[-48:], 0)  # the meta block begins where the data ends
    block = content[: offset - 4]
    block[-1] = 1  # snappy
    content[:offset] = block + masked_crc32c([block]).to_bytes(4, "little")
    write_bytes(tmp_path / "x.ckpt.index", content)
    with pytest.raises(ValueError, match="compressed"):
        open_checkpoint(tmp_path / "x.ckpt")


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.binary(max_size=30), st.binary(max_size=30), max_size=60))
def test_a_table_is_read_back_in_order(items):
    read = read_table(write_table(items))
    assert read == items and list(read) == sorted(items)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**64 - 1), st.binary(max_size=3))
def test_varints_round_trip(value, tail):
    data = write_varint(value)
    assert read_varint(data + tail, 0) == (value, len(data))


@pytest.mark.parametrize(
    "data", [b"\x80", b"\xff" * 11, b"\x08", b"\x0a\x05ab", b"\x0b", b"\x0d\0"]
)
def test_malformed_messages_are_refused(data):
    with pytest.raises(ValueError):
        list(read_fields(data))


@settings(max_examples=30, deadline=None)
@given(arrays())
def test_arrays_that_are_read_cannot_change_the_file(tmp_path_factory, array):
    prefix = tmp_path_factory.mktemp("bundle") / "x.ckpt"
    save_tensor_bundle(prefix, {"a": np.zeros(1, "u1"), "b": array})
    with open_checkpoint(prefix) as checkpoint:
        read = checkpoint["b"]
    assert read.flags.aligned and same(np.array(read), array)  # valid after closing
    with pytest.raises(ValueError, match="open"):
        checkpoint["b"]
