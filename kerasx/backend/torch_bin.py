"""Read PyTorch state dicts for kerasx.checkpoints."""

import zipfile

import torch

_NUMPY = (
    "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 "
    "float16 float32 float64 complex64 complex128"
).split()


def load_state_dict(path):
    """Load a state dict with torch's weights-only unpickler, which runs no code of the file.

    Args:
        path: file written by torch.save; memory-mapped if its format is zip (torch >= 1.6).

    Returns:
        (tensors, skipped): {name: CPU tensor}, and {name: kind} of the entries that are no dense
        CPU tensor.

    Raises:
        ValueError: the file is damaged, holds anything but plain data, or is not a flat dict.
    """
    try:
        state = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except Exception as error:  # torch raises a dozen unrelated types on bad files
        raise ValueError(f"torch does not load it: {error}".split("\n")[0]) from error
    if not isinstance(state, dict):
        raise ValueError(f"it holds a {type(state).__name__}, not a dict of tensors")
    tensors = {name: value for name, value in state.items() if _is_plain(name, value)}
    nested = [name for name, value in state.items() if isinstance(value, dict)]
    if nested and not tensors:
        raise ValueError(f"its tensors are nested in {nested}: save that dict alone")
    skipped = {str(k): _describe(v) for k, v in state.items() if k not in tensors}
    return tensors, skipped


def dtype_name(tensor):
    """Return the NumPy (or ml_dtypes) name of a tensor's dtype: "float32", "bfloat16"."""
    return str(tensor.dtype).removeprefix("torch.")


def to_numpy(tensor):
    """Return a tensor as a NumPy array, bit for bit; bfloat16 as int16 of the same bits."""
    tensor = tensor.detach()
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _is_plain(name, value):
    return (
        isinstance(name, str)
        and isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
        and dtype_name(value) in (*_NUMPY, "bfloat16")
    )


def _describe(value):
    return f"torch {value.dtype}" if isinstance(value, torch.Tensor) else type(value).__name__
