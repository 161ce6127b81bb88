"""One way to open whatever holds weights."""

import os
from collections.abc import Mapping

from kerasx.checkpoints.checkpoint import ArrayCheckpoint, Checkpoint
from kerasx.checkpoints.folder import describe_folder
from kerasx.checkpoints.hdf5 import Hdf5Weights
from kerasx.checkpoints.safetensors_file import SafetensorsFile
from kerasx.checkpoints.sharded import open_shards
from kerasx.checkpoints.tensor_bundle import TensorBundle
from kerasx.checkpoints.torch_file import TorchFile
from kerasx.files import check_digest

_READERS = {
    ".safetensors": SafetensorsFile,
    ".h5": Hdf5Weights,
    ".bin": TorchFile,
    ".pt": TorchFile,
    ".pth": TorchFile,
}
_INDEX = ".index.json"


def open_checkpoint(source, mapped=False):
    """Open weights as a read-only mapping of names to arrays that reads them when asked.

    Args:
        source: a path: a TensorFlow prefix ("bert_model.ckpt"), a `.safetensors` file, an index of
            shards (`.safetensors.index.json`, `.bin.index.json`), a `.weights.h5`, a torch `.bin`
            or `.pt` (with torch installed), or a folder with one of them (see `describe_folder`).
            Or a dict of arrays, or an open Checkpoint, which is returned as it is.
            Where `path`.sha256 lies beside a file (see `write_digest`), it is checked.
        mapped: whether the arrays of a TensorFlow checkpoint or safetensors file are read-only
            views of the file, which take no memory but for pages looked at since
            `checkpoint.release()`. The file must not be changed where it is.
    Returns:
        Checkpoint.
    Raises:
        ValueError: if there is no such file, or it is damaged or of another kind.

    Example:

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
    if os.path.isdir(path):
        path = describe_folder(path, require=("checkpoint",)).checkpoint_path
    if os.path.exists(f"{path}.index"):
        return TensorBundle(path, mapped)
    reader = _READERS.get(os.path.splitext(path.removesuffix(_INDEX))[1])
    if path.endswith(".index"):
        return TensorBundle(path.removesuffix(".index"), mapped)
    if reader is None or not os.path.isfile(path):
        raise ValueError(
            "`source` must be a TensorFlow checkpoint prefix (with its .index file), a "
            f"{', '.join(_READERS)} file, a {_INDEX} of shards, a folder with one of them, or a "
            f"dict of arrays. Received: source={path!r}, "
            f"{'a file of another kind' if os.path.exists(path) else 'which does not exist'}"
        )

    def open_file(path):
        check_digest(path)  # reads the file once, if there is a digest to check
        return reader(path, mapped) if reader is SafetensorsFile else reader(path)

    return open_shards(path, open_file) if path.endswith(_INDEX) else open_file(path)
