"""PyTorch's `.bin` and `.pt` files: pickles, read by torch's weights-only loader or not at all."""

import os
from importlib.util import find_spec

import numpy as np

from kerasx.checkpoints.checkpoint import Checkpoint, Spec, readable


class TorchFile(Checkpoint):
    """A state dict saved by torch.save; needs torch, which is loaded when the file is opened.

    Only `torch.load(..., weights_only=True)` is used, memory-mapped where the file allows it, so
    no code in the file runs. Entries that are not tensors are listed in `skipped`.

    Args:
        path: the file.
    Raises:
        ValueError: if torch is not installed, or the file is not a flat dict of tensors.
    """

    format = "torch"

    def __init__(self, path):
        path = os.fspath(path)
        if find_spec("torch") is None:
            raise ValueError(
                "`path` must be a safetensors file or TensorFlow checkpoint where torch is not "
                "installed. Install torch, or convert it where torch is: "
                "`python -m kerasx.checkpoints convert pytorch_model.bin model.safetensors`. "
                f"Received: path={path!r}"
            )
        from kerasx.backend import torch_bin  # loads torch, so not before it is needed

        with readable(path, "a state dict saved by torch", ValueError, OSError):
            tensors, skipped = torch_bin.load_state_dict(path)
        self._to_numpy = torch_bin.to_numpy
        specs = {
            name: Spec(tuple(tensor.shape), np.dtype(torch_bin.dtype_name(tensor)), tensor)
            for name, tensor in tensors.items()
        }
        super().__init__(path, specs, skipped)

    def _read(self, name, spec):
        return self._to_numpy(spec.where).view(spec.dtype)  # bfloat16 comes as its bits

    def close(self):
        self._specs = {name: spec._replace(where=None) for name, spec in self._specs.items()}
        super().close()
