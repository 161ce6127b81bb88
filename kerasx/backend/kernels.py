"""The backends' fused kernels.

Those of attention are functions (q, k, v, mask, bias, scale) -> outputs of tensors (b, h, n, d).
PyTorch: scaled_dot_product_attention, on any device. JAX:
jax.nn.dot_product_attention where it has a real kernel, cuDNN in half precision on a GPU;
elsewhere XLA fuses the written-out form as well. TensorFlow has none and relies on XLA.
"""

import contextlib
import contextvars

import keras
from keras import ops

from kerasx.backend.dtypes import mask_value, widened

__all__ = ["attention_kernel", "normalize", "plain_attention", "sparse_cross_entropy", "sum_above"]

_PLAIN = contextvars.ContextVar("plain_attention", default=False)


@contextlib.contextmanager
def plain_attention():
    """Within this context `attention` is written out instead of calling a fused kernel.

    Fused kernels have no second derivative on PyTorch; anything that differentiates twice
    computes its forward pass here.
    """
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)


def attention_is_plain():
    """Whether attention is to be written out, within `plain_attention`."""
    return _PLAIN.get()


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


def attention_kernel(query, key, value):
    """The fused kernel that can compute this attention, or None."""
    backend = keras.backend.backend()
    if backend == "torch":
        return _torch_attention
    if backend == "jax" and query.shape[-1] == value.shape[-1] and _half_precision_gpu(query):
        return _jax_attention
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


def _torch_attention(query, key, value, mask, bias, scale):
    import torch

    return torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=_additive(mask, bias, query.dtype), scale=scale
    )


def _jax_attention(query, key, value, mask, bias, scale):
    import jax

    q, k, v = (ops.swapaxes(x, 1, 2) for x in (query, key, value))  # (b, n, h, d)
    bias = _additive(mask, bias, query.dtype)
    return ops.swapaxes(jax.nn.dot_product_attention(q, k, v, bias=bias, scale=scale), 1, 2)


def sparse_cross_entropy(ids, logits):
    """log Σ_v exp s_v - s_id at each place, in float32 at least.

    Without a one-hot tensor or a transposed copy of the logits, which for a language model are
    the largest tensors there are. Differentiable twice.

    Args:
        ids: integers (...) in [0, v).
        logits: (..., v).

    Returns:
        Losses (...), float32 or wider.

    >>> round(float(sparse_cross_entropy(ops.array([1]), ops.zeros((1, 8)))[0]), 4)
    2.0794
    """
    ids, logits = ops.cast(ids, "int32"), ops.convert_to_tensor(logits)
    logits = widened(logits)
    return _CROSS_ENTROPY[keras.backend.backend()](ids, logits)


def _tensorflow_cross_entropy(ids, logits):
    import tensorflow as tf

    return tf.nn.sparse_softmax_cross_entropy_with_logits(ids, logits)


def _jax_cross_entropy(ids, logits):
    wanted = (
        ops.arange(logits.shape[-1]) == ids[..., None]
    )  # fused away; a gather's gradient is not
    return ops.logsumexp(logits, -1) - ops.sum(ops.where(wanted, logits, 0), -1)


def _torch_cross_entropy(ids, logits):
    import torch

    flat = logits.reshape(-1, logits.shape[-1])  # three dimensions would have to be transposed
    losses = torch.nn.functional.cross_entropy(flat, ids.reshape(-1).long(), reduction="none")
    return losses.reshape(ids.shape)


_CROSS_ENTROPY = {
    "tensorflow": _tensorflow_cross_entropy,
    "jax": _jax_cross_entropy,
    "torch": _torch_cross_entropy,
}


def sum_above(x, keys, bound):
    """Σ x over the last axis where keys > bound, (..., 1).

    PyTorch compares into floats on a CPU, in vector instructions that it has not for booleans:
    a tenth of the time.

    Args:
        x, keys: (..., n).
        bound: (..., 1).

    >>> x, keys, bound = ops.array([1.0, 2.0, 4.0]), ops.array([3.0, 7.0, 5.0]), ops.array([4.0])
    >>> ops.convert_to_numpy(sum_above(x, keys, bound)).tolist()
    [6.0]
    """
    if keras.backend.backend() == "torch":
        return keys.detach().clone().gt_(bound).mul(x).sum(-1, keepdim=True)
    return ops.sum(ops.where(keys > bound, x, 0), axis=-1, keepdims=True)
