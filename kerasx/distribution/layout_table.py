"""The table of where each weight of a model lies."""

import math
from typing import NamedTuple

import keras
import numpy as np

from kerasx import backend
from kerasx.backend.keras_internals import layout
from kerasx.text import text_table

_SLOT = "as its weight"


class Layout(NamedTuple):
    """Where a variable lies.

    path, shape: of the variable.
    axes: for each axis of the shape the axis of the mesh that cuts it, or None.
    bytes: what one device holds of it.
    rule: the pattern, or another reason.
    """

    path: str
    shape: tuple
    axes: tuple
    bytes: int
    rule: str


class Layouts(list):
    """A list of `Layout` that prints as a table."""

    @property
    def bytes(self):
        """Bytes of all variables on one device."""
        return sum(row.bytes for row in self)

    def __str__(self):
        head = ("path", "shape", "cut", "bytes on a device", "rule")
        rows = [(r.path, r.shape, _cuts(r.axes), r.bytes, r.rule) for r in self if r.rule != _SLOT]
        slots = [row.bytes for row in self if row.rule == _SLOT]
        rows += [(f"{len(slots)} slots of the optimizer", "", "", sum(slots), _SLOT)] * bool(slots)
        return text_table([head, *rows, ("all", "", "", self.bytes, "")])


def check_layouts(model):
    """List where each weight and each slot of the optimizer lies, and raise where rules fail.

    Args:
        model: a keras.Model. Inside a context of `kerasx.distribution` it must have been built
            there; its slots are listed once its optimizer is built.

    Returns:
        A list of tuples (path, shape, axes of the mesh, bytes on one device, rule), whose str is
        a table.

    Raises:
        ValueError: a variable was made outside of the context; a rule matches no weight.

    >>> inputs = keras.Input((2,))
    >>> model = keras.Model(inputs, keras.layers.Dense(3, name="scores")(inputs))
    >>> print(check_layouts(model))
    path           shape   cut    bytes on a device  rule
    scores/kernel  (2, 3)  whole  24                 one device
    scores/bias    (3,)    whole  12                 one device
    all                           36
    """
    distribution = keras.distribution.distribution()
    backend.check_made_inside(model)
    if hasattr(distribution, "check"):
        distribution.check(model.variables)
    weights = [_row(v, distribution) for v in model.variables]
    slots = [] if getattr(model, "optimizer", None) is None else model.optimizer.variables
    return Layouts([*weights, *[_row(v, None, _SLOT) for v in slots]])


def _row(variable, distribution, rule="one device"):
    found, shape = layout(variable), tuple(variable.shape)
    axes = tuple(getattr(found, "axes", [None] * len(shape)))
    if hasattr(distribution, "cut_axis"):
        rule = distribution.cut_axis(variable.path, shape)[-1]
    sharding = getattr(variable.value, "sharding", None)
    part = shape if sharding is None else sharding.shard_shape(shape)
    size = np.dtype(keras.backend.standardize_dtype(variable.dtype)).itemsize
    return Layout(variable.path, shape, axes, math.prod(part) * size, rule)


def _cuts(axes):
    return f"({', '.join(map(str, axes))})" if any(axes) else "whole"
