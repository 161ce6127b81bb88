"""Read a JSON file that may come from anyone."""

import json
import os

from kerasx.checks import invalid

_MOST = 1 << 28  # bytes; the largest tokenizer.json in use has about 35 MB


def read_json_object(path, most=_MOST):
    """Read a JSON object as a dict.

    Args:
        path: the file.
        most: largest number of bytes.

    Raises:
        ValueError: no file, too large a file, no JSON in UTF-8, no object, or an object with a
            repeated key; the error names the file.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.json")
    >>> with open(path, "w") as file:
    ...     _ = file.write('{"a": 1}')
    >>> read_json_object(path)
    {'a': 1}
    """
    path = os.fspath(path)
    if not os.path.isfile(path):  # a pipe would block for ever
        raise invalid("`path` must be a file.", path=path)
    size = os.path.getsize(path)
    if size > most:
        raise invalid(f"`path` must be a JSON file of at most {most} bytes.", path=path, size=size)
    try:
        with open(path, encoding="utf-8-sig") as file:
            value = json.load(file, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        raise invalid(f"`path` must be a JSON object: {error}.", path=path) from error
    if not isinstance(value, dict):
        raise invalid(f"`path` must be a JSON object, not a {type(value).__name__}.", path=path)
    return value


def _distinct(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set()
        repeated = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"the key {repeated!r} appears twice")
    return found
