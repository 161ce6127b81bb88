"""Shapes that must agree."""

__all__ = ["require_shape"]


def require_shape(argument, x, expected, meaning):
    """Raise ValueError unless x has the `expected` shape, where None agrees with any size.

    >>> import numpy as np
    >>> require_shape("y_true", np.ones((2, 3)), (None, 4), "a label for each of the 4 classes")
    Traceback (most recent call last):
    ...
    ValueError: `y_true` must be a label for each of the 4 classes, of shape (None, 4). Received: \
y_true.shape=(2, 3)
    """
    shape, expected = tuple(x.shape), tuple(expected)
    agree = [a is None or b is None or a == b for a, b in zip(shape, expected)]
    if len(shape) != len(expected) or not all(agree):
        raise ValueError(
            f"`{argument}` must be {meaning}, of shape {expected}. "
            f"Received: {argument}.shape={shape}"
        )
