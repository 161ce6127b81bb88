"""Read and write TensorFlow checkpoints (the V2 "tensor bundle") with NumPy.

`prefix.index` is a sorted table with the dtype, shape, place and CRC-32C of each tensor (see
bundle_index.py). The data files `prefix.data-00000-of-00001` and so on hold the bytes.

Source: tensorflow/core/util/tensor_bundle.
"""

import glob
import os
from collections import Counter

import ml_dtypes
import numpy as np

from kerasx.checkpoints.bundle_index import Entry, read_index, slice_key, write_index
from kerasx.checkpoints.checkpoint import (
    BFLOAT16,
    Checkpoint,
    Spec,
    as_checkpoint,
    check_name,
    from_bytes,
    raw_bytes,
    readable,
)
from kerasx.checkpoints.data_file import DataFile
from kerasx.checks import invalid
from kerasx.files.atomic import atomic_path, real_target
from kerasx.files.checksum import masked_crc32c
from kerasx.files.protobuf import read_varint
from kerasx.files.switching import fsync, locked, replace, temporary_files

_DTYPES = {  # tensorflow/core/framework/types.proto
    1: np.dtype("float32"),
    2: np.dtype("float64"),
    3: np.dtype("int32"),
    4: np.dtype("uint8"),
    5: np.dtype("int16"),
    6: np.dtype("int8"),
    8: np.dtype("complex64"),
    9: np.dtype("int64"),
    10: np.dtype("bool"),
    14: BFLOAT16,
    17: np.dtype("uint16"),
    18: np.dtype("complex128"),
    19: np.dtype("float16"),
    22: np.dtype("uint32"),
    23: np.dtype("uint64"),
    24: np.dtype(ml_dtypes.float8_e5m2),
    25: np.dtype(ml_dtypes.float8_e4m3fn),
}
_STRING = 7
_NUMBERS = {dtype: number for number, dtype in _DTYPES.items()}


class TensorBundle(Checkpoint):
    """A TensorFlow checkpoint; the CRC-32C of a tensor is checked when it is first read.

    Tensors of strings and objects are listed in `skipped`. Partitioned variables, which are saved
    in slices, are joined.

    Args:
        prefix: path without `.index`, such as "chinese_bert/bert_model.ckpt".
        mapped: bool, whether arrays are read-only views of the files (see `release`).

    Raises:
        ValueError: the files are damaged, cut short or of another kind; some damage is found when
            a tensor is read.

    >>> import os, tempfile
    >>> prefix = os.path.join(tempfile.mkdtemp(), "tiny.ckpt")
    >>> save_tensor_bundle(prefix, {"bert/pooler/dense/bias": np.arange(3.0)})
    >>> with TensorBundle(prefix) as checkpoint:
    ...     print(checkpoint.shape("bert/pooler/dense/bias"), checkpoint["bert/pooler/dense/bias"])
    (3,) [0. 1. 2.]
    """

    format = "tensorflow"

    def __init__(self, prefix, mapped=False):
        prefix = os.fspath(prefix)
        with readable(f"{prefix}.index", "a TensorFlow checkpoint index", ValueError, OSError):
            entries, self._parts, shards = read_index(f"{prefix}.index")
        specs = {
            name: Spec(entry.shape, _DTYPES[entry.dtype], entry)
            for name, entry in entries.items()
            if entry.dtype in _DTYPES
        }
        skipped = {
            name: f"TensorFlow dtype {entry.dtype}"
            for name, entry in entries.items()
            if entry.dtype not in _DTYPES
        }
        super().__init__(prefix, specs, skipped)
        self._texts = {
            k: entry for k, entry in entries.items() if entry[:2] == (_STRING, ()) and entry.size
        }
        stored = [spec.where for spec in specs.values() if not spec.where.slices]
        used = {entry.shard for entry in (*stored, *self._parts.values(), *self._texts.values())}
        self._paths = {shard: _shard_path(prefix, shard, shards) for shard in used}
        self._shards = {shard: _open(path, mapped) for shard, path in self._paths.items()}
        self._verified = set()
        for name, spec in self._specs.items():
            self._check_place(name, spec)
        self._check_sizes([*stored, *self._parts.values()])

    def _check_place(self, name, spec):
        """Check that the size in bytes agrees with the shape and that the file is long enough."""
        entry = spec.where
        if entry.slices:
            parts = [part for _, part in self._slices(name, spec)]
            with self._naming(name, entry):
                if sum(part.nbytes for part in parts) != spec.nbytes:
                    raise ValueError("its slices do not add up to it")
            for part in parts:
                self._check_place(name, part)
            return
        size, end = self._shards[entry.shard].size, entry.offset + entry.size
        with self._naming(name, entry):
            if entry.size != spec.nbytes:
                raise ValueError(f"it has {entry.size} bytes for {spec.dtype} {spec.shape}")
            if end > size:
                raise ValueError(f"it ends at byte {end} of a file of {size} bytes")

    def _check_sizes(self, entries):
        """Refuse tensors that share their bytes: a small file could unfold to gigabytes."""
        sizes = Counter()
        for entry in entries:
            sizes[entry.shard] += entry.size
        for shard, size in sizes.items():
            with readable(self._paths[shard], "a data file of the index", ValueError):
                if size > self._shards[shard].size:
                    raise ValueError(
                        f"its tensors add up to {size} bytes of {self._shards[shard].size}"
                    )

    def _slices(self, name, spec):
        """Return the (index into the tensor, Spec) pairs of a partitioned variable."""
        slices = []
        with self._naming(name, spec.where):
            for extents in spec.where.slices:
                entry = self._parts.get(slice_key(name, extents))
                if entry is None or entry.slices or len(extents) != len(spec.shape):
                    raise ValueError(f"its slice {extents} is missing or malformed")
                place = tuple(
                    slice(start, n if length < 0 else start + length)
                    for (start, length), n in zip(extents, spec.shape)
                )
                shape = tuple(s.stop - s.start for s in place)
                if shape != entry.shape or any(s.stop > n for s, n in zip(place, spec.shape)):
                    raise ValueError(f"its slice {extents} does not fit into {spec.shape}")
                slices.append((place, Spec(shape, spec.dtype, entry)))
        return slices

    def verify(self, names):
        for name in names:
            entry = self._spec(name).where
            if entry.slices:
                self[name]
                continue
            with self._naming(name, entry):
                pieces = self._shards[entry.shard].pieces(entry.offset, entry.size)
                self._compare(entry, pieces)

    def _compare(self, entry, pieces):
        """Compare an entry's CRC-32C with its bytes, if this was not done before."""
        place = entry.shard, entry.offset
        if place in self._verified:
            return
        if masked_crc32c(pieces) != entry.crc:
            raise ValueError("its CRC-32C does not match")
        self._verified.add(place)

    def _read(self, name, spec):
        entry = spec.where
        if entry.slices:
            return self._assemble(name, spec)
        with self._naming(name, entry):
            raw = self._shards[entry.shard].read(entry.offset, entry.size)
            self._compare(entry, [raw])
            return from_bytes(raw, spec)

    def _assemble(self, name, spec):
        array, seen = np.empty(spec.shape, spec.dtype), np.zeros(spec.shape, bool)
        for place, part in self._slices(name, spec):
            array[place] = self._read(name, part)
            seen[place] = True
        with self._naming(name, spec.where):
            if not seen.all():
                raise ValueError("its slices overlap and leave gaps")
        return array

    def _naming(self, name, entry):
        path = self._paths.get(entry.shard, f"{self.path}.index")
        return readable(path, f"a data file that holds the tensor {name!r}", ValueError, OSError)

    def text(self, name):
        """Return the bytes of a tensor that is one string; b"" if there is no such tensor."""
        if name not in self._texts:
            return b""
        entry = self._texts[name]
        with self._naming(name, entry):
            raw = self._shards[entry.shard].read(entry.offset, entry.size).tobytes()
            length, start = read_varint(raw, 0)
            text = raw[start + 4 :]  # after its length, and the checksum of the length
            self._compare(entry, [_bytes(length.to_bytes(4, "little")), _bytes(raw[start:])])
        return text

    def release(self):
        for shard in self._shards.values():
            shard.release()

    def close(self):
        self._shards = {}
        super().close()


