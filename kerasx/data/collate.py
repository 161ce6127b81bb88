"""Examples arranged alike (numbers, lists, tuples and dicts of them) made into one batch."""

import numpy as np

from kerasx.data.padding import sequence_padding


def collate(examples, length, pad_value=0, label_pad=None):
    """Stack examples `(x,)`, `(x, y)` or `(x, y, weight)` into arrays arranged the same way.

    Args:
        examples: tuples arranged alike. x is a sequence, or a tuple, list or dict of sequences;
            y a number, an array or sequence, or a tuple, list or dict of these; weight a number.
        length: sequences are padded to this many tokens (and not cut: see `cut`).
        pad_value: what pads the sequences of x.
        label_pad: `None` if the arrays in y have one shape, else what pads them to `length`.

    Returns:
        Tuple of as many parts, of int32 and float32 arrays; lists have become tuples.

    Raises:
        ValueError: examples arranged differently, arrays that do not stack, ints beyond int32.

    >>> collate([([5, 6, 7], 0), ([8], 1)], length=4)
    (array([[5, 6, 7, 0],
           [8, 0, 0, 0]], dtype=int32), array([0, 1], dtype=int32))
    """
    if len({len(example) for example in examples}) > 1:
        raise ValueError("examples must all have as many parts: (x,), (x, y) or (x, y, weight)")
    parts = list(zip(*examples))

    def padded(name, *values):
        return _rectangle(name, values, length, pad_value)

    def labelled(name, *values):
        return _rectangle(name, values, None if label_pad is None else length, label_pad)

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


def _keys(tree):
    """What the parts of a tree are called; None for a leaf."""
    if isinstance(tree, dict):
        return list(tree)
    if isinstance(tree, (tuple, list)) and len(tree) and np.ndim(tree[0]) + _branches(tree[0]):
        return list(range(len(tree)))
    return None


def _branches(tree):
    return isinstance(tree, (dict, tuple, list))


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


def cut(tree, maxlen):
    """The first `maxlen` items of each sequence.

    >>> cut({"token_ids": [1, 2, 3]}, maxlen=2)
    {'token_ids': [1, 2]}
    """
    return map_leaves(lambda name, leaf: leaf[:maxlen] if np.ndim(leaf) else leaf, "", tree)


def _rectangle(name, values, length, pad):
    if length is None or np.ndim(values[0]) == 0:
        if len({np.shape(value) for value in values}) > 1:
            shapes = sorted({np.shape(value) for value in values})
            raise ValueError(
                f"`{name}` must have one shape in all examples, or be padded (`label_pad`). "
                f"Received: shapes {shapes}"
            )
        return _compact(name, np.asarray(values))
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
