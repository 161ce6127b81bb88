"""Weights on disk: a name -> array mapping, read lazily and written atomically, NumPy only.

checkpoint = open_checkpoint("chinese_bert/")       # TensorFlow, safetensors, HDF5, torch
match({"bert/pooler/dense/bias": (768,)}, checkpoint)  # strict, by name
save_safetensors("model.safetensors", checkpoint)
"""

from .atomic import atomic_path, check_digest, digested_path, write_digest
from .checkpoint import Checkpoint, Spec
from .folder import FolderDescription, describe_folder, read_config
from .hdf5 import save_hdf5
from .matching import DEFAULT_IGNORE, match
from .opening import open_checkpoint
from .safetensors_file import save_safetensors
from .tensor_bundle import save_tensor_bundle

__all__ = [
    "Checkpoint",
    "DEFAULT_IGNORE",
    "FolderDescription",
    "Spec",
    "atomic_path",
    "check_digest",
    "describe_folder",
    "digested_path",
    "match",
    "open_checkpoint",
    "read_config",
    "save_hdf5",
    "save_safetensors",
    "save_tensor_bundle",
    "write_digest",
]
