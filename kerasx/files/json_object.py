"""Read a JSON file that may come from anyone."""

import json
import os

from kerasx.checks import invalid
from kerasx.files.names import check_regular

_MOST = 1 << 28  # bytes; the largest tokenizer.json in use has about 35 MB


def read_json_object(path, most=_MOST, distinct=True):
    """Read a JSON object as a dict.

    Args:
        path: the file.
        most: largest number of bytes.
        distinct: whether a key must appear once; else the values of a repeated key are a tuple.

    Raises:
        ValueError: no file, too large a file, no JSON in UTF-8, no object, or an object with a
            repeated key; the error names the file, and line and column.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.json")
    >>> with open(path, "w") as file:
    ...     _ = file.write('{"a": 1}')
    >>> read_json_object(path)
    {'a': 1}
    """
    path = os.fspath(path)
    try:
        check_regular(path)
        with open(path, encoding="utf-8-sig") as file:
            _check_size(file, most)
            value = json.load(file, object_pairs_hook=_distinct if distinct else _gathered)
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}:{error.colno}"
        raise invalid(f"`path` must be a JSON file. {place}: {error.msg}.", path=path) from error
    except (OSError, ValueError, RecursionError) as error:  # no file, bad UTF-8, a repeated key
        raise invalid(f"`path` must be a JSON file. {path}: {error}.", path=path) from error
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise invalid(f"`path` must hold a JSON object. {path}:1:1 holds a {kind}.", path=path)
    return value


def _check_size(file, most):
    size = os.fstat(file.fileno()).st_size
    if size > most:
        raise ValueError(f"it has {size} bytes, more than {most}")


def _distinct(pairs):
    found = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r:.80} appears twice")
        found[key] = value
    return found


def _gathered(pairs):
    """Return a dict, with a tuple of the values of each key that is repeated."""
    values = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return {k: tuple(v) if len(v) > 1 else v[0] for k, v in values.items()}
