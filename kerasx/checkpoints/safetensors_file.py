"""Read and write safetensors files, one file or several with an index.

The safetensors library checks headers. Tensors are read from the file directly, because the library
gives NumPy copies, and its memory map stays resident beside them: a model would take twice the
memory of its weights while it loads. They are written directly, too, one at a time.

The format has no checksum; see `write_digest` in kerasx.files.atomic.
"""

import json
import os
import re

import numpy as np
from safetensors import SafetensorError, safe_open

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
from kerasx.checkpoints.sharded import read_weight_map
from kerasx.checks import check_integer, invalid
from kerasx.files.atomic import atomic_path, real_target
from kerasx.files.switching import fsync, locked, replace, temporary_files

_DTYPES = {
    "BOOL": np.dtype("bool"),
    "U8": np.dtype("uint8"),
    "I8": np.dtype("int8"),
    "U16": np.dtype("uint16"),
    "I16": np.dtype("int16"),
    "F16": np.dtype("float16"),
    "BF16": BFLOAT16,
    "U32": np.dtype("uint32"),
    "I32": np.dtype("int32"),
    "F32": np.dtype("float32"),
    "C64": np.dtype("complex64"),
    "U64": np.dtype("uint64"),
    "I64": np.dtype("int64"),
    "F64": np.dtype("float64"),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}


class SafetensorsFile(Checkpoint):
    """A safetensors file; bfloat16 tensors are `ml_dtypes` arrays, bit for bit.

    Attributes:
        metadata: {str: str}, the free text in the header.

    Args:
        path: path of the file.
        mapped: bool, whether arrays are read-only views of the file (see `release`).

    Raises:
        ValueError: the file is damaged, cut short or of another kind.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "tiny.safetensors")
    >>> save_safetensors(path, {"pooler.dense.bias": np.arange(3.0)}, metadata={"format": "np"})
    >>> with SafetensorsFile(path) as checkpoint:
    ...     print(checkpoint.metadata, checkpoint["pooler.dense.bias"])
    {'format': 'np'} [0. 1. 2.]
    """

    format = "safetensors"

    def __init__(self, path, mapped=False):
        path = os.fspath(path)
        specs, skipped = {}, {}
        with readable(path, "a safetensors file", SafetensorError, OSError):
            with safe_open(path, framework="np") as file:
                self.metadata = file.metadata() or {}
            self._file = DataFile(path, mapped)
            for name, tensor in _header(self._file).items():
                shape, code, offset = tensor["shape"], tensor["dtype"], tensor["offset"]
                if code in _DTYPES:
                    specs[name] = Spec(tuple(shape), _DTYPES[code], offset)
                else:
                    skipped[name] = f"safetensors dtype {code}"
        super().__init__(path, specs, skipped)

    def _read(self, name, spec):
        with readable(self.path, "a safetensors file", ValueError, OSError):
            return from_bytes(self._file.read(spec.where, spec.nbytes), spec)

    def release(self):
        self._file.release()

    def close(self):
        self._file = None
        super().close()


def _header(file):
    """Return {name: dtype code, shape and offset in the file}; the library gives no offsets."""
    size = int(file.read(0, 8).view("<u8")[0])
    header = json.loads(file.read(8, size).tobytes())
    header.pop("__metadata__", None)
    return {name: {**t, "offset": 8 + size + t["data_offsets"][0]} for name, t in header.items()}


def save_safetensors(path, tensors, metadata=None, max_shard_size=None):
    """Write a safetensors file, or several files and `path`.index.json.

    All files are written before one is renamed, and an old checkpoint at `path` stays valid until
    one rename puts the new one in its place: shards get names that the old index does not use. The
    old files are removed last; of a file and an index of shards, `describe_folder` and transformers
    read the file. Several processes may write: the version of the last one stays.

    Args:
        path: path of the file, ending in `.safetensors`.
        tensors: {name: array} or a Checkpoint, read one tensor at a time.
        metadata: {str: str} for the header.
        max_shard_size: bytes of tensors per file; None for a single file.

    Raises:
        ValueError: the format cannot hold a name or a dtype; nothing is written.

    >>> import os, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> tensors = {"a": np.zeros(10, "uint8"), "b": np.zeros(10, "uint8")}
    >>> save_safetensors(os.path.join(folder, "m.safetensors"), tensors, max_shard_size=10)
    >>> sorted(os.listdir(folder))
    ['m-00001-of-00002.safetensors', 'm-00002-of-00002.safetensors', 'm.safetensors.index.json']
    """
    path, tensors, metadata = os.fspath(path), as_checkpoint(tensors), dict(metadata or {})
    _check(path, tensors, metadata, max_shard_size)
    groups = _split(tensors, max_shard_size)
    folder, target = os.path.realpath(os.path.dirname(path)), real_target(path)
    with temporary_files(folder if len(groups) > 1 else os.path.dirname(target)) as new:
        files = [new(os.path.basename(path)) for _ in groups]
        for file, group in zip(files, groups):
            _write_file(file, path, group, tensors, metadata)
        with locked(folder):
            old = _old_files(folder, os.path.basename(path))
            if len(files) == 1:
                replace(files[0], target)
                kept = {os.path.join(folder, os.path.basename(path))}
            else:
                kept = _place_shards(folder, path, files, groups, tensors, metadata)
            fsync(os.path.dirname(target))
            for file in filter(os.path.isfile, old):
                if file not in kept:
                    os.remove(file)


