"""Open text files that are too large for memory with random access to their lines."""

import builtins
import json
import logging
import os
import threading
from itertools import pairwise

import numpy as np

from kerasx.checks import check_choice, invalid
from kerasx.files.atomic import atomic_path
from kerasx.files.lines import check_encoding


def open(name, mode="r", encoding=None, errors="strict", indexable=False):
    """Open a file as Python's `open` does, or with `indexable` as a sequence of lines.

    Args:
        name, mode, encoding, errors: as in Python's `open`.
        indexable: True to find the offsets of the lines by reading the file once; or the path of
            a JSON file in which the offsets are stored, and from which they are read next time.

    Returns:
        A file, or an `IndexedLines`.

    Raises:
        ValueError: `indexable` is given, and the mode is not "r".
    """
    if not indexable:
        return builtins.open(name, mode, encoding=encoding, errors=errors)
    check_choice("mode", mode, ("r",))
    return IndexedLines(name, encoding or "utf-8", errors, indexable)


class IndexedLines:
    """Sequence of the lines of a text file, each read when it is looked up.

    It also has a file's `readline`, `readlines`, `read` and `next(lines)`, which go on from line to
    line. Several threads may use one object. A copied or unpickled object opens the file again.

    Args:
        name: path of the file.
        encoding, errors: as in Python's `open`; the encoding must write a line end as the byte 10.
        index: path of a JSON file with the offsets of the lines, which is written if it does not
            exist, or is of another file or of an earlier state of this one; or True to read the
            whole file instead.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write("一\\n二\\n三".encode())
    >>> lines = IndexedLines(file.name)
    >>> len(lines), lines[1], lines[-1], list(lines)
    (3, '二\\n', '三', ['一\\n', '二\\n', '三'])
    >>> lines.close(); os.unlink(file.name)
    """

    def __init__(self, name, encoding="utf-8", errors="strict", index=True):
        check_encoding(encoding)
        self.name, self.encoding, self.errors = name, encoding, errors
        self._place = 0  # of the line that is read next
        self._open()
        self.offsets = _offsets(self._file) if index is True else self._indexed(index)

    def _open(self):
        self._file, self._lock = builtins.open(self.name, "rb"), threading.Lock()

    def _indexed(self, path):
        """Return the offsets stored at `path`; find and store them if they are of another file."""
        index = _read_index(path) if os.path.exists(path) else {}
        state = os.fstat(self._file.fileno())
        file = {"size": state.st_size, "inode": state.st_ino}
        file |= {"modified": state.st_mtime_ns, "changed": state.st_ctime_ns}
        if index.get("file") == file and _are_offsets(index.get("offsets"), state.st_size):
            return np.array(index["offsets"], "int64")
        offsets = _offsets(self._file)
        try:
            with atomic_path(path) as temporary:
                with builtins.open(temporary, "w", encoding="utf-8") as writer:
                    json.dump({"file": file, "offsets": offsets.tolist()}, writer)
        except OSError as error:  # such as a read-only folder
            logging.getLogger("kerasx").warning("The index %s was not written: %s", path, error)
        return offsets

    def __len__(self):
        return len(self.offsets)

    def __getitem__(self, i):
        with self._lock:
            self._file.seek(self.offsets[i])
            line = self._file.readline()
        return line.decode(self.encoding, self.errors)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def readline(self):
        """Return the next line, as a file does; "" after the last one."""
        return next(self, "")

    def readlines(self):
        """Return the list of the lines from the next one on."""
        return list(iter(self.readline, ""))

    def read(self):
        """Return the text from the next line on."""
        return "".join(self.readlines())

    def __next__(self):
        if self._place >= len(self):
            raise StopIteration
        self._place += 1
        return self[self._place - 1]

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __getstate__(self):
        return {k: v for k, v in vars(self).items() if k not in ("_file", "_lock")}

    def __setstate__(self, state):
        vars(self).update(state)
        self._open()


def _read_index(path):
    """Return an index, and raise for another file, which must not be written over."""
    try:
        with builtins.open(path, encoding="utf-8") as file:
            index = json.load(file)
    except (ValueError, RecursionError) as error:
        index = error
    if isinstance(index, list) and index[:1] == [0] and all(type(x) is int for x in index):
        return {}  # offsets alone, of bert4keras: whose file they are of is not known
    if not isinstance(index, dict) or set(index) != {"file", "offsets"}:
        raise invalid("`index` must be a path for an index; this is another file.", index=path)
    return index


def _are_offsets(offsets, size):
    """Return whether a stored value can be the offsets of the lines of a file of this size."""
    if not isinstance(offsets, list) or not all(type(x) is int for x in offsets):
        return False
    return offsets[:1] == [0][:size] and all(a < b for a, b in pairwise([*offsets, max(size, 0)]))


def _offsets(file):
    file.seek(0)
    lengths = np.fromiter((len(line) for line in file), "int64")
    return np.cumsum(lengths) - lengths
