"""Check the values of a batch before it reaches a model.

A label out of range gives NaN on TensorFlow with XLA, 0.0 on JAX and an exception elsewhere; the id
-1 is accepted by all and reads the last row. These checks raise the same ValueError everywhere.
"""

import numpy as np

from kerasx.checks import invalid

_MAKERS = {
    "places": "MaskTokens",
    "encoder_ids": "CorruptSpans",
    "order": "SentenceOrder",
    "segment_ids": "another transform that makes segments",
}


def check_transform_order(name, rows, *later):
    """Raise if rows hold what only a later transform than `name` may have made.

    Args:
        name: name of the transform that gets the rows.
        rows: dict of its rows.
        *later: keys of later transforms.

    >>> check_transform_order("SplitSource", {"token_ids": [], "places": []}, "places")
    Traceback (most recent call last):
    ...
    ValueError: `SplitSource` must come before MaskTokens, and only once. Received: \
rows=['token_ids', 'places']
    """
    for key in later:
        if key in rows:
            text = f"`{name}` must come before {_MAKERS[key]}, and only once."
            raise invalid(text, rows=list(rows))


def check_ids(array, vocab_size, name="token_ids", rows=None):
    """Raise unless all ids are ints in `[0, vocab_size)`.

    Args:
        array: int array of shape `(b, ...)`.
        vocab_size: number of rows of the embedding table.
        name: name of the array in the error.
        rows: numbers of the examples in the data set, shape `(b,)`; `None` is 0, 1, ...

    Raises:
        ValueError: names the example, the value and the allowed range.

    >>> check_ids(np.array([[101, 5], [101, 21128]]), 21128, rows=[7, 3])
    Traceback (most recent call last):
    ...
    ValueError: `token_ids` must be in [0, 21128). Received: token_ids=21128 in example 3
    """
    _check_range(array, vocab_size, name, rows, None)


def check_labels(array, num_classes, name="labels", rows=None, ignore=None):
    """Raise unless all labels are ints in `[0, num_classes)` or equal to `ignore`.

    Args:
        array, name, rows: as in `check_ids`.
        num_classes: number of classes.
        ignore: a value outside the range that is allowed, such as the padding of labels.

    Raises:
        ValueError: names the example, the value and the allowed range.

    >>> check_labels(np.array([0, 2, -100]), num_classes=3, ignore=-100)
    """
    _check_range(array, num_classes, name, rows, ignore)


def check_finite(array, name="labels", rows=None):
    """Raise if a float array holds NaN or infinity.

    Args:
        array, name, rows: as in `check_ids`; an array of integers passes.

    Raises:
        ValueError: names the example and the value.

    >>> check_finite(np.array([0.5, np.nan]))
    Traceback (most recent call last):
    ...
    ValueError: `labels` must be finite. Received: labels=nan in example 1
    """
    array = np.asarray(array)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        example, value = _first(array, ~np.isfinite(array), rows)
        raise ValueError(f"`{name}` must be finite. Received: {name}={value} in example {example}")


def _check_range(array, size, name, rows, ignore):
    array = np.asarray(array)
    if array.dtype.kind not in "iub":
        raise invalid(f"`{name}` must be integers.", dtype=array.dtype)
    if not array.size or (array.min() >= 0 and array.max() < size):
        return
    wrong = (array < 0) | (array >= size)
    if ignore is not None:
        wrong &= array != ignore
    if wrong.any():
        example, value = _first(array, wrong, rows)
        raise ValueError(
            f"`{name}` must be in [0, {size}). Received: {name}={value} in example {example}"
        )


def _first(array, wrong, rows):
    """Return (number of the first wrong example, its first wrong value)."""
    where = tuple(np.argwhere(wrong)[0])
    return int(where[0] if rows is None else rows[where[0]]), array[where]
