"""Read `.bin` and `.pt` files of PyTorch, which are pickles, with torch's weights-only loader."""

import os
from importlib.util import find_spec

import numpy as np

from kerasx.checkpoints.checkpoint import Checkpoint, Spec, readable
from kerasx.checks import invalid


class TorchFile(Checkpoint):
    """A state dict saved by torch.save; opening it imports torch.

    The file is read by `torch.load(..., weights_only=True)`, memory-mapped if the file allows it,
    so no code in the file runs. Entries that are not tensors are listed in `skipped`.

    Args:
        path: path of the file.

    Raises:
        ValueError: torch is not installed, or the file is not a flat dict of tensors.
    """

    format = "torch"

    def __init__(self, path):
        path = os.fspath(path)
        if find_spec("torch") is None:
            raise invalid(
                "`path` must be a safetensors file or TensorFlow checkpoint, because torch is not "
                "installed. Install torch, or convert the file where torch is installed: "
                "`python -m kerasx.checkpoints convert pytorch_model.bin model.safetensors`.",
                path=path,
            )
        from kerasx.backend import torch_bin  # imports torch

        with readable(path, "a state dict saved by torch", ValueError, OSError):
            tensors, skipped = torch_bin.load_state_dict(path)
        self._to_numpy = torch_bin.to_numpy
        specs = {
            name: Spec(tuple(tensor.shape), np.dtype(torch_bin.dtype_name(tensor)), tensor)
            for name, tensor in tensors.items()
        }
        super().__init__(path, specs, skipped)

    def _read(self, name, spec):
        return self._to_numpy(spec.where).view(spec.dtype)  # torch_bin gives bfloat16 as int16

    def close(self):
        self._specs = {name: spec._replace(where=None) for name, spec in self._specs.items()}
        super().close()
