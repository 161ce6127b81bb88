"""The backends' fused attention kernels, as functions (q, k, v, mask, bias, scale) -> outputs.

Tensors are (b, h, n, d). PyTorch: scaled_dot_product_attention, on any device. JAX:
jax.nn.dot_product_attention where it has a real kernel, cuDNN in half precision on a GPU;
elsewhere XLA fuses the written-out form as well. TensorFlow has none and relies on XLA.
"""

import keras
from keras import ops

from kerasx.backend.masks import mask_value

__all__ = ["kernel"]


def kernel(query, key, value):
    """The fused kernel that can compute this attention, or None."""
    backend = keras.backend.backend()
    if backend == "torch":
        return _torch_kernel
    if backend == "jax" and query.shape[-1] == value.shape[-1] and _half_precision_gpu(query):
        return _jax_kernel
    return None


def _half_precision_gpu(x):
    import jax

    half = keras.backend.standardize_dtype(x.dtype) in ("float16", "bfloat16")
    return half and jax.default_backend() == "gpu"


def _additive(mask, bias, dtype):
    """Mask and bias as one finite additive tensor, or None."""
    if mask is None:
        return None if bias is None else ops.cast(bias, dtype)
    dtype = keras.backend.standardize_dtype(dtype)
    return ops.where(mask, ops.cast(0 if bias is None else bias, dtype), mask_value(dtype))


def _torch_kernel(query, key, value, mask, bias, scale):
    import torch

    return torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=_additive(mask, bias, query.dtype), scale=scale
    )


def _jax_kernel(query, key, value, mask, bias, scale):
    import jax

    q, k, v = (ops.swapaxes(x, 1, 2) for x in (query, key, value))  # (b, n, h, d)
    bias = _additive(mask, bias, query.dtype)
    return ops.swapaxes(jax.nn.dot_product_attention(q, k, v, bias=bias, scale=scale), 1, 2)
