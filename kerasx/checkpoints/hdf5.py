"""Read and write HDF5 weights, such as `.weights.h5` of Keras; a name is a dataset's path."""

import os

import h5py
import numpy as np

from kerasx.checkpoints.checkpoint import (
    BFLOAT16,
    Checkpoint,
    Spec,
    as_checkpoint,
    check_name,
    is_numeric,
    raw_bytes,
    readable,
)
from kerasx.checks import invalid
from kerasx.files.atomic import atomic_path

_MAX_EXPANSION = 1100  # deflate compresses 1032 to 1 at most; a larger dataset is malicious
_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError)  # of h5py on damaged files


class Hdf5Weights(Checkpoint):
    """The numeric datasets of an HDF5 file, such as "layers/dense/vars/0" of a `.weights.h5`.

    bfloat16 is stored as Keras stores it: 2 opaque bytes and the attribute dtype="bfloat16". The
    format has no checksum; see `write_digest` in kerasx.files.atomic.

    Args:
        path: path of the file.

    Raises:
        ValueError: the file is damaged, cut short or of another kind; it has links, external or
            virtual datasets; or a dataset claims more data than its bytes can hold.
    """

    format = "hdf5"

    def __init__(self, path):
        path = os.fspath(path)
        specs, skipped = {}, {}
        with readable(path, "an HDF5 file of weights", *_ERRORS):
            self._file = h5py.File(path, "r")
            for name, dataset in _walk(self._file):
                dtype = _dtype(dataset)
                if dtype is None:
                    skipped[name] = f"HDF5 dtype {dataset.dtype}"
                else:
                    specs[name] = Spec(tuple(dataset.shape), dtype)
        super().__init__(path, specs, skipped)

    def _read(self, name, spec):
        with readable(self.path, f"an HDF5 file with the tensor {name!r}", *_ERRORS):
            array = np.asarray(self._file[name][()])
            opaque = array.dtype.kind == "V"
            return array.view(spec.dtype) if opaque else array.astype(spec.dtype, copy=False)

    def attributes(self, group):
        """Return the attributes of a group or dataset, "" for those of the file; {} if absent."""
        with readable(self.path, f"an HDF5 file with the group {group!r}", *_ERRORS):
            found = self._file.get(group or "/")
            return {} if found is None else dict(found.attrs)

    def close(self):
        self._file.close()
        super().close()


def save_hdf5(path, tensors):
    """Write tensors as HDF5 datasets; the tensor "a/b" is the dataset b of the group a.

    Any path is a valid name, but Keras loads only files with the names that Keras uses.

    Args:
        path: path of the file, ending in `.h5`.
        tensors: {name: array} or a Checkpoint, read one tensor at a time.

    Raises:
        ValueError: a name is not a path, or is the path of both a tensor and a group.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "tiny.weights.h5")
    >>> save_hdf5(path, {"layers/dense/vars/0": np.arange(3.0)})
    >>> with Hdf5Weights(path) as checkpoint:
    ...     print(dict(checkpoint))
    {'layers/dense/vars/0': array([0., 1., 2.])}
    """
    path, tensors = os.fspath(path), as_checkpoint(tensors)
    if not path.endswith(".h5"):
        raise invalid("`path` must end in '.h5'.", path=path)
    _check_names(tensors)
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        for name in tensors:
            array = np.asarray(tensors[name])
            if array.dtype == BFLOAT16:
                raw = raw_bytes(array).view("V2").reshape(array.shape)
                file.create_dataset(name, data=raw).attrs["dtype"] = "bfloat16"
            else:
                file.create_dataset(name, data=array)


def _check_names(tensors):
    groups = {name[:i] for name in tensors for i, character in enumerate(name) if character == "/"}
    for name in tensors:
        check_name(name)
        if any(part in ("", ".", "..") for part in name.split("/")) or name in groups:
            raise invalid(
                "`tensors` must have names that are distinct HDF5 paths, none of them a group; "
                "write safetensors instead.",
                name=name,
            )
        dtype = tensors.dtype(name)
        if dtype.kind not in "biufc" and dtype != BFLOAT16:
            raise invalid("`tensors` must have dtypes of NumPy or bfloat16.", dtype=dtype)


def _walk(group, prefix="", seen=None):
    """Yield the (path, dataset) pairs of a group and its groups; links are refused.

    A second hard link to an object is one as well: groups linked twice, one in another, have more
    paths than can be read.
    """
    seen = set() if seen is None else seen
    for key in group:
        name, link = prefix + key, group.get(key, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{name!r:.80} is a link")
        item = group[key]
        address = h5py.h5o.get_info(item.id).addr
        if address in seen:
            raise ValueError(f"{name!r:.80} is a second link")
        seen.add(address)
        if isinstance(item, h5py.Group):
            yield from _walk(item, f"{name}/", seen)
        elif isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"{name!r:.80} refers to another file")
            if item.shape is None or item.nbytes > _MAX_EXPANSION * item.id.get_storage_size():
                raise ValueError(f"{name!r:.80} has the shape {item.shape} but no such data")
            yield name, item


def _dtype(dataset):
    """Return the dtype in which a dataset is read, or None if it is not numeric."""
    if dataset.attrs.get("dtype") == "bfloat16":
        return BFLOAT16
    return dataset.dtype.newbyteorder("=") if is_numeric(dataset.dtype) else None
