"""Write values and errors as bytes for another process, which runs no code when it reads them."""

import base64
import builtins
import contextlib
import io
import json

import numpy as np

from kerasx.checks import invalid


def encode(value):
    """Return the bytes of None, numbers, strings, bytes, arrays, errors, lists, tuples and dicts.

    Raises:
        ValueError: the value, or one in it, is of another class.

    >>> decode(encode({"words": ("值", b"x"), 3: [None, 0.5]}))
    {'words': ('值', b'x'), 3: [None, 0.5]}
    """
    return json.dumps(_tagged(value)).encode()


def decode(content):
    """Return the value that `encode` was given; an error that is not built in as RuntimeError.

    >>> decode(encode(KeyError("a")))
    KeyError('a')
    """
    return _untagged(json.loads(content))


def _tagged(value):
    """Return a value of JSON; what JSON lacks becomes {its kind: what it is made of}."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [*map(_tagged, value)]
    if isinstance(value, tuple):
        return {"tuple": [*map(_tagged, value)]}
    if isinstance(value, dict):
        return {"dict": [[_tagged(k), _tagged(v)] for k, v in value.items()]}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufcU":
        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return {"array": base64.b64encode(file.getvalue()).decode()}
    if isinstance(value, BaseException):
        plain = all(isinstance(x, (bool, int, float, str)) for x in value.args)
        return {"error": [type(value).__name__, list(value.args) if plain else [str(value)]]}
    raise invalid(
        "`value` must be made of None, numbers, strings, bytes, NumPy arrays, errors, lists, "
        "tuples and dicts to be sent to another process.",
        value=value,
    )


def _untagged(value):
    if isinstance(value, list):
        return [*map(_untagged, value)]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    return _READERS[kind](content)


def _array(content):
    return np.load(io.BytesIO(base64.b64decode(content)), allow_pickle=False)[()]


def _error(content):
    name, arguments = content
    cls = getattr(builtins, name, None)
    if isinstance(cls, type) and issubclass(cls, BaseException):
        with contextlib.suppress(TypeError):  # a class with other arguments than its error
            return cls(*arguments)
    return RuntimeError(f"{name}: {' '.join(map(str, arguments))}")


_READERS = {
    "tuple": lambda content: tuple(map(_untagged, content)),
    "dict": lambda content: {_untagged(k): _untagged(v) for k, v in content},
    "bytes": base64.b64decode,
    "array": _array,
    "error": _error,
}
