"""`DataGenerator`: bert4keras's template for batches made by a Python generator."""

from itertools import chain

import numpy as np

_PEEKED = 100  # how many batches to look through for two shapes


class DataGenerator:
    """Examples one by one, in order or at random; the subclass makes them into batches.

        class data_generator(DataGenerator):
            def __iter__(self, random=False):
                texts = []
                for is_end, text in self.sample(random):
                    texts.append(text)
                    if len(texts) == self.batch_size or is_end:
                        yield ...
                        texts = []

        generator = data_generator(data, batch_size=32)
        model.fit(generator.forfit(), steps_per_epoch=len(generator))

    For scripts in that style. Every new shape costs a compilation, and Keras's own workers would
    serve examples twice: new code has `BucketDataset`.

    Args:
        data: examples; a list (or anything with `len()` and `[i]`), or an iterable of unknown
            length, shuffled through a buffer then.
        batch_size: rows of a batch.
        buffer_size: examples in that buffer; `None` is 1000 batches.

    Raises:
        ValueError: no examples.

    >>> [d for is_end, d in DataGenerator("abc").sample()]
    ['a', 'b', 'c']
    """

    def __init__(self, data, batch_size=32, buffer_size=None):
        self.data, self.batch_size = data, batch_size
        self.steps = -(-len(data) // batch_size) if hasattr(data, "__len__") else None
        if self.steps == 0:
            raise ValueError(f"`data` must not be empty: no examples in data={data!r}")
        self.buffer_size = buffer_size or batch_size * 1000

    def __len__(self):
        """Batches of an epoch."""
        if self.steps is None:
            raise TypeError("data of unknown length has no number of batches")
        return self.steps

    def sample(self, random=False):
        """Yield `(is_end, example)` for each example; at random by NumPy's global generator."""
        data = iter(self._shuffled() if random else self.data)
        try:
            current = next(data)
        except StopIteration:
            raise ValueError(f"`data` must not be empty: no examples in {self.data!r}") from None
        for following in data:
            yield False, current
            current = following
        yield True, current

    def _shuffled(self):
        if self.steps is not None:
            yield from (self.data[i] for i in np.random.permutation(len(self.data)))
            return
        buffer = []
        for d in self.data:
            buffer.append(d)
            if len(buffer) > self.buffer_size:
                yield buffer.pop(np.random.randint(len(buffer)))
        while buffer:
            yield buffer.pop(np.random.randint(len(buffer)))

    def __iter__(self, random=False):
        raise ValueError(
            f"`{type(self).__name__}` must override __iter__(self, random=False), which yields "
            "batches of `self.sample(random)`."
        )

    def forfit(self, random=True):
        """Batches without end, for `model.fit(..., steps_per_epoch=len(self))`.

        Keras takes an axis for fixed on TensorFlow if the first two batches agree in it, and
        fails at the first batch that does not. So a batch of another shape is put second, if
        there is one among the first hundred.
        """
        yield from _two_shapes_first(map(_arrays, self.__iter__(random)))
        while True:
            yield from map(_arrays, self.__iter__(random))

    def fortest(self, random=False):
        """`(inputs,)` of the batches without end, for `model.predict(..., steps=len(self))`."""
        for batch in self.forfit(random):
            yield batch[:1]


def _arrays(batch):
    """Lists of arrays as tuples: a list would count as one array on TensorFlow."""
    if not isinstance(batch, (list, tuple)):
        return batch
    if len(batch) and np.isscalar(batch[0]):
        return np.asarray(batch)
    return tuple(_arrays(part) for part in batch)


def _two_shapes_first(batches):
    seen = []
    for batch in batches:
        seen.append(batch)
        if _shapes(batch) != _shapes(seen[0]):
            seen[1], seen[-1] = seen[-1], seen[1]
            break
        if len(seen) == _PEEKED:
            break
    yield from chain(seen, batches)


def _shapes(batch):
    if isinstance(batch, dict):
        return [_shapes(part) for part in batch.values()]
    if isinstance(batch, tuple):
        return [_shapes(part) for part in batch]
    return np.shape(batch)[1:]
