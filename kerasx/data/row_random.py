"""Draw random numbers for the rows of a batch, whichever batch and process a row is in."""

import numpy as np

from kerasx.data.permutation import GOLDEN, mix, mix_numbers


class RowRandom:
    """Random numbers for the rows of a batch: each row has the generator SplitMix64 of its own.

    The numbers of a row depend on `(seed, epoch, row)` and on the calls before, not on the other
    rows of the batch: masks drawn by them are the same in batches of another size, on another
    number of processes, and after a run was resumed.

    Args:
        seed, epoch: integers of at least 0.
        rows: integers (b,), the numbers of the rows in the corpus.

    Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.

    >>> both, second = RowRandom(0, 0, [5, 6]), RowRandom(0, 0, [6])
    >>> bool((both.uniform(3)[1] == second.uniform(3)[0]).all())
    True
    """

    def __init__(self, seed, epoch, rows):
        self._keys = mix_numbers(seed, epoch, np.asarray(rows))
        self._drawn = 0

    def bits(self, n):
        """Draw n numbers of 64 random bits for each row: uint64 (b, n)."""
        counts = np.arange(self._drawn + 1, self._drawn + n + 1, dtype="uint64")
        self._drawn += n
        return mix(self._keys[:, None] + counts * GOLDEN)

    def uniform(self, n):
        """Draw n numbers from [0, 1) for each row: float64 (b, n)."""
        return (self.bits(n) >> np.uint64(11)) * 2.0**-53

    def integers(self, n, below):
        """Draw n integers from [0, below) for each row: int64 (b, n).

        Args:
            n: integers for each row.
            below: integers of at least 1 that broadcast to (b, n).
        """
        return (self.uniform(n) * below).astype("int64")

    def __len__(self):
        return len(self._keys)
