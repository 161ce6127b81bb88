"""Describe the arrays of an example: kind, padding and range of values of each.

A leaf is a number or a sequence; the parts x and y of an example `(x,)`, `(x, y)` or
`(x, y, weight)` are leaves, or tuples, lists and dicts of leaves.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from kerasx.checks import check_integer, invalid
from kerasx.data.validation import check_finite, check_ids, check_labels


class Kind(Enum):
    """Kind of a leaf: an input of the model, a label, or the weight of the example."""

    INPUT = "x"
    LABEL = "y"
    WEIGHT = "weight"


@dataclass(frozen=True)
class Leaf:
    """One array of an example.

    Args:
        kind: a `Kind`.
        path: tuple of the keys and positions that lead from x or y to the leaf.
        pad: number that pads the sequences of a batch to one length; None for no padding.
        size: values are integers in [0, size); None for any finite numbers.

    >>> Leaf(Kind.INPUT, ("Input-Token",), pad=0, size=21128).name
    "x['Input-Token']"
    """

    kind: Kind
    path: tuple = ()
    pad: float | None = None
    size: int | None = None

    def __post_init__(self):
        if not isinstance(self.kind, Kind):
            raise invalid("`kind` must be a Kind.", kind=self.kind)
        if self.pad is None and self.kind is Kind.INPUT:
            raise invalid("`pad_value` must be a number.", pad_value=self.pad)
        if self.pad is not None and np.asarray(self.pad).dtype.kind not in "biuf":
            raise invalid(f"the padding of `{self.name}` must be a number.", pad=self.pad)
        if self.size is not None:
            check_integer(f"size of {self.name}", self.size, least=0)

    @property
    def name(self):
        """The leaf's name in errors, for people only."""
        return _printed(self.kind, self.path)

    def check(self, array, rows):
        """Raise unless an array (b, ...) of the examples `rows` (b,) is finite and in range."""
        check_finite(array, self.name, rows)
        if self.size is None:
            return
        if self.kind is Kind.LABEL:
            check_labels(array, self.size, self.name, rows, ignore=self.pad)
        else:
            check_ids(array, self.size, self.name, rows)


def describe(example, pad_value=0, label_pad=None, vocab_size=None, num_classes=None):
    """Return the leaves of an example, arranged like its parts x, y and weight.

    Args:
        example: tuple (x,), (x, y) or (x, y, weight).
        pad_value, label_pad, vocab_size, num_classes: as in `kerasx.data.Batches`.

    Returns:
        Tuple of as many trees of `Leaf`.

    Raises:
        ValueError: an option names a part that the example does not have.

    >>> describe(([1, 2], 0), num_classes=3)[1]
    Leaf(kind=<Kind.LABEL: 'y'>, path=(), pad=None, size=3)
    """
    x, y, weight = (*example, {}, {})[:3]
    leaves = (
        _described(Kind.INPUT, x, pad_value=pad_value, vocab_size=vocab_size),
        _described(Kind.LABEL, y, label_pad=label_pad, num_classes=num_classes),
        Leaf(Kind.WEIGHT),
    )
    return leaves[: len(example)]


def map_leaves(function, kind, leaves, *trees):
    """Apply a function to each leaf and its values in trees that are arranged alike.

    Args:
        function: function of a `Leaf` and of its value in each tree.
        kind: the `Kind` of the leaves.
        leaves: tree of `Leaf`.
        *trees: part x, y or weight of examples or of batches.

    Returns:
        The results, arranged like `leaves`; lists have become tuples.

    Raises:
        ValueError: a tree is arranged differently.

    >>> (leaves,) = describe(({"ids": [1, 2], "more": ([3], [4])},))
    >>> x = {"ids": [5], "more": ([6, 7], [])}
    >>> map_leaves(lambda leaf, a: f"{leaf.name} has {len(a)}", Kind.INPUT, leaves, x)
    {'ids': "x['ids'] has 1", 'more': ("x['more'][0] has 2", "x['more'][1] has 0")}
    """
    return _mapped(lambda path, *values: function(*values), kind, (), (leaves, *trees))


def walk(tree, path=()):
    """Yield the path and the value of each leaf of a tree.

    >>> list(walk({"ids": [1, 2], "more": ([3], 4)}))
    [(('ids',), [1, 2]), (('more', 0), [3]), (('more', 1), 4)]
    """
    keys = _keys(tree)
    if keys is None:
        yield path, tree
    else:
        for key in keys:
            yield from walk(tree[key], (*path, key))


def _described(kind, tree, **options):
    paths = [path for path, _ in walk(tree)]
    pad, size = (_by_path(kind, paths, name, value) for name, value in options.items())
    return _mapped(lambda path, _: Leaf(kind, path, pad(path), size(path)), kind, (), (tree,))


def _by_path(kind, paths, name, option):
    """Return a function from a leaf's path to its option; `option` is a dict, list or one value."""
    if not isinstance(option, (dict, tuple, list)):
        return lambda path: option
    items = {
        (k,): v for k, v in (option.items() if isinstance(option, dict) else enumerate(option))
    }
    if not items.keys() <= set(paths):
        names = [_printed(kind, path) for path in paths]
        raise invalid(f"`{name}` must name parts of the examples, {names}.", **{name: option})
    return items.get


def _mapped(function, kind, path, trees):
    """Apply `function(path, *values)` to the leaves of trees that are arranged alike."""
    keys, *others = map(_keys, trees)
    if any(other != keys for other in others):
        raise ValueError(
            f"`{_printed(kind, path)}` must be arranged alike in all examples. Received: parts "
            f"{keys} and {next(other for other in others if other != keys)}"
        )
    if keys is None:
        return function(path, *trees)
    mapped = {
        key: _mapped(function, kind, (*path, key), [tree[key] for tree in trees]) for key in keys
    }
    return mapped if isinstance(trees[0], dict) else tuple(mapped.values())


def _keys(tree):
    """Return the keys or positions of a tree's parts; None for a leaf."""
    if isinstance(tree, dict):
        return list(tree)
    if isinstance(tree, (tuple, list)):
        if any(isinstance(part, (list, tuple, dict, np.ndarray, Leaf)) for part in tree):
            return list(range(len(tree)))
    return None


def _printed(kind, path):
    return kind.value + "".join(f"[{key!r}]" for key in path)
