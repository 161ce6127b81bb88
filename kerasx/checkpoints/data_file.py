"""The bytes of a data file, read piece by piece or mapped."""

import mmap
import os
import weakref

import numpy as np


class DataFile:
    """A file kept open, so that it stays readable when a new version takes its place.

    Args:
        path: the file.
        mapped: hand out read-only views of the file rather than arrays. Of a view those pages are
            in memory that have been looked at, until `release`.
    """

    def __init__(self, path, mapped=False):
        self._file = open(path, "rb", buffering=0)
        self.size = self._size()
        weakref.finalize(self, self._file.close)
        self._map = None
        if mapped and self.size:  # nothing cannot be mapped
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def _size(self):
        return os.fstat(self._file.fileno()).st_size

    def read(self, offset, size):
        """A flat uint8 array of `size` bytes, or of those there are."""
        if self._map is None:
            self._file.seek(offset)
            return np.fromfile(self._file, np.uint8, size)
        if self._size() < self.size:  # to look at pages that are gone would end the process
            raise ValueError(f"it was {self.size} bytes when opened, and is {self._size()} now")
        return np.frombuffer(self._map, np.uint8)[offset : offset + size]

    def pieces(self, offset, size, piece=1 << 22):
        """The same bytes in arrays of at most `piece`, released one after the other."""
        for start in range(offset, offset + size, piece):
            yield self.read(start, min(piece, offset + size - start))
            self.release()

    def release(self):
        """Let go of mapped pages, which are read again if a view is looked at once more."""
        if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
