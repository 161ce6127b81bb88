"""The score of what is masked, and wider floats, by dtype."""

import keras
import ml_dtypes
from keras import ops


def mask_value(dtype):
    """Return the finite score that replaces -∞ in masks of a dtype.

    It is half of the smallest finite number, so that adding a bias to it, or subtracting a row's
    maximum from it, cannot overflow. Beside any real score its exponential is exactly 0.

    Args:
        dtype: name of a float dtype, e.g. "float16".

    Returns:
        A Python float.

    >>> mask_value("float16")
    -32752.0
    """
    return float(ml_dtypes.finfo(dtype).min) / 2


def wide_dtype(dtype):
    """Return "float32", or "float64" for it, which Keras's `result_type` narrows on PyTorch.

    >>> wide_dtype("bfloat16"), wide_dtype("int32"), wide_dtype("float64")
    ('float32', 'float32', 'float64')
    """
    return "float64" if keras.backend.standardize_dtype(dtype) == "float64" else "float32"


def widened(x):
    """Convert x to a float32 tensor, or keep its dtype if that is wider.

    >>> widened(ops.ones((2,), "float16")).dtype == widened(ops.ones((2,))).dtype
    True
    """
    x = ops.convert_to_tensor(x)
    return ops.cast(x, wide_dtype(x.dtype))
