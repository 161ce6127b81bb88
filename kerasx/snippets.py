"""bert4keras's helper functions under their bert4keras names, gathered from their modules.

All load NumPy only, but for `AutoRegressiveDecoder` and `orthogonally_resize`: these two are
imported when they are first used, and load Keras and h5py.
"""

import importlib
import inspect
from functools import wraps

import numpy as np

from kerasx.data.data_generator import DataGenerator
from kerasx.data.padding import sequence_padding, truncate_sequences
from kerasx.data.parallel import parallel_apply, parallel_apply_generator
from kerasx.files.indexed_lines import open
from kerasx.spans import ViterbiDecoder
from kerasx.text import (
    convert_to_str,
    convert_to_unicode,
    is_string,
    longest_common_subsequence,
    longest_common_substring,
    lowercase_and_normalize,
    string_matching,
    strQ2B,
    text_segmentate,
)

__all__ = [
    "AutoRegressiveDecoder",  # noqa: F822 - loaded lazily
    "DataGenerator",
    "ViterbiDecoder",
    "WebServing",  # noqa: F822 - loaded lazily
    "convert_to_str",
    "convert_to_unicode",
    "delete_arguments",
    "insert_arguments",
    "is_one_of",
    "is_string",
    "longest_common_subsequence",
    "longest_common_substring",
    "lowercase_and_normalize",
    "open",
    "orthogonally_resize",  # noqa: F822 - loaded lazily
    "parallel_apply",
    "parallel_apply_generator",
    "sequence_padding",
    "softmax",
    "strQ2B",
    "string_matching",
    "text_segmentate",
    "to_array",
    "truncate_sequences",
]


_LAZY = {
    "AutoRegressiveDecoder": "kerasx.generation",
    "WebServing": "kerasx.serve.web_serving",
    "orthogonally_resize": "kerasx.checkpoints.resizing",
}


def __getattr__(name):
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'kerasx.snippets' has no attribute '{name}'")


def to_array(*args):
    """Convert each argument to an array; return one array for one argument, else a list.

    >>> to_array([1, 2], [3])
    [array([1, 2]), array([3])]
    """
    arrays = [np.array(a) for a in args]
    return arrays[0] if len(args) == 1 else arrays


def is_one_of(x, ys):
    """Tell whether `x` is one of the objects `ys` itself; tensors are not compared by value.

    >>> x = np.zeros(2)
    >>> is_one_of(x, [x]), is_one_of(x, [np.zeros(2)])
    (True, False)
    """
    return any(x is y for y in ys)


def softmax(x, axis=-1):
    """Compute exp(x) / sum(exp(x)) along an axis, without overflow.

    Args:
        x: array of floats.
        axis: the axis along which the result sums to 1.

    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    x = np.asarray(x)
    x = np.exp(x - x.max(axis=axis, keepdims=True))
    return x / x.sum(axis=axis, keepdims=True)


def insert_arguments(**arguments):
    """Return a decorator that gives a method keyword arguments, stored as attributes of `self`.

    Args:
        **arguments: names and default values.

    >>> class Model:
    ...     @insert_arguments(version="t5")
    ...     def __init__(self, size):
    ...         self.size = size
    >>> Model(3).version, Model(3, version="mt5").version
    ('t5', 'mt5')
    """

    def decorate(method):
        @wraps(method)
        def wrapped(self, *args, **kwargs):
            for name, default in arguments.items():
                setattr(self, name, kwargs.pop(name, default))
            return method(self, *args, **kwargs)

        wrapped.__signature__ = _with(inspect.signature(method), arguments)
        return wrapped

    return decorate


def _with(signature, arguments):
    """Return a signature with further keyword arguments, which `build_transformer_model` reads."""
    kinds = inspect.Parameter
    added = [kinds(name, kinds.KEYWORD_ONLY, default=value) for name, value in arguments.items()]
    found = [p for name, p in signature.parameters.items() if name not in arguments]
    rest = [p for p in found if p.kind == kinds.VAR_KEYWORD]
    return signature.replace(parameters=[*(p for p in found if p not in rest), *added, *rest])


def delete_arguments(*arguments):
    """Return a decorator by which a method refuses keyword arguments of its parent.

    Args:
        *arguments: names of the refused arguments.

    >>> class Model:
    ...     @delete_arguments("with_pool")
    ...     def __init__(self, **kwargs):
    ...         pass
    >>> Model(with_pool=True)
    Traceback (most recent call last):
    ...
    TypeError: Model got an unexpected keyword argument 'with_pool'
    """

    def decorate(method):
        @wraps(method)
        def wrapped(self, *args, **kwargs):
            for name in arguments:
                if name in kwargs:
                    raise TypeError(
                        f"{type(self).__name__} got an unexpected keyword argument '{name}'"
                    )
            return method(self, *args, **kwargs)

        return wrapped

    return decorate