def _check(path, tensors, metadata, max_shard_size):
    if not path.endswith(".safetensors"):
        raise invalid("`path` must end in '.safetensors'.", path=path)
    if not all(isinstance(text, str) for pair in metadata.items() for text in pair):
        raise invalid("`metadata` must map str to str.", metadata=metadata)
    if max_shard_size is not None:
        check_integer("max_shard_size", max_shard_size, least=1)
    for name in tensors:
        check_name(name)
        dtype = tensors.dtype(name)
        if dtype.newbyteorder("=") not in _DTYPES.values():
            raise invalid("`tensors` must have dtypes of safetensors.", name=name, dtype=dtype)


def _write_file(file, path, names, tensors, metadata):
    """Write the tensors in the library's layout: the widest dtypes first, so that all are aligned.

    The library itself would write to a further temporary file, which a kill leaves behind.
    """
    names = sorted(names, key=lambda name: (-tensors.dtype(name).itemsize, name))
    header, end = {"__metadata__": metadata} if metadata else {}, 0
    for name in names:
        code, shape = _CODES[tensors.dtype(name).newbyteorder("=")], list(tensors.shape(name))
        start, end = end, end + tensors.nbytes(name)
        header[name] = {"dtype": code, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    try:
        with open(file, "wb") as f:
            f.write(len(text).to_bytes(8, "little") + text)
            for name in names:
                f.write(raw_bytes(tensors[name]))
        fsync(file)
    except OSError as error:  # such as a full disk
        raise OSError(f"{path} was not written: {error}") from error


def _place_shards(folder, path, files, groups, tensors, metadata):
    """Rename the shards, then write the index; return the paths of all these files."""
    index, names = f"{path}.index.json", _shard_names(path, len(groups))
    for file, name in zip(files, names):
        replace(file, os.path.join(folder, name))
    content = {
        "metadata": {**metadata, "total_size": sum(map(tensors.nbytes, tensors))},
        "weight_map": {tensor: name for name, group in zip(names, groups) for tensor in group},
    }
    with atomic_path(index) as temporary:
        with open(temporary, "w", encoding="utf-8") as f:
            json.dump(content, f, indent=2, sort_keys=True)
    return {os.path.join(folder, name) for name in (os.path.basename(index), *names)}


def _shard_names(path, count):
    """Return Hugging Face's shard names, or a second set if the old index uses these names."""
    stem = os.path.basename(path).removesuffix(".safetensors")
    try:
        taken = set(read_weight_map(f"{path}.index.json").values())
    except ValueError:  # no index, or a damaged one
        taken = set()
    for version in ("", "-b"):
        names = [f"{stem}{version}-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
        if not set(names) & taken:
            break
    return names


def _old_files(folder, name):
    """Return the paths of a checkpoint's files: the index, the shards, the single file `name`.

    They are found by their names, since an index might name any file of the folder.
    """
    stem = re.escape(name.removesuffix(".safetensors"))
    shard = re.compile(rf"{stem}(-b)?-\d{{5}}-of-\d{{5}}\.safetensors")
    names = [f"{name}.index.json", *filter(shard.fullmatch, sorted(os.listdir(folder))), name]
    return [os.path.join(folder, name) for name in names]


def _split(tensors, size):
    """Return lists of names of at most `size` bytes each; a larger tensor is alone in its list."""
    groups, room = [[]], size
    for name in tensors:
        if size is not None and tensors.nbytes(name) > room and groups[-1]:
            groups.append([])
            room = size
        groups[-1].append(name)
        room = None if size is None else room - tensors.nbytes(name)
    return groups
