"""Dropout with half of the random bits, or fewer."""

import keras
from keras import ops

from kerasx.backend.random_bits import random_int16

__all__ = ["dropout"]

_LEVELS = 2**16


def dropout(x, rate, seed):
    """Each element becomes 0 with probability `rate`, and is divided by 1 - rate otherwise.

    16 random bits decide about an element: read as a number, they must be at least
    r = round(65536 rate). So the rate is rounded to a multiple of 1/65536, and kept elements are
    multiplied by 65536 / (65536 - r), which makes the expectation x exactly. The mask is a
    function of the seed's state alone, so the same state draws it again, on PyTorch too.

    Args:
        x: floating tensor.
        rate: in [0, 1].
        seed: a keras.random.SeedGenerator; it advances by one.

    Returns:
        A tensor like x. Source: JMLR 15 (2014) 1929-1958.

    >>> ops.shape(dropout(ops.ones((2, 3)), 0.5, keras.random.SeedGenerator(0)))
    (2, 3)
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"`rate` must be in [0, 1]. Received: rate={rate}")
    r = round(rate * _LEVELS)
    if r == 0:
        return x
    if r == _LEVELS:
        return ops.zeros_like(x)
    x = ops.convert_to_tensor(x)
    kept = random_int16(x, seed.next()) >= r - _LEVELS // 2
    wide = keras.backend.result_type(x.dtype, "float32")  # half precision would round the factor
    factors = ops.cast(kept, wide) * (_LEVELS / (_LEVELS - r))
    return ops.cast(ops.cast(x, wide) * factors, x.dtype)
