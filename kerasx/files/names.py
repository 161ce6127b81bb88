"""Check files whose names stand in other files."""

import os

from kerasx.checks import invalid


def is_plain(name):
    """Return whether a name is that of a file in the same folder.

    >>> is_plain("vocab.txt"), is_plain("../vocab.txt"), is_plain("C:vocab.txt")
    (True, False, False)
    """
    good = isinstance(name, str) and name not in ("", ".", "..")
    return good and not set(name) & set("/\\:\0")


def check_regular(path):
    """Raise if a path is of a pipe, a device or a folder: reading a pipe may wait for ever."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise invalid("`path` must be a file, not a pipe, device or folder.", path=path)
