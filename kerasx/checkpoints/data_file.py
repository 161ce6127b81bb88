"""The bytes of a data file, read piece by piece."""

import os
import weakref

import numpy as np


class DataFile:
    """A file kept open, so that it stays readable when a new version takes its place.

    Pieces are read rather than mapped: pages of a mapped file would stay in memory beside the
    arrays made of them.
    """

    def __init__(self, path):
        self._file = open(path, "rb", buffering=0)
        self.size = os.fstat(self._file.fileno()).st_size
        weakref.finalize(self, self._file.close)

    def read(self, offset, size):
        """A flat uint8 array of `size` bytes, or of those there are."""
        self._file.seek(offset)
        return np.fromfile(self._file, np.uint8, size)
