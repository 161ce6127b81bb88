"""Read bytes of a file at any offset, as copies or as views of a memory map."""

import mmap
import os
import weakref

import numpy as np

from kerasx.files.names import check_regular


class DataFile:
    """A file that is kept open, so that it stays readable when another file replaces it.

    Args:
        path: path of the file.
        mapped: bool, whether to return read-only views of the file instead of copies. The pages
            of a view are in memory from their first use until `release`.
    """

    def __init__(self, path, mapped=False):
        check_regular(path)
        self._file = open(path, "rb", buffering=0)
        self.size = self._size()
        weakref.finalize(self, self._file.close)
        self._map = None
        if mapped and self.size:  # an empty file cannot be mapped
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def _size(self):
        return os.fstat(self._file.fileno()).st_size

    def read(self, offset, size):
        """Return a flat uint8 array of `size` bytes, or fewer at the end of the file."""
        if self._map is None:
            self._file.seek(offset)
            return np.fromfile(self._file, np.uint8, size)
        if self._size() < self.size:  # reading lost pages would kill the process
            raise ValueError(f"it was {self.size} bytes when opened, and is {self._size()} now")
        return np.frombuffer(self._map, np.uint8)[offset : offset + size]

    def pieces(self, offset, size, piece=1 << 22):
        """Yield the bytes that `read` returns in pieces, and release each piece after use."""
        for start in range(offset, offset + size, piece):
            yield self.read(start, min(piece, offset + size - start))
            self.release()

    def release(self):
        """Free the memory of mapped pages; they are read again when a view is used."""
        if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
