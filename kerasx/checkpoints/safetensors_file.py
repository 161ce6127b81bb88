"""safetensors files, one or several with an index, read through the safetensors library.

The library refuses headers that do not add up. Reading and writing the data is ours, because it
goes tensor by tensor, without a mapped file that stays in memory beside the arrays: the format is a
header length (8 bytes), a JSON header and the bytes; see huggingface.co/docs/safetensors. It has no
checksum; for one, see `write_digest`.
"""

import json
import os

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
from kerasx.files import atomic_path

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
    """A safetensors file. bfloat16 tensors come as `ml_dtypes` arrays, bit for bit.

    Attributes:
        metadata: {str: str}, the free text in the header.

    Args:
        path: the file.
        mapped: whether arrays are read-only views of the file, see `release`.
    Raises:
        ValueError: if it is damaged, cut short or of another kind.

    Example:

    >>> import os, tempfile
    >>> import numpy as np
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
    """{name: dtype code, shape and place in the file} of each tensor."""
    size = int(file.read(0, 8).view("<u8")[0])
    header = json.loads(file.read(8, size).tobytes())
    header.pop("__metadata__", None)
    return {name: {**t, "offset": 8 + size + t["data_offsets"][0]} for name, t in header.items()}


def save_safetensors(path, tensors, metadata=None, max_shard_size=None):
    """Write a safetensors file, or several and `path`.index.json if it would grow too big.

    What `path` held before stays valid until the new version is complete: a file is replaced
    whole, and shards are written under names that the old index does not use. Files of the old
    version that are no longer needed are removed at the end.

    Args:
        path: the file, ending in `.safetensors`.
        tensors: {name: array} or a Checkpoint; read one tensor at a time.
        metadata: {str: str} for the header.
        max_shard_size: bytes of tensors per file; None for one file.
    Raises:
        ValueError: if a name or dtype has no place in the format; nothing is written then.

    Example:

    >>> import os, tempfile
    >>> import numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> save_safetensors(
    ...     os.path.join(folder, "model.safetensors"),
    ...     {"a": np.zeros(10, "uint8"), "b": np.zeros(10, "uint8")},
    ...     max_shard_size=10,
    ... )
    >>> for name in sorted(os.listdir(folder)):
    ...     print(name)
    model-00001-of-00002.safetensors
    model-00002-of-00002.safetensors
    model.safetensors.index.json
    """
    path, tensors, metadata = os.fspath(path), as_checkpoint(tensors), dict(metadata or {})
    _check(path, tensors, metadata, max_shard_size)
    old = _old_files(path)
    groups = _split(tensors, max_shard_size)
    if len(groups) == 1:
        _write_file(path, groups[0], tensors, metadata)
        kept = {path}
    else:
        kept = _write_shards(path, groups, tensors, metadata, old)
    for file in old:
        if file not in kept and os.path.isfile(file):
            os.remove(file)


def _check(path, tensors, metadata, max_shard_size):
    if not path.endswith(".safetensors"):
        raise ValueError(f"`path` must end in '.safetensors'. Received: path={path!r}")
    if not all(isinstance(text, str) for pair in metadata.items() for text in pair):
        raise ValueError(f"`metadata` must map str to str. Received: metadata={metadata!r}")
    if max_shard_size is not None and max_shard_size < 1:
        raise ValueError(f"`max_shard_size` must be positive. Received: {max_shard_size=}")
    for name in tensors:
        check_name(name)
        if tensors.dtype(name).newbyteorder("=") not in _CODES:
            raise ValueError(
                "`tensors` must be of the dtypes of safetensors; cast it. "
                f"Received: tensors[{name!r}] of {tensors.dtype(name)}"
            )


def _write_shards(path, groups, tensors, metadata, old):
    """Write the shards, then the index; the paths of both."""
    folder, index = os.path.dirname(path), f"{path}.index.json"
    names = _shard_names(os.path.basename(path), len(groups), [os.path.basename(p) for p in old])
    for name, group in zip(names, groups):
        _write_file(os.path.join(folder, name), group, tensors, metadata)
    content = {
        "metadata": {**metadata, "total_size": sum(map(tensors.nbytes, tensors))},
        "weight_map": {tensor: name for name, group in zip(names, groups) for tensor in group},
    }
    with atomic_path(index) as temporary:
        with open(temporary, "w", encoding="utf-8") as f:
            json.dump(content, f, indent=2, sort_keys=True)
    return {index, *(os.path.join(folder, name) for name in names)}


def _shard_names(basename, count, taken):
    """Hugging Face's names of shards, or a second set if the old index uses the first."""
    stem = basename.removesuffix(".safetensors")
    for version in ("", "-b"):
        names = [f"{stem}{version}-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
        if not set(names) & set(taken):
            break
    return names


def _old_files(path):
    """The files of the checkpoint that is at `path` now, sharded or not."""
    index = f"{path}.index.json"
    try:
        shards = set(read_weight_map(index).values())
    except ValueError:  # no index, or one that is of no use
        shards = set()
    folder = os.path.dirname(path)
    return [path, index, *(os.path.join(folder, shard) for shard in sorted(shards))]


def _split(tensors, size):
    """Names in groups of at most `size` bytes (a single tensor may be larger), at least one."""
    groups, room = [[]], size
    for name in tensors:
        if size is not None and tensors.nbytes(name) > room and groups[-1]:
            groups.append([])
            room = size
        groups[-1].append(name)
        room = None if size is None else room - tensors.nbytes(name)
    return groups


def _write_file(path, names, tensors, metadata):
    # Widest dtypes first: every tensor is then aligned, as the library itself does it.
    names = sorted(names, key=lambda name: (-tensors.dtype(name).itemsize, name))
    header, offset = {"__metadata__": metadata} if metadata else {}, 0
    for name in names:
        dtype, end = tensors.dtype(name).newbyteorder("="), offset + tensors.nbytes(name)
        shape = list(tensors.shape(name))
        header[name] = {"dtype": _CODES[dtype], "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text = text.ljust(-(-len(text) // 8) * 8)
    with atomic_path(path) as temporary:
        with open(temporary, "wb") as f:
            f.write(len(text).to_bytes(8, "little") + text)
            for name in names:
                f.write(raw_bytes(tensors[name]))
