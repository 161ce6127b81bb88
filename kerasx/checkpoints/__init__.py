"""Weights on disk: a name -> array mapping, read lazily and written atomically, NumPy only.

checkpoint = open_checkpoint("chinese_bert/")       # TensorFlow, safetensors, HDF5, torch
match({"bert/pooler/dense/bias": (768,)}, checkpoint)  # strict, by name
save_safetensors("model.safetensors", checkpoint)
"""

from kerasx.checkpoints.checkpoint import Checkpoint, Spec
from kerasx.checkpoints.folder import FolderDescription, describe_folder, read_config
from kerasx.checkpoints.hdf5 import save_hdf5
from kerasx.checkpoints.matching import DEFAULT_IGNORE, match
from kerasx.checkpoints.opening import open_checkpoint
from kerasx.checkpoints.resizing import orthogonally_resize
from kerasx.checkpoints.safetensors_file import save_safetensors
from kerasx.checkpoints.tensor_bundle import save_tensor_bundle

__all__ = [
    "Checkpoint",
    "DEFAULT_IGNORE",
    "FolderDescription",
    "Spec",
    "describe_folder",
    "match",
    "open_checkpoint",
    "orthogonally_resize",
    "read_config",
    "save_hdf5",
    "save_safetensors",
    "save_tensor_bundle",
]
