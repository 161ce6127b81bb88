"""Open a checkpoint of any format."""

import os
from collections.abc import Mapping

from kerasx.checkpoints.checkpoint import ArrayCheckpoint, Checkpoint
from kerasx.checkpoints.folder import describe_folder
from kerasx.checkpoints.hdf5 import Hdf5Weights
from kerasx.checkpoints.safetensors_file import SafetensorsFile
from kerasx.checkpoints.sharded import open_shards
from kerasx.checkpoints.tensor_bundle import TensorBundle
from kerasx.checkpoints.torch_file import TorchFile
from kerasx.checks import invalid
from kerasx.files.atomic import check_digest
from kerasx.files.names import check_regular
from kerasx.files.switching import in_one_version

_READERS = {
    ".safetensors": SafetensorsFile,
    ".h5": Hdf5Weights,
    ".bin": TorchFile,
    ".pt": TorchFile,
    ".pth": TorchFile,
}
_INDEX = ".index.json"
_HDF5 = b"\x89HDF\r\n\x1a\n"


def open_checkpoint(source, mapped=False):
    """Open a checkpoint as a read-only mapping of tensor names to arrays, read when looked up.

    Args:
        source: one of

            - the prefix of a TensorFlow checkpoint, such as "bert_model.ckpt";
            - a file: `.safetensors`, `.weights.h5`, an HDF5 file of Keras 2 under any name, or
              `.bin` or `.pt` of torch, which must be installed. If the file `path`.sha256 exists,
              the digest is checked;
            - an index of shards: `.safetensors.index.json` or `.bin.index.json`;
            - a folder with one of these (see `describe_folder`);
            - a dict of arrays;
            - an open Checkpoint, which is returned unchanged.

        mapped: bool, whether the arrays of a TensorFlow checkpoint or safetensors file are
            read-only views of the file. A view takes memory for the pages used since
            `checkpoint.release()`. The file may be replaced, but not changed in place.

    Returns:
        A Checkpoint, with `shape(name)`, `dtype(name)`, `nbytes(name)`, `format` and `close()`.

    Raises:
        ValueError: the file does not exist, is damaged or of another kind.

    >>> import numpy as np
    >>> checkpoint = open_checkpoint({"dense/kernel": np.zeros((2, 3), "float32")})
    >>> checkpoint.shape("dense/kernel"), checkpoint.dtype("dense/kernel"), checkpoint.format
    ((2, 3), dtype('float32'), 'arrays')
    """
    if isinstance(source, Checkpoint):
        return source
    if isinstance(source, Mapping):
        return ArrayCheckpoint(source)
    path = os.fspath(source)
    return in_one_version(path, lambda: _open_path(path, mapped))


def _is_hdf5(path):
    """Return whether a file begins as HDF5 does."""
    with open(path, "rb") as reader:
        return reader.read(len(_HDF5)) == _HDF5


def _open_path(path, mapped):
    if os.path.isdir(path):
        path = describe_folder(path, require=("checkpoint",)).checkpoint_path
    if os.path.exists(f"{path}.index"):
        path = f"{path}.index"
    reader = _READERS.get(os.path.splitext(path.removesuffix(_INDEX))[1])
    if reader is None and os.path.isfile(path) and _is_hdf5(path):
        reader = Hdf5Weights  # whatever its name: Keras 2 wrote "best_model.weights" and "x.model"
    if path.endswith(".index"):
        return in_one_version(path, lambda: TensorBundle(path.removesuffix(".index"), mapped))
    if reader is None or not os.path.isfile(path):
        state = "is of another kind" if os.path.exists(path) else "does not exist"
        raise invalid(
            "`source` must be a prefix of a TensorFlow checkpoint (with an .index file), a "
            f"{', '.join(_READERS)} file, a {_INDEX} of shards, a folder with one of them, or a "
            f"dict of arrays; this path {state}.",
            source=path,
        )

    def open_file(path):
        check_regular(path)
        check_digest(path)
        return reader(path, mapped) if reader is SafetensorsFile else reader(path)

    if path.endswith(_INDEX):
        return in_one_version(path, lambda: open_shards(path, open_file))
    return open_file(path)
