"""Dropout with 16 random bits for an element."""

from keras import ops

from kerasx.backend import wide_dtype
from kerasx.backend.random_bits import random_int16
from kerasx.checks import check_number

_LEVELS = 2**16


def dropout(x, rate, seed):
    """Set each element to 0 with probability `rate`, and divide all other elements by 1 - rate.

    An element is kept if 16 random bits, read as an integer, are at least r = round(65536 rate).
    So the rate is rounded to a multiple of 1/65536; kept elements are multiplied by
    65536 / (65536 - r), so that the expectation is exactly x. The mask depends on the state of the
    seed alone: the same state draws the same mask, as recomputation needs, on PyTorch too.

    Args:
        x: float tensor.
        rate: number in [0, 1].
        seed: keras.random.SeedGenerator, which advances by one.

    Returns:
        Tensor like x.

    Source: JMLR 15 (2014) 1929-1958.

    >>> import keras
    >>> ops.shape(dropout(ops.ones((2, 3)), 0.5, keras.random.SeedGenerator(0)))
    (2, 3)
    """
    check_number("rate", rate, least=0, most=1)
    r = round(rate * _LEVELS)
    if r == 0:
        return x
    if r == _LEVELS:
        return ops.zeros_like(x)
    x = ops.convert_to_tensor(x)
    kept = random_int16(x, seed.next()) >= r - _LEVELS // 2
    wide = wide_dtype(x.dtype)  # half precision would round the factor
    factors = ops.cast(kept, wide) * (_LEVELS / (_LEVELS - r))
    return ops.cast(ops.cast(x, wide) * factors, x.dtype)
