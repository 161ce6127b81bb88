"""Examples arranged alike (numbers, lists, tuples and dicts of them) made into one batch."""

import numpy as np

from kerasx.data.padding import sequence_padding


def collate(examples, length, pad_value=0, label_pad=None, rows=None):
    """Stack examples `(x,)`, `(x, y)` or `(x, y, weight)` into arrays arranged the same way.

    Args:
        examples: tuples arranged alike. x is a sequence, or a tuple, list or dict of sequences;
            y a number, an array or sequence, or a tuple, list or dict of these; weight a number.
            A list of lists is several sequences, a two-dimensional array is one, of vectors.
        length: sequences are padded to this many tokens, and may not be longer.
        pad_value: what pads the sequences of x.
        label_pad: `None` if the arrays in y have one shape, else what pads them to `length`; or
            such values for the parts of y, by key or position.
        rows: numbers of the examples in the data set, for errors; `None` is 0, 1, ...

    Returns:
        Tuple of as many parts, of int32 and float32 arrays; lists have become tuples.

    Raises:
        ValueError: examples arranged differently or too long, arrays that do not stack, ints
            beyond int32.

    >>> collate([([5, 6, 7], 0), ([8], 1)], length=4)
    (array([[5, 6, 7, 0],
           [8, 0, 0, 0]], dtype=int32), array([0, 1], dtype=int32))
    """
    if len({len(example) for example in examples}) > 1:
        raise ValueError("examples must all have as many parts: (x,), (x, y) or (x, y, weight)")
    parts, pads = list(zip(*examples)), by_name(label_pad, "y")

    def padded(name, *values):
        return _rectangle(name, values, length, pad_value, rows)

    def labelled(name, *values):
        pad = pads(name)
        return _rectangle(name, values, None if pad is None else length, pad, rows)

    batch = [map_leaves(padded, "x", *parts[0])]
    batch += [map_leaves(labelled, "y", *part) for part in parts[1:2]]
    batch += [np.asarray(part, "float32") for part in parts[2:]]
    return tuple(batch)


def map_leaves(function, name, *trees):
    """`function(name, *leaves)` over trees arranged alike; a leaf is a number or a sequence.

    >>> map_leaves(lambda name, a: f"{name} has {len(a)}", "x", {"ids": [1, 2], "more": ([3], [4])})
    {'ids': "x['ids'] has 2", 'more': ("x['more'][0] has 1", "x['more'][1] has 1")}
    """
    keys = _keys(trees[0])
    if any(_keys(tree) != keys for tree in trees):
        raise ValueError(
            f"`{name}` must be arranged alike in all examples. Received: parts "
            f"{keys} and {next(_keys(tree) for tree in trees if _keys(tree) != keys)}"
        )
    if keys is None:
        return function(name, *trees)
    mapped = {
        key: map_leaves(function, f"{name}[{key!r}]", *(tree[key] for tree in trees))
        for key in keys
    }
    return mapped if isinstance(trees[0], dict) else tuple(mapped.values())


def by_name(options, name):
    """Function from names of leaves to options: one for all, or by key or position.

    >>> by_name(3, "x")("x['ids']"), by_name({"ids": 4}, "x")("x['ids']")
    (3, 4)
    """
    if not isinstance(options, (dict, tuple, list)):
        return lambda leaf: options
    items = options.items() if isinstance(options, dict) else enumerate(options)
    return {f"{name}[{key!r}]": option for key, option in items}.get


def _keys(tree):
    """What the parts of a tree are called; None for a leaf."""
    if isinstance(tree, dict):
        return list(tree)
    if isinstance(tree, (tuple, list)):
        if any(isinstance(part, (list, tuple, dict, np.ndarray)) for part in tree):
            return list(range(len(tree)))
    return None


def token_count(x):
    """Length of the longest sequence in x.

    >>> token_count(([1, 2, 3], [0, 0, 0]))
    3
    """
    counts = []
    map_leaves(lambda name, leaf: counts.append(len(leaf)) if np.ndim(leaf) else None, "x", x)
    if not counts:
        raise ValueError(f"`x` must hold a sequence of tokens. Received: x={x}")
    return max(counts)


def cut(example, maxlen, label_pad=None):
    """The first `maxlen` items of each sequence of x, and of those in y that will be padded.

    >>> cut(([1, 2, 3], [4, 5, 6]), maxlen=2)
    ([1, 2], [4, 5, 6])
    """
    pads = by_name(label_pad, "y")

    def shorter(name, leaf):
        whole = np.ndim(leaf) == 0 or (name[0] == "y" and pads(name) is None)
        return leaf if whole else leaf[:maxlen]

    parts = [map_leaves(shorter, name, part) for name, part in zip("xy", example)]
    return (*parts, *example[2:])


def _rectangle(name, values, length, pad, rows):
    if length is None or np.ndim(values[0]) == 0:
        if len({np.shape(value) for value in values}) > 1:
            shapes = sorted({np.shape(value) for value in values})
            raise ValueError(
                f"`{name}` must have one shape in all examples, or be padded (`label_pad`). "
                f"Received: shapes {shapes}"
            )
        return _compact(name, np.asarray(values))
    counts = [len(value) for value in values]
    if max(counts) > length:
        i = counts.index(max(counts))
        raise ValueError(
            f"`{name}` must have at most {length} tokens here. Received: {counts[i]} tokens in "
            f"example {i if rows is None else rows[i]}"
        )
    return _compact(name, sequence_padding(values, length, pad))


def _compact(name, array):
    """int32 or float32, what models and backends take."""
    if array.dtype.kind not in "biuf":
        raise ValueError(f"`{name}` must hold numbers. Received: {name} of dtype {array.dtype}")
    if array.dtype.kind == "f":
        return array.astype("float32")
    if array.dtype.itemsize > 4 and array.size and np.abs(array).max() > np.iinfo("int32").max:
        raise ValueError(f"`{name}` must fit in int32. Received: {name} up to {array.max()}")
    return array.astype("int32")
