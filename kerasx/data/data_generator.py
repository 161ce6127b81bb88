"""Make batches with a Python generator, as scripts written for bert4keras do."""

import importlib
import sys
from itertools import chain

import numpy as np

from kerasx.checks import invalid
from kerasx.data.example_stream import ExampleStream, arranged, batches, under_names

_PEEKED = 100  # batches among which a second shape is sought
_AHEAD = 16  # batches that Keras may read before it starts anew; 5 were seen


class DataGenerator:
    """Base class of bert4keras's data generators: a subclass groups the examples into batches.
    A subclass, and its use::

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

    New code should use `BucketDataset`: here every new shape costs a compilation, and Keras's own
    workers would serve examples twice.

    Args:
        data: examples; a list (or anything with `len()` and `[i]`), or an iterable of unknown
            length, whose random order comes from a buffer.
        batch_size: rows of a batch.
        buffer_size: examples in the buffer; `None` is 1000 batches.

    Raises:
        ValueError: no examples.

    >>> [d for is_end, d in DataGenerator("abc").sample()]
    ['a', 'b', 'c']
    """

    def __init__(self, data, batch_size=32, buffer_size=None):
        self.data, self.batch_size = data, batch_size
        self.steps = -(-len(data) // batch_size) if hasattr(data, "__len__") else None
        if self.steps == 0:
            raise invalid("`data` must not be empty: no examples in it.", data=data)
        self.buffer_size = buffer_size or batch_size * 1000

    def __len__(self):
        """Return the number of batches of an epoch."""
        if self.steps is None:
            raise TypeError("data of unknown length has no number of batches")
        return self.steps

    def sample(self, random=False):
        """Yield `(is_end, example)` for each example, where `is_end` marks the last one.

        Args:
            random: draw the order with NumPy's global generator.
        """
        data = iter(self._shuffled() if random else self.data)
        try:
            current = next(data)
        except StopIteration:
            raise invalid("`data` must not be empty: no examples in it.", data=self.data) from None
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
        """Yield batches without end, for `model.fit(..., steps_per_epoch=len(self))`.

        On TensorFlow, Keras assumes that an axis has a fixed size if the first two batches agree in
        it, and fails at a later batch of another size. So a batch of another shape is moved to the
        second place there, if one is among the first hundred.
        """
        batches = map(_arrays, self.__iter__(random))
        yield from _two_shapes_first(batches) if _keras_fixes_axes() else batches
        while True:
            yield from map(_arrays, self.__iter__(random))

    def to_dataset(self, types, shapes, names=None, padded_batch=False):
        """Return batches without end of examples that `__iter__` yields one by one, for `fit`.

        On TensorFlow they are a `tf.data.Dataset`, which Keras shares among devices, otherwise a
        Python generator. Keras reads a few batches to build the model and starts anew: a start with
        fewer than 16 batches is repeated by the next one, so that each example comes once an epoch.

        Args:
            types: dtypes of an example, arranged as it: "float32", or nested lists or tuples.
            shapes: the shapes likewise, each a list; None is any size.
            names: names of the inputs and targets that make a dict of each part; the target alone
                stays of a dict with one target.
            padded_batch: pad with zeros to `shapes`, or where these are None to the longest.

        >>> class Numbers(DataGenerator):
        ...     def __iter__(self, random=False):
        ...         for _, d in self.sample(random):
        ...             yield d, [len(d)]
        >>> data = Numbers([[1, 2], [3]], batch_size=2)
        >>> x, y = next(iter(data.to_dataset(("int32", "int32"), ([None], [1]), padded_batch=True)))
        >>> tuple(x.shape), tuple(y.shape)
        ((2, 2), (2, 1))
        """
        backend = importlib.import_module("kerasx.backend.datasets")
        types, shapes = (under_names(names, value) for value in (types, shapes))
        types, shapes = arranged(types, lambda x: x, types), arranged(types, list, shapes)
        examples = ExampleStream(lambda: self._examples(types, names), _AHEAD * self.batch_size)
        options = types, shapes, self.batch_size, padded_batch
        if backend.has_datasets():
            return backend.dataset_of(lambda: iter(examples), *options)
        return batches(examples, *options)

    def _examples(self, types, names):
        """Yield examples in the arrangement of `types`, without end."""
        while True:
            for example in self.__iter__(True):
                yield arranged(types, lambda x: x, under_names(names, example))

    def fortest(self, random=False):
        """Yield `(inputs,)` of the batches without end, for `model.predict(steps=len(self))`."""
        for batch in self.forfit(random):
            yield batch[:1]


def _arrays(batch):
    """Convert lists of arrays to tuples: TensorFlow would make one array of a list.

    As Keras 2 did, float64 becomes the float type of Keras: TensorFlow multiplies equal types only.
    """
    if isinstance(batch, (list, tuple)) and not (len(batch) and np.isscalar(batch[0])):
        return tuple(_arrays(part) for part in batch)
    array = np.asarray(batch) if isinstance(batch, (list, tuple)) else batch
    return array.astype(_floatx()) if getattr(array, "dtype", None) == np.float64 else array


def _floatx():
    keras = sys.modules.get("keras")
    return "float32" if keras is None else keras.config.floatx()


def _keras_fixes_axes():
    """Return whether Keras is in use, on TensorFlow."""
    keras = sys.modules.get("keras")
    return keras is not None and keras.config.backend() == "tensorflow"


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
