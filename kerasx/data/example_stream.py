"""Examples of a `DataGenerator` without end, under names, and their batches in NumPy."""

import threading
from itertools import islice

import numpy as np


class ExampleStream:
    """Iterable of examples without end, which a second start repeats if the first was given up.

    Keras reads a batch to build a model and then starts anew: without repetition the order that
    NumPy's generator draws would depend on it.

    Args:
        start: function that returns a new iterator.
        kept: a start with fewer examples than these was given up.

    >>> stream = ExampleStream(lambda: iter([5, 6, 7, 8]), kept=2)
    >>> next(iter(stream)), next(iter(stream))
    (5, 5)
    """

    def __init__(self, start, kept):
        self._start, self._most, self._lock = start, kept, threading.Lock()
        self._first, self._rest = [], None

    def __iter__(self):
        with self._lock:
            if self._rest is None or len(self._first) >= self._most:
                self._first, self._rest = [], self._start()
            first, rest = self._first, self._rest
        place = 0
        while True:
            with self._lock:
                if place >= len(first):
                    item = next(rest, self)
                    if item is self:
                        return
                    if len(first) < self._most:
                        first.append(item)
                else:
                    item = first[place]
            place += 1
            yield item


def under_names(names, values):
    """Return values as a dict by names, or a tuple of such dicts; of one target, the target.

    Args:
        names: None, a name, names, or a list of names for each part of `values`.
        values: as many values, in the same arrangement.

    >>> under_names([("token", "segment"), ("label",)], [("a", "b"), ("c",)])
    ({'token': 'a', 'segment': 'b'}, 'c')
    """
    if names is None:
        return values
    if isinstance(names, str):
        return {names: values}
    if isinstance(names[0], str):
        return dict(zip(names, values, strict=True))
    x, *rest = (dict(zip(*pair, strict=True)) for pair in zip(names, values, strict=True))
    return x, *(next(iter(part.values())) if len(part) == 1 else part for part in rest)


def arranged(like, function, *structures):
    """Return `function` of the parts of structures that lie where `like` has no list or dict.

    >>> arranged(("a", {"b": "c"}), str.__add__, ("a", {"b": "c"}), ["x", {"b": "y"}])
    ('ax', {'b': 'cy'})
    """
    if isinstance(like, dict):
        return {key: arranged(like[key], function, *(s[key] for s in structures)) for key in like}
    if isinstance(like, (list, tuple)):
        parts = zip(like, *structures, strict=True)
        return tuple(arranged(part, function, *others) for part, *others in parts)
    return function(*structures)


def batches(stream, types, shapes, batch_size, padded):
    """Yield batches of examples in NumPy, as tuples.

    Args:
        stream: iterable of examples.
        types, shapes: dtypes and shapes of an example, arranged as it; None is any size.
        batch_size: examples of a batch.
        padded: pad with zeros to `shapes`, or where these are None to the longest.
    """

    def stacked(dtype, shape, *values):
        dtype = getattr(dtype, "as_numpy_dtype", dtype)  # of tf.float32
        arrays = [np.asarray(value, dtype) for value in values]
        return _padded(arrays, shape) if padded else np.stack(arrays)

    stream = iter(stream)
    while examples := list(islice(stream, batch_size)):
        batch = arranged(types, stacked, types, shapes, *examples)
        yield batch if isinstance(batch, tuple) else (batch,)


def _padded(arrays, shape):
    sizes = zip(shape, *(x.shape for x in arrays), strict=True)
    target = [max(found) if size is None else size for size, *found in sizes]
    outputs = np.zeros((len(arrays), *target), arrays[0].dtype)
    for output, x in zip(outputs, arrays):
        output[tuple(map(slice, x.shape))] = x
    return outputs
