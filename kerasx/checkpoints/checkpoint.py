"""Checkpoint: names to arrays, whatever the file format."""

import math
import os
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


class Spec(NamedTuple):
    """What a reader knows of a tensor before reading it; `where` is the reader's own business."""

    shape: tuple
    dtype: np.dtype
    where: Any = None

    @property
    def nbytes(self):
        return math.prod(self.shape) * self.dtype.itemsize


class Checkpoint(Mapping):
    """A read-only mapping of names to NumPy arrays that reads a tensor when it is asked for.

    Names, shapes and dtypes are known once it is open; `checkpoint[name]` reads the data, as an
    array that may be read-only and backed by the file. bfloat16 tensors are arrays of the
    `ml_dtypes` type (bit for bit; `.astype("float32")` is exact). It closes like a file.

    Attributes:
        path: the file, or None.
        format: "tensorflow", "safetensors", "torch", "hdf5" or "arrays".
        skipped: {name: reason} of what the file holds besides numeric tensors (strings, objects).
    """

    format = None

    def __init__(self, path, specs, skipped=None):
        self.path = path
        self.skipped = dict(skipped or {})
        self._specs = dict(sorted(specs.items()))
        self._closed = False

    def shape(self, name):
        """The shape of a tensor, a tuple of ints."""
        return self._spec(name).shape

    def dtype(self, name):
        """The NumPy dtype of a tensor."""
        return self._spec(name).dtype

    def nbytes(self, name):
        """The size of a tensor's data, in bytes."""
        return self._spec(name).nbytes

    def verify(self, names):
        """Check the data of these tensors where the format has a checksum of each.

        Raises:
            ValueError: if a tensor is damaged.
        """

    def release(self):
        """Let go of the pages of mapped files; arrays stay valid and read them again."""

    def close(self):
        """Let go of the files; arrays already read stay valid."""
        self._closed = True

    def _read(self, name, spec):
        raise ValueError(f"`{type(self).__name__}` must override _read(self, name, spec).")

    def _spec(self, name):
        if name not in self._specs:
            raise KeyError(f"no tensor named {name!r} in {self.path}")
        return self._specs[name]

    def __getitem__(self, name):
        spec = self._spec(name)
        if self._closed:
            raise ValueError(f"The checkpoint must be open to be read. Received: {self!r}")
        return self._read(name, spec)

    def __contains__(self, name):
        return name in self._specs

    def __iter__(self):
        return iter(self._specs)

    def __len__(self):
        return len(self._specs)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    # The mapping's own == would read and compare all tensors.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self):
        state = "closed " if self._closed else ""
        return f"<{state}{self.format} checkpoint {self.path!r}: {len(self)} tensors>"


class ArrayCheckpoint(Checkpoint):
    """A plain dict of arrays seen as a checkpoint; the arrays are handed out as they are."""

    format = "arrays"

    def __init__(self, arrays):
        self._arrays = dict(arrays)
        for name, array in self._arrays.items():
            if not isinstance(name, str):
                raise ValueError(f"`arrays` must have str keys. Received: key={name!r}")
            if not is_numeric(getattr(array, "dtype", None)):
                raise ValueError(
                    "`arrays` must hold numeric NumPy arrays; convert with numpy.asarray. "
                    f"Received: arrays[{name!r}] of {getattr(array, 'dtype', type(array))}"
                )
        specs = {name: Spec(array.shape, array.dtype) for name, array in self._arrays.items()}
        super().__init__(None, specs)

    def _read(self, name, spec):
        return self._arrays[name]


def as_checkpoint(tensors):
    """Tensors to be saved, a dict of arrays or a Checkpoint, as a Checkpoint."""
    return tensors if isinstance(tensors, Checkpoint) else ArrayCheckpoint(tensors)


def check_name(name):
    """Refuse names that a file format cannot hold; the writers call it before they write."""
    encodable = name.encode("utf-8", "replace").decode("utf-8") == name
    if not name or not encodable or "\0" in name or name == "__metadata__":
        raise ValueError(
            "`tensors` must have names that are non-empty Unicode without NUL and not "
            f"'__metadata__'. Received: name={name!r}"
        )


class ShardedCheckpoint(Checkpoint):
    """Several checkpoints read as one.

    Args:
        path: the index file they were found by.
        shards: open checkpoints with no name in common.
    """

    def __init__(self, path, shards):
        self._shards = shards
        self.format = shards[0].format
        specs = {
            name: Spec(shard.shape(name), shard.dtype(name), shard)
            for shard in shards
            for name in shard
        }
        skipped = {name: why for shard in shards for name, why in shard.skipped.items()}
        super().__init__(path, specs, skipped)

    def verify(self, names):
        for name in names:
            self._spec(name).where.verify([name])

    def _read(self, name, spec):
        return spec.where[name]

    def release(self):
        for shard in self._shards:
            shard.release()

    def close(self):
        for shard in self._shards:
            shard.close()
        super().close()


def is_numeric(dtype):
    """Whether a dtype is a NumPy dtype of numbers or bools (the `ml_dtypes` ones included)."""
    if not isinstance(dtype, np.dtype):
        return False
    return dtype.kind in "biufc" or (dtype.kind == "V" and dtype.type.__module__ == "ml_dtypes")


def raw_bytes(array):
    """The little-endian C-order bytes of an array, as a flat uint8 array; a copy if need be."""
    array = np.asarray(array, order="C")  # np.ascontiguousarray would turn () into (1,)
    if array.dtype.kind in "iufc":
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return array.reshape(-1).view(np.uint8)


def from_bytes(raw, spec):
    """The inverse of `raw_bytes`; a copy is made only where the data is not aligned."""
    return np.require(raw.view(spec.dtype).reshape(spec.shape), requirements="A")


@contextmanager
def readable(path, what, *errors):
    """Turn the `errors` of a block into one ValueError that names the file."""
    try:
        yield
    except errors as error:
        raise ValueError(
            f"`path` must be {what}; it is damaged, incomplete or of another kind: fetch or "
            f"save it again. Received: path={os.fspath(path)!r} ({error})"
        ) from error