def save_tensor_bundle(prefix, tensors):
    """Write a TensorFlow V2 checkpoint, which tf.train.load_checkpoint reads.

    The data is in one file. An old checkpoint stays valid until the new index replaces the old
    index: where its data is in one file too, the name of the new one says that there are two, the
    second of them empty. Old data files are removed last. Several processes may write: the version
    of the last one stays.

    Args:
        prefix: path without `.index`, such as "out/bert_model.ckpt".
        tensors: {name: array} or a Checkpoint, read one tensor at a time.

    Raises:
        ValueError: the format cannot hold a name or a dtype; nothing is written.

    >>> import os, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> save_tensor_bundle(os.path.join(folder, "tiny.ckpt"), {"global_step": np.array(7)})
    >>> sorted(os.listdir(folder))
    ['tiny.ckpt.data-00000-of-00001', 'tiny.ckpt.index']
    """
    prefix, tensors = os.fspath(prefix), as_checkpoint(tensors)
    for name in tensors:
        check_name(name)
        dtype = tensors.dtype(name)
        if dtype.newbyteorder("=") not in _NUMBERS:
            raise invalid("`tensors` must have dtypes of TensorFlow.", name=name, dtype=dtype)
    folder = os.path.dirname(real_target(f"{prefix}.index"))
    with temporary_files(folder) as new:
        data = new(f"{os.path.basename(prefix)}.data")
        entries = _write_data(data, tensors)
        with locked(folder):
            shards = 2 if _count_shards(prefix) == 1 else 1
            paths = [_shard_path(prefix, shard, shards) for shard in range(shards)]
            replace(data, paths[0])
            for path in paths[1:]:
                open(path, "wb").close()
            with atomic_path(f"{prefix}.index") as temporary:
                with open(temporary, "wb") as f:
                    f.write(write_index(entries, shards))
            for path in glob.glob(f"{glob.escape(prefix)}.data-?????-of-?????"):
                if path not in paths:
                    os.remove(path)


def _write_data(path, tensors):
    """Write the tensors to a data file, and return {name: Entry} for the index."""
    entries, offset = {}, 0
    with open(path, "wb") as f:
        for name in sorted(tensors, key=lambda name: name.encode("utf-8")):  # as in the index
            array = np.asarray(tensors[name])
            raw = raw_bytes(array)
            f.write(raw)
            number, crc = _NUMBERS[array.dtype.newbyteorder("=")], masked_crc32c([raw])
            entries[name] = Entry(number, array.shape, 0, offset, len(raw), crc)
            offset += len(raw)
    fsync(path)
    return entries


def _count_shards(prefix):
    """Return the number of data files of an existing checkpoint; 0 if there is none."""
    try:
        return read_index(f"{prefix}.index")[2]
    except (FileNotFoundError, ValueError):
        return 0


def _shard_path(prefix, shard, shards):
    return f"{prefix}.data-{shard:05d}-of-{shards:05d}"


def _bytes(data):
    return np.frombuffer(data, np.uint8)


def _open(path, mapped):
    with readable(path, "a data file of a TensorFlow checkpoint", OSError):
        return DataFile(path, mapped)
