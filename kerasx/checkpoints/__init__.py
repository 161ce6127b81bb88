"""Read and write the weights of models as mappings of tensor names to NumPy arrays.

    checkpoint = open_checkpoint("chinese_bert/")  # TensorFlow, safetensors, HDF5 or PyTorch
    match({"bert/pooler/dense/bias": (768,)}, checkpoint)  # raises if names or shapes differ
    save_safetensors("model.safetensors", checkpoint)

Arrays are read when they are looked up, and files are written atomically. No backend is imported,
except torch for files of PyTorch.
"""

from kerasx.checkpoints.folder import describe_folder, read_config
from kerasx.checkpoints.hdf5 import save_hdf5
from kerasx.checkpoints.matching import DEFAULT_IGNORE, match
from kerasx.checkpoints.opening import open_checkpoint
from kerasx.checkpoints.safetensors_file import save_safetensors
from kerasx.checkpoints.tensor_bundle import save_tensor_bundle

__all__ = [
    "DEFAULT_IGNORE",
    "describe_folder",
    "match",
    "open_checkpoint",
    "read_config",
    "save_hdf5",
    "save_safetensors",
    "save_tensor_bundle",
]
