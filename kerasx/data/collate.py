"""Make one batch of examples that are arranged alike: numbers, lists, tuples and dicts of them."""

import numpy as np

from kerasx.checks import invalid
from kerasx.data.leaves import Kind, map_leaves, walk
from kerasx.data.padding import sequence_padding


def collate(leaves, examples, length, rows=None):
    """Stack examples `(x,)`, `(x, y)` or `(x, y, weight)` into arrays arranged the same way.

    Args:
        leaves: `describe` of one of the examples.
        examples: tuples arranged alike. x is a sequence, or a tuple, list or dict of sequences;
            y a number, an array or sequence, or a tuple, list or dict of these; weight a number.
            A list of lists is several sequences, a two-dimensional array is one, of vectors.
        length: sequences are padded to this many tokens, and may not be longer.
        rows: numbers of the examples in the data set, for errors; `None` is 0, 1, ...

    Returns:
        Tuple of as many parts, of int32 and float32 arrays; lists have become tuples.

    Raises:
        ValueError: examples arranged differently or too long, arrays that do not stack, integers
            beyond int32.

    >>> from kerasx.data.leaves import describe
    >>> examples = [([5, 6, 7], 0), ([8], 1)]
    >>> collate(describe(examples[0]), examples, length=4)
    (array([[5, 6, 7, 0],
           [8, 0, 0, 0]], dtype=int32), array([0, 1], dtype=int32))
    """
    if any(len(example) != len(leaves) for example in examples):
        raise ValueError("examples must all have as many parts: (x,), (x, y) or (x, y, weight)")

    def stacked(leaf, *values):
        return _rectangle(leaf, values, length, rows)

    parts = zip(Kind, leaves, zip(*examples))
    return tuple(map_leaves(stacked, kind, tree, *values) for kind, tree, values in parts)


def token_count(x):
    """Return the length of the longest sequence in x.

    >>> token_count(([1, 2, 3], [0, 0, 0]))
    3
    """
    counts = [len(value) for _, value in walk(x) if np.ndim(value)]
    if not counts:
        raise invalid("`x` must hold a sequence of tokens.", x=x)
    return max(counts)


def cut(leaves, example, maxlen):
    """Keep the first `maxlen` items of each sequence that is padded.

    >>> from kerasx.data.leaves import describe
    >>> example = ([1, 2, 3], [4, 5, 6])
    >>> cut(describe(example), example, maxlen=2)
    ([1, 2], [4, 5, 6])
    """

    def kept(leaf, value):
        return value if leaf.pad is None or np.ndim(value) == 0 else value[:maxlen]

    return tuple(map_leaves(kept, *part) for part in zip(Kind, leaves, example))


def _rectangle(leaf, values, length, rows):
    if leaf.pad is None or np.ndim(values[0]) == 0:
        return _compact(leaf, _stacked(leaf, values))
    counts = [len(value) for value in values]
    if max(counts) > length:
        i = counts.index(max(counts))
        raise ValueError(
            f"`{leaf.name}` must have at most {length} tokens here. Received: {counts[i]} tokens "
            f"in example {i if rows is None else rows[i]}"
        )
    return _compact(leaf, sequence_padding(values, length, leaf.pad))


def _stacked(leaf, values):
    shapes = sorted({np.shape(value) for value in values})
    if len(shapes) > 1:
        raise invalid(
            f"`{leaf.name}` must have one shape in all examples, or be padded (`label_pad`).",
            shapes=shapes,
        )
    return np.asarray(values)


def _compact(leaf, array):
    """Convert to int32 or float32, which all models and backends take."""
    if array.dtype.kind not in "biuf":
        raise invalid(f"`{leaf.name}` must hold numbers.", dtype=array.dtype)
    if array.dtype.kind == "f" or leaf.kind is Kind.WEIGHT:
        return array.astype("float32")
    if array.dtype.itemsize > 4 and array.size and np.abs(array).max() > np.iinfo("int32").max:
        raise invalid(f"`{leaf.name}` must fit in int32.", largest=np.abs(array).max())
    return array.astype("int32")
