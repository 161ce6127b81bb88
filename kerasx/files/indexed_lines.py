"""`open` with random access to the lines of a text file too big for memory."""

import builtins
import json
import os
import tempfile
import threading

import numpy as np


def open(name, mode="r", encoding=None, errors="strict", indexable=False):
    """Python's `open`; with `indexable`, the lines of the file as a sequence.

    Args:
        name, mode, encoding, errors: as Python's.
        indexable: `True` finds where lines begin by reading the file once; a path also keeps
            that in this JSON file, and reads it from there the next time.

    Returns:
        A file, or `IndexedLines`.

    Raises:
        ValueError: `indexable` with another mode than "r".
    """
    if not indexable:
        return builtins.open(name, mode, encoding=encoding, errors=errors)
    if mode != "r":
        raise ValueError(f"`mode` must be 'r' for an indexable file. Received: mode={mode!r}")
    return IndexedLines(name, encoding or "utf-8", errors, indexable)


class IndexedLines:
    """Lines of a text file by number, read when asked for; may be shared among workers.

    Args:
        name: path of the file, whose encoding must write a line end as the byte 10.
        encoding, errors: how lines are decoded, each by itself.
        index: path of a JSON file with the offsets of the lines, or `True` to find them anew.
            An index of a file of another size is made anew.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write("一\\n二\\n三".encode())
    >>> lines = IndexedLines(file.name)
    >>> len(lines), lines[1], lines[-1], list(lines)
    (3, '二\\n', '三', ['一\\n', '二\\n', '三'])
    >>> lines.close(); os.unlink(file.name)
    """

    def __init__(self, name, encoding="utf-8", errors="strict", index=True):
        if "\n".encode(encoding) != b"\n":
            raise ValueError(
                f"`encoding` must write a line end as one byte. Received: encoding={encoding!r}"
            )
        self.name, self.encoding, self.errors = name, encoding, errors
        self._open()
        self.offsets = _offsets(self._file) if index is True else self._indexed(index)

    def _open(self):
        self._file, self._lock = builtins.open(self.name, "rb"), threading.Lock()

    def _indexed(self, path):
        size = os.path.getsize(self.name)
        if os.path.exists(path):
            with builtins.open(path, encoding="utf-8") as file:
                index = json.load(file)
            if isinstance(index, dict) and index.get("size") == size:
                return np.array(index["offsets"], "int64")
        offsets = _offsets(self._file)
        _write_json(path, {"size": size, "offsets": offsets.tolist()})
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


def _offsets(file):
    file.seek(0)
    lengths = np.fromiter((len(line) for line in file), "int64")
    return np.cumsum(lengths) - lengths


def _write_json(path, value):
    """All or nothing: a crash leaves no half-written index."""
    folder = os.path.dirname(os.path.abspath(path))
    descriptor, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
    try:
        with builtins.open(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
