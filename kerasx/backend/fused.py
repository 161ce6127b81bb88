"""The backends' fused kernels.

Those of attention are functions (q, k, v, mask, bias, scale) -> outputs of tensors (b, h, n, d).
PyTorch: scaled_dot_product_attention, on any device. JAX:
jax.nn.dot_product_attention where it has a real kernel, cuDNN in half precision on a GPU;
elsewhere XLA fuses the written-out form as well. TensorFlow has none and relies on XLA.
"""

import keras
from keras import ops

from kerasx.backend.masks import mask_value

__all__ = ["kernel", "normalize"]


def normalize(x, epsilon, zero_mean=True, unit_variance=True):
    """(x - mean x) / sqrt(var x + ε) over the last axis; either half of it may be left out.

    Without the mean, var x is the mean of x². On PyTorch it is one kernel instead of seven, which
    XLA fuses by itself.

    >>> ops.convert_to_numpy(normalize(ops.array([[1.0, 3.0]]), 0.0)).tolist()
    [[-1.0, 1.0]]
    """
    if unit_variance and keras.backend.backend() == "torch":
        from torch.nn import functional

        kernel = functional.layer_norm if zero_mean else functional.rms_norm
        return kernel(x, x.shape[-1:], eps=epsilon)
    if zero_mean:
        x = x - ops.mean(x, axis=-1, keepdims=True)
    if unit_variance:
        x = x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + epsilon)
    return x


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
