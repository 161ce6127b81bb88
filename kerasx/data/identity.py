"""Tell functions and objects from others by a text that every process finds again."""

import functools
import hashlib
import re
import types

import numpy as np

from kerasx.checks import invalid
from kerasx.data.corpus_files import vocabulary_digest

_PLACE = re.compile(r"\bat 0x[0-9a-fA-F]+")  # of an object in memory: another in each process

_SIMPLE = (bool, int, float, str, types.NoneType)


def identity(value, inside=()):
    """Return a str of a function or an object that does not depend on its place in memory.

    Functions go by their name, what they have taken from around them and their defaults; those
    without a name of their own, such as lambdas, also by their code. `functools.partial` goes by
    its function and arguments. Objects go by their `digest()`, else by a `__repr__` of their own,
    else by the name of their class and their attributes; tokenizers by vocabulary and options.

    Args:
        value: a function or object.
        inside: ids of the objects that hold this one, for those that hold themselves.

    Raises:
        ValueError: an object with neither a `__repr__` of its own nor attributes.

    >>> identity(functools.partial(max, key=abs))
    "partial(max, [], [('key', abs)])"
    """
    if id(value) in inside:
        return "..."
    within = functools.partial(identity, inside=(*inside, id(value)))
    found = (describe for kind, describe in _DESCRIBE.items() if isinstance(value, kind))
    return next(found, _object)(value, within)


def _object(value, within):
    name = type(value).__qualname__
    if callable(getattr(value, "digest", None)):
        return f"{name}({value.digest()})"
    if hasattr(value, "id_to_token") and hasattr(value, "vocab_size"):
        simple = {k: x for k, x in vars(value).items() if isinstance(x, _SIMPLE)}  # no caches
        return f"{name}({vocabulary_digest(value)}, {within(simple)})"
    shown = repr(value)
    if not _PLACE.search(shown):
        return shown
    if not hasattr(value, "__dict__"):
        raise invalid(
            "Objects that make batches must have a `__repr__` without their place in memory, or "
            "a `digest()`, so that another process knows them.",
            object=value,
        )
    return f"{name}({within(vars(value))})"


def _function(function, within):
    name = function.__qualname__
    taken = [cell.cell_contents for cell in function.__closure__ or ()]
    parts = [x for x in (taken, function.__defaults__, function.__kwdefaults__) if x]
    if "<" in name:  # <lambda>, <locals>: there may be others of this name
        parts.append(function.__code__)
    return f"{name}({', '.join(map(within, parts))})" if parts else name


def _code(code, within):
    inner = within([*code.co_consts, *code.co_names])
    return hashlib.sha256(code.co_code + inner.encode()).hexdigest()


def _partial(value, within):
    arguments = within(list(value.args)), within(sorted(value.keywords.items()))
    return f"partial({within(value.func)}, {', '.join(arguments)})"


def _array(array, within):
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return f"array({array.dtype}, {array.shape}, {digest})"


def _listed(values, within):
    opening, closing = "()" if isinstance(values, tuple) else "[]"
    return f"{opening}{', '.join(map(within, values))}{closing}"


def _mapped(items, within):
    return f"{{{', '.join(f'{within(key)}: {within(x)}' for key, x in items.items())}}}"


_DESCRIBE = {
    types.FunctionType: _function,
    types.MethodType: lambda x, within: f"{within(x.__self__)}.{x.__func__.__qualname__}",
    types.BuiltinFunctionType: lambda x, within: x.__qualname__,
    types.ModuleType: lambda x, within: x.__name__,
    types.CodeType: _code,
    type: lambda x, within: x.__qualname__,
    functools.partial: _partial,
    functools._lru_cache_wrapper: lambda x, within: within(x.__wrapped__),
    np.ndarray: _array,
    dict: _mapped,
    list: _listed,
    tuple: _listed,
    set: lambda x, within: f"{{{', '.join(sorted(map(within, x)))}}}",
    frozenset: lambda x, within: f"{{{', '.join(sorted(map(within, x)))}}}",
}
