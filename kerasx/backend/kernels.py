"""Call the fused kernels of the backends: attention, normalization, cross-entropy.

An attention kernel is a function (q, k, v, mask, bias, scale) -> outputs, of tensors (b, h, n, d).
PyTorch has scaled_dot_product_attention on any device. JAX has jax.nn.dot_product_attention, which
is a separate kernel (cuDNN) only in half precision on a GPU; elsewhere XLA fuses the written-out
form as well. TensorFlow has no kernel and relies on XLA.
"""

import contextlib
import contextvars

import keras
from keras import ops

from kerasx.backend.dtypes import mask_value, widened

_PLAIN = contextvars.ContextVar("plain_attention", default=False)


@contextlib.contextmanager
def plain_attention():
    """Write attention out within this context instead of calling a fused kernel.

    PyTorch's fused kernels have no second derivative, so code that differentiates twice computes
    its forward pass in this context.
    """
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)


def attention_is_plain():
    """Return whether the context `plain_attention` is active."""
    return _PLAIN.get()


def normalize(x, epsilon, zero_mean=True, unit_variance=True):
    """Compute (x - mean x) / sqrt(var x + ε) over the last axis.

    Without `zero_mean`, var x is the mean of x². PyTorch has one kernel for it, in the place of
    seven operations; XLA fuses these by itself.

    Args:
        x: floats (..., d).
        epsilon: ε.
        zero_mean: subtract the mean.
        unit_variance: divide by the standard deviation.

    Returns:
        Tensor like x.

    >>> ops.convert_to_numpy(normalize(ops.array([[1.0, 3.0]]), 0.0)).tolist()
    [[-1.0, 1.0]]
    """
    if unit_variance and keras.backend.backend() == "torch":
        from torch.nn import functional

        kernel = functional.layer_norm if zero_mean else functional.rms_norm
        return kernel(x, (int(x.shape[-1]),), eps=epsilon)  # int: a tracer's shape is no kernel's
    if zero_mean:
        x = x - ops.mean(x, axis=-1, keepdims=True)
    if unit_variance:
        x = x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + epsilon)
    return x


def attention_kernel(query, value):
    """Return the fused kernel for queries and values like these, or None."""
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
    """Merge mask and bias into one finite tensor to add to the scores; None without both."""
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
    """Compute the cross-entropy log Σ_v exp s_v - s_id of each token.

    It makes no one-hot tensor and no transposed copy of the logits, which are the largest tensor
    of a language model. It can be differentiated twice.

    Args:
        ids: integers (...) in [0, v), the true classes.
        logits: (..., v), the scores s.

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
    # XLA fuses this mask away; the gradient of a gather would be a tensor like the logits
    is_true = ops.arange(logits.shape[-1]) == ids[..., None]
    return ops.logsumexp(logits, -1) - ops.sum(ops.where(is_true, logits, 0), -1)


def _torch_cross_entropy(ids, logits):
    import torch

    flat = logits.reshape(-1, logits.shape[-1])  # cross_entropy wants classes second, a transpose
    losses = torch.nn.functional.cross_entropy(flat, ids.reshape(-1).long(), reduction="none")
    return losses.reshape(ids.shape)


_CROSS_ENTROPY = {
    "tensorflow": _tensorflow_cross_entropy,
    "jax": _jax_cross_entropy,
    "torch": _torch_cross_entropy,
}


def sum_above(x, keys, bound):
    """Sum x over the last axis where keys > bound.

    On PyTorch the comparison writes floats, for which the CPU kernel has vector instructions, as
    it has not for booleans: a tenth of the time.

    Args:
        x, keys: floats (..., n).
        bound: floats (..., 1).

    Returns:
        (..., 1).

    >>> x, keys, bound = ops.array([1.0, 2.0, 4.0]), ops.array([3.0, 7.0, 5.0]), ops.array([4.0])
    >>> ops.convert_to_numpy(sum_above(x, keys, bound)).tolist()
    [6.0]
    """
    if keras.backend.backend() == "torch":
        return keys.detach().clone().gt_(bound).mul(x).sum(-1, keepdim=True)
    return ops.sum(ops.where(keys > bound, x, 0), axis=-1, keepdims=True)
