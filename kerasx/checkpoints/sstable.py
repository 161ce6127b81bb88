"""Read and write sorted string tables, the format of the index of a TensorFlow checkpoint.

A table (LevelDB's format) consists of data blocks, a block with their positions, and a footer of
48 bytes. In a block each key states how many bytes it shares with the previous key; every 16th
key is written in full (a restart point). Each block is followed by a byte for its compression
(0: none) and by its masked CRC-32C.
"""

import os

from kerasx.files.checksum import masked_crc32c
from kerasx.files.protobuf import read_varint, write_varint

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER, _TRAILER = 48, 5
_RESTART = 16
_BLOCK_SIZE = 1 << 18


def read_table(data):
    """Read a table.

    Args:
        data: the content of the file, bytes-like, such as a memory map.

    Returns:
        {key: value}, both bytes, in the order of the file.

    Raises:
        ValueError: the magic number, a position, a CRC or the order of the keys is wrong.
    """
    if len(data) < _FOOTER or bytes(data[-8:]) != _MAGIC:
        raise ValueError("it does not end with the magic number of a table")
    footer = bytes(data[-_FOOTER:])
    _, position = _read_handle(footer, 0)  # the meta block, which checkpoints do not use
    handle, _ = _read_handle(footer, position)
    # Keys share prefixes, so a malicious table of n bytes could expand to keys of n**2 bytes.
    table, budget, last = {}, 64 * len(data), None
    for _, place in _read_block(data, handle, budget):
        for key, value in _read_block(data, _read_handle(place, 0)[0], budget):
            if last is not None and key <= last:
                raise ValueError("its keys are out of order")
            table[key], last = value, key
            budget -= len(key)
    return table


def write_table(items):
    """Return the bytes of a table of {key: value}, both bytes, sorted by key."""
    out, handles, entries, size = bytearray(), [], [], 0

    def write_block(entries):
        block = _encode_block(entries) + b"\0"
        handle = write_varint(len(out)) + write_varint(len(block) - 1)
        out.extend(block + masked_crc32c([block]).to_bytes(4, "little"))
        return handle

    for key, value in sorted(items.items()):
        entries.append((key, value))
        size += len(key) + len(value)
        if size >= _BLOCK_SIZE:
            handles.append((key, write_block(entries)))
            entries, size = [], 0
    if entries:
        handles.append((entries[-1][0], write_block(entries)))
    footer = write_block([]) + write_block(handles)
    return bytes(out) + footer.ljust(_FOOTER - 8, b"\0") + _MAGIC


def _read_handle(data, position):
    offset, position = read_varint(data, position)
    size, position = read_varint(data, position)
    return (offset, size), position


def _read_block(data, handle, budget):
    """Check the CRC of the block at (offset, size), then yield its (key, value) pairs."""
    offset, size = handle
    end = offset + size
    if end + _TRAILER > len(data) - _FOOTER:
        raise ValueError(f"a block at {offset} of {size} bytes runs past the end")
    block, crc = bytes(data[offset : end + 1]), bytes(data[end + 1 : end + _TRAILER])
    if masked_crc32c([block]) != int.from_bytes(crc, "little"):
        raise ValueError(f"the CRC of the block at {offset} does not match")
    if block[-1]:
        raise ValueError(f"the block at {offset} is compressed, which is not supported")
    yield from _decode_block(block[:-1], budget)


def _decode_block(block, budget):
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise ValueError("a block is shorter than its restart points")
    key, position = b"", 0
    while position < end:
        shared, position = read_varint(block, position)
        unshared, position = read_varint(block, position)
        size, position = read_varint(block, position)
        start = position + unshared
        budget -= shared + unshared
        if shared > len(key) or start + size > end or budget < 0:
            raise ValueError("an entry of a block runs past the end")
        key = key[:shared] + block[position:start]
        position = start + size
        yield key, block[start:position]


def _encode_block(entries):
    out, restarts, last = bytearray(), [], b""
    for i, (key, value) in enumerate(entries):
        if i % _RESTART == 0:
            restarts.append(len(out))
            last = b""
        shared = len(os.path.commonprefix([last, key]))
        out += write_varint(shared) + write_varint(len(key) - shared) + write_varint(len(value))
        out += key[shared:] + value
        last = key
    restarts = restarts or [0]
    return bytes(out) + b"".join(n.to_bytes(4, "little") for n in [*restarts, len(restarts)])
