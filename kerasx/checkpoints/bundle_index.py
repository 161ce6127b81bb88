"""Read and write the index of a TensorFlow V2 checkpoint: dtype, shape and place of each tensor.

The messages are BundleHeaderProto and BundleEntryProto of
tensorflow/core/protobuf/tensor_bundle.proto, TensorShapeProto and TensorSliceProto.
"""

import os
import sys
from typing import NamedTuple

import numpy as np

from kerasx.checkpoints.sstable import read_table, write_table
from kerasx.files.protobuf import read_fields, read_numbers, signed, write_message

_HEADER_KEY = b""
_SLICE_PREFIX = b"\0"  # keys of slices start with an ordered-code zero; names never do
_MAX_RANK = 32


class Entry(NamedTuple):
    """A tensor in the index.

    `crc` is masked. Each slice is a tuple of (start, length), one for each axis; a length of -1
    means the whole axis.
    """

    dtype: int
    shape: tuple
    shard: int = 0
    offset: int = 0
    size: int = 0
    crc: int = 0
    slices: tuple = ()


def read_index(path):
    """Read an index file.

    Returns:
        (entries, parts, shards): {name: Entry} of the tensors, {key: Entry} of the slices of
        partitioned tensors, and the number of data files.

    Raises:
        ValueError: the file is malformed.
    """
    if os.path.getsize(path) == 0:  # an empty file cannot be mapped
        raise ValueError("it is empty")
    table = read_table(np.asarray(np.memmap(path, np.uint8, "r")))
    if _HEADER_KEY not in table:
        raise ValueError("it has no header")
    header = read_numbers(table.pop(_HEADER_KEY))
    if header.get(2, 0) != 0 or sys.byteorder != "little":
        raise ValueError("only little-endian checkpoints on little-endian machines are read")
    shards, entries, parts = header.get(1, 0), {}, {}
    for key, value in table.items():
        entry = _parse_entry(value)
        if entry.shard >= shards:
            raise ValueError(f"the entry of {key!r} names shard {entry.shard} of {shards}")
        if key.startswith(_SLICE_PREFIX):
            parts[key] = entry
        else:
            entries[key.decode("utf-8")] = entry
    return entries, parts, shards


def write_index(entries, shards):
    """Return the bytes of the index of {name: Entry}."""
    header = write_message((1, shards), (3, write_message((1, 1))))
    table = {_HEADER_KEY: header}
    for name, entry in entries.items():
        sizes = [(2, write_message((1, size))) for size in entry.shape]
        table[name.encode("utf-8")] = write_message(
            (1, entry.dtype),
            (2, write_message(*sizes)),
            (3, entry.shard),
            (4, entry.offset),
            (5, entry.size),
            (6, entry.crc),
            fixed32=(6,),
        )
    return write_table(table)


def slice_key(name, extents):
    """Encode a slice's name and (start, length) pairs as its key, in TensorFlow's ordered code."""
    name = name.encode("utf-8").replace(b"\0", b"\0\xff") + b"\0\1"  # escaped, terminated
    rank = bytes([1, len(extents)]) if extents else b"\0"
    return _SLICE_PREFIX + name + rank + b"".join(_ordered(n) for pair in extents for n in pair)


def _ordered(n):
    """Encode a signed integer in bytes that sort as integers do; leading 1 bits count the bytes."""
    size = (n if n >= 0 else ~n).bit_length() // 7 + 1
    header = ((1 << size) - 1) << 7 * size
    return ((n & (1 << 8 * size) - 1) ^ header).to_bytes(size, "big")


def _parse_entry(value):
    numbers, shape, slices = read_numbers(value), (), []
    for field, content in read_fields(value):
        if field == 2:
            shape = _parse_shape(content)
        elif field == 7:
            slices.append(_parse_slice(content))
    dtype, shard, offset, size, crc = (numbers.get(field, 0) for field in (1, 3, 4, 5, 6))
    return Entry(dtype, shape, shard, offset, size, crc, tuple(slices))


def _parse_shape(value):
    """Parse a TensorShapeProto: each field 2 is an axis, whose field 1 is the size."""
    shape = tuple(
        signed(read_numbers(dim).get(1, 0)) for field, dim in read_fields(value) if field == 2
    )
    if len(shape) > _MAX_RANK or min(shape, default=0) < 0:
        raise ValueError(f"a tensor has the impossible shape {shape}")
    return shape


def _parse_slice(value):
    """Parse a TensorSliceProto; an axis without a length is a whole axis."""
    extents = []
    for field, extent in read_fields(value):
        if field == 1:
            numbers = read_numbers(extent)
            start, length = signed(numbers.get(1, 0)), signed(numbers.get(2, -1 & (1 << 64) - 1))
            if start < 0 or length < -1:
                raise ValueError(f"a slice has the impossible extent {(start, length)}")
            extents.append((start, length))
    return tuple(extents)
