"""Checkpoint: a mapping of tensor names to NumPy arrays, the same for every file format."""

import math
import os
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from kerasx.checks import invalid

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


class Spec(NamedTuple):
    """Shape and dtype of a tensor that is not read yet; `where` is private to the subclass."""

    shape: tuple
    dtype: np.dtype
    where: Any = None

    @property
    def nbytes(self):
        return math.prod(self.shape) * self.dtype.itemsize


class Checkpoint(Mapping):
    """A read-only mapping of tensor names to NumPy arrays, each read when it is looked up.

    Names, shapes and dtypes are known once the checkpoint is open; `checkpoint[name]` reads the
    data. The array may be read-only and backed by the file. bfloat16 tensors are arrays of the
    `ml_dtypes` type, bit for bit; `.astype("float32")` is exact. Close a checkpoint like a file.

    Attributes:
        path: path of the file, or None.
        format: "tensorflow", "safetensors", "torch", "hdf5" or "arrays".
        skipped: {name: reason} of the entries that are not numeric tensors (strings, objects).
    """

    format = None

    def __init__(self, path, specs, skipped=None):
        self.path = path
        self.skipped = dict(skipped or {})
        self._specs = dict(sorted(specs.items()))
        self._closed = False

    def shape(self, name):
        """Return the shape of a tensor, a tuple of int."""
        return self._spec(name).shape

    def dtype(self, name):
        """Return the NumPy dtype of a tensor."""
        return self._spec(name).dtype

    def nbytes(self, name):
        """Return the size of a tensor in bytes."""
        return self._spec(name).nbytes

    def verify(self, names):
        """Check the data of the named tensors, if the format stores a checksum per tensor.

        Raises:
            ValueError: a tensor is damaged.
        """

    def release(self):
        """Free the memory of mapped files; arrays stay valid, and are read again when used."""

    def close(self):
        """Close the files; arrays that have been read stay valid."""
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
            raise invalid("The checkpoint must be open to be read.", checkpoint=self)
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

    # == of Mapping would read and compare all tensors
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self):
        state = "closed " if self._closed else ""
        return f"<{state}{self.format} checkpoint {self.path!r}: {len(self)} tensors>"


class ArrayCheckpoint(Checkpoint):
    """A dict of NumPy arrays with the interface of a checkpoint; arrays are not copied."""

    format = "arrays"

    def __init__(self, arrays):
        self._arrays = dict(arrays)
        for name, array in self._arrays.items():
            if not isinstance(name, str):
                raise invalid("`arrays` must have keys of type str.", key=name)
            if not is_numeric(getattr(array, "dtype", None)):
                raise invalid(
                    f"`arrays[{name!r}]` must be a numeric NumPy array; use numpy.asarray.",
                    dtype=getattr(array, "dtype", type(array)),
                )
        specs = {name: Spec(array.shape, array.dtype) for name, array in self._arrays.items()}
        super().__init__(None, specs)

    def _read(self, name, spec):
        return self._arrays[name]


def as_checkpoint(tensors):
    """Return a dict of arrays as a Checkpoint, and a Checkpoint unchanged."""
    return tensors if isinstance(tensors, Checkpoint) else ArrayCheckpoint(tensors)


def check_name(name):
    """Raise if no file format can store a tensor of this name."""
    encodable = name.encode("utf-8", "replace").decode("utf-8") == name
    if not name or not encodable or "\0" in name or name == "__metadata__":
        raise invalid(
            "`tensors` must have names that are non-empty Unicode without NUL and not "
            "'__metadata__'.",
            name=name,
        )


def is_numeric(dtype):
    """Tell whether a dtype is a NumPy dtype of numbers or bools, those of `ml_dtypes` included."""
    if not isinstance(dtype, np.dtype):
        return False
    return dtype.kind in "biufc" or (dtype.kind == "V" and dtype.type.__module__ == "ml_dtypes")


def raw_bytes(array):
    """Return the little-endian C-order bytes of an array as a flat uint8 array."""
    array = np.asarray(array, order="C")  # np.ascontiguousarray would turn () into (1,)
    if array.dtype.kind in "iufc":
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return array.reshape(-1).view(np.uint8)


def from_bytes(raw, spec):
    """Return the array whose bytes `raw_bytes` gave; the data is copied only if it is unaligned."""
    return np.require(raw.view(spec.dtype).reshape(spec.shape), requirements="A")


@contextmanager
def readable(path, what, *errors):
    """Turn the given exceptions of the block into a ValueError that names the file."""
    try:
        yield
    except errors as error:
        raise invalid(
            f"`path` must be {what}; it is damaged, incomplete or of another kind "
            f"({str(error):.200}): fetch or save it again.",
            path=os.fspath(path),
        ) from error
