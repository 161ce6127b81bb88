"""Divide documents into rows: cut where a row ends, or packed whole by best fit.

Source of best fit for training: Ding et al., Fewer truncations improve language modeling,
arXiv 2404.10830.
"""

import bisect
import contextlib
import os
import shutil
import tempfile
import weakref
from typing import NamedTuple

import numpy as np

from kerasx.data.corpus_files import MappedArray
from kerasx.files.atomic import replaced_together

_WINDOW = 1 << 14  # pieces that are packed together, whatever the number of documents
_PREFIX = "rows-"


class Piece(NamedTuple):
    """Tokens [start, stop) of a corpus in a row; whether the document begins and ends there."""

    start: int
    stop: int
    begins: bool
    ends: bool


class CutRows:
    """Rows of the documents one after another, cut after `capacity` tokens.

    Args:
        bounds: `MappedArray` of int64 (documents + 1,), where documents begin, and the end.
        capacity: tokens of a row.
        before, after: number of special tokens before and after each document, 0 or 1.
    """

    def __init__(self, bounds, capacity, before=0, after=0):
        self._bounds, self._capacity = bounds.array, capacity
        self._before, self._after = before, after
        self.release = bounds.release
        total = self._begin(len(self._bounds) - 1)
        self.rows = total // capacity

    def pieces(self, row):
        """Return the pieces of a row."""
        low, high = row * self._capacity, (row + 1) * self._capacity
        number = bisect.bisect_right(range(len(self._bounds)), low, key=self._begin) - 1
        found = []
        while self._begin(number) < high:
            begin, end = self._begin(number), self._begin(number + 1)
            text, until = begin + self._before, end - self._after
            start = min(max(low, text), until) - text
            stop = max(min(high, until), text) - text
            origin = int(self._bounds[number])
            begins, ends = low <= begin, high >= end
            found.append(Piece(origin + start, origin + stop, begins, ends))
            number += 1
            if number == len(self._bounds) - 1:
                break
        return found

    def _begin(self, number):
        """Return where a document begins, if all have their special tokens."""
        return int(self._bounds[number]) + number * (self._before + self._after)


class PackedRows:
    """Rows of whole documents; one longer than a row is cut, and its rest packed as a document.

    The plan is two files in the folder of the corpus, made at the first use: the pieces, and for
    each row where its pieces end. Memory does not depend on the corpus.

    Args:
        folder: folder of the corpus.
        key: str that tells the corpus and the options of this plan from others.
        bounds: `MappedArray` of int64 (documents + 1,), where documents begin, and the end.
        capacity: tokens of a row.
        extra: special tokens of each piece, which count.
    """

    def __init__(self, folder, key, bounds, capacity, extra=0):
        names = f"{_PREFIX}{key}.pieces.bin", f"{_PREFIX}{key}.ends.bin"
        self._open(folder, names)
        if not self.rows:
            folder = _writable(folder, self)
            with replaced_together(folder) as temporary:
                paths = map(temporary, names)
                _write_plan(*paths, bounds, capacity, extra)
            self._open(folder, names)

    def _open(self, folder, names):
        pieces, ends = (os.path.join(folder, name) for name in names)
        self.rows = 0
        if os.path.exists(pieces) and os.path.exists(ends):
            self._maps = MappedArray(pieces, "int64"), MappedArray(ends, "int64")
            self._pieces, self._ends = self._maps[0].array.reshape(-1, 2), self._maps[1].array
            self.rows = len(self._ends) if self._ends[-1] == len(self._pieces) else 0

    def pieces(self, row):
        """Return the pieces of a row."""
        first = self._ends[row - 1] if row else 0
        found = self._pieces[first : self._ends[row]].tolist()
        return [Piece(start, stop, True, True) for start, stop in found]

    def release(self):
        """Free the memory of the pages that were used."""
        for mapped in self._maps:
            mapped.release()


def best_fit(sizes, capacity):
    """Pack sizes into as few bins as possible: from large to small, each where least room is left.

    Args:
        sizes: integers in [1, capacity].
        capacity: room of a bin.

    Returns:
        List of bins, each the list of the indices of its sizes.

    >>> best_fit([3, 5, 2, 4], capacity=7)
    [[1, 2], [3, 0]]
    """
    bins, rooms, by_room = [], [], {}  # rooms: sorted, those of the bins that are not full
    for i in np.argsort(-np.asarray(sizes), kind="stable").tolist():
        place = bisect.bisect_left(rooms, sizes[i])
        if place < len(rooms):
            room = rooms[place]
            bin_ = by_room[room].pop()
            if not by_room[room]:
                del by_room[room], rooms[place]
        else:
            room, bin_ = capacity, len(bins)
            bins.append([])
        bins[bin_].append(i)
        left = room - sizes[i]
        if left and left not in by_room:
            bisect.insort(rooms, left)
        if left:
            by_room.setdefault(left, []).append(bin_)
    return bins


def remove_plans(folder):
    """Remove the plans of packed rows, which a new corpus makes useless."""
    for name in os.listdir(folder):
        if name.startswith(_PREFIX) and name.endswith(".bin"):
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                os.remove(os.path.join(folder, name))


def _write_plan(pieces_path, ends_path, bounds, capacity, extra):
    count = 0
    with open(pieces_path, "wb") as pieces_file, open(ends_path, "wb") as ends_file:
        for pieces in _windows(bounds.array, capacity - extra):
            bounds.release()
            sizes = (pieces[:, 1] - pieces[:, 0] + extra).tolist()
            bins = best_fit(sizes, capacity)
            order = np.array([i for bin_ in bins for i in sorted(bin_)])
            ends = count + np.cumsum([len(bin_) for bin_ in bins])
            pieces_file.write(pieces[order].astype("<i8"))
            ends_file.write(ends.astype("<i8"))
            count = int(ends[-1])


def _windows(bounds, longest):
    """Yield arrays (pieces, 2) of starts and stops, of at most about `_WINDOW` pieces each."""
    tokens = _WINDOW * longest
    first, last = 0, len(bounds) - 1
    while first < last:
        until = min(first + _WINDOW, last)
        while until > first + 1 and bounds[until] - bounds[first] > tokens:
            until = (first + until) // 2
        window = np.array(bounds[first : until + 1])
        first = until
        if len(window) > 2:
            yield _cut_documents(window, longest)
            continue
        for low in range(*window.tolist(), tokens):  # one document, of any length
            high = min(low + tokens, int(window[1]))
            yield _cut_documents(np.array([low, high]), longest)


def _cut_documents(bounds, longest):
    """Return the starts and stops (pieces, 2) of documents, cut into pieces."""
    counts = -(-np.diff(bounds) // longest)
    starts = np.repeat(bounds[:-1], counts)
    places = np.arange(len(starts)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = starts + longest * places
    stops = np.minimum(starts + longest, np.repeat(bounds[1:], counts))
    return np.stack([starts, stops], axis=1)


def _writable(folder, owner):
    """Return the folder if files can be written there, else one that goes with its owner."""
    if os.access(folder, os.W_OK):
        return folder
    own = tempfile.mkdtemp()
    weakref.finalize(owner, shutil.rmtree, own, ignore_errors=True)
    return own
