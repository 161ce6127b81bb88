"""CRC-32C (Castagnoli), the checksum of TensorFlow checkpoints.

google-crc32c computes it with the processor's own instruction. Without it, NumPy does: the CRC is
linear over bits, so a buffer is cut into equal lanes that go through the table side by side, and
the lanes are then joined pairwise (moving a CRC past n zero bytes is a fixed linear map).
"""

from functools import lru_cache

import numpy as np

try:
    import google_crc32c
except ImportError:
    google_crc32c = None

_POLYNOMIAL = 0x82F63B78  # bit-reversed 0x1EDC6F41
_LANES = 1 << 14
_STEPS = 128  # two bytes per lane and step: blocks of 4 MiB
_MASK_DELTA = 0xA282EAD8


def crc32c(data, crc=0):
    """CRC-32C of a bytes-like object or a uint8 array, or of all that came before and it.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    >>> hex(crc32c(b"6789", crc32c(b"12345")))
    '0xe3069283'
    """
    data = np.frombuffer(data, np.uint8)
    if google_crc32c is not None:
        data.flags.writeable = False  # the extension takes read-only buffers alone
        return google_crc32c.extend(crc, data)
    return pure_crc32c(data, crc)


def pure_crc32c(data, crc=0):
    """CRC-32C of a uint8 array in NumPy; hundreds of MB a second on large arrays."""
    register = ~np.uint32(crc)
    block = 2 * _LANES * _STEPS
    for start in range(0, len(data), block):
        part = data[start : start + block]
        register = _past_zeros(register, len(part)) ^ _from_zero(part)
    return int(~register)


def mask(crc):
    """The rotated and shifted form in which LevelDB and TensorFlow store a CRC."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _from_zero(data):
    """The register after `data` when it starts at zero, where leading zero bytes change nothing."""
    lanes = _LANES if len(data) > 4 * _LANES else 16
    steps = -(-len(data) // (2 * lanes))
    padded = np.zeros(2 * lanes * steps, np.uint8)
    padded[len(padded) - len(data) :] = data
    columns = np.ascontiguousarray(padded.view("<u2").reshape(lanes, steps).T)
    table, register = _table(16), np.zeros(lanes, np.uint32)
    for column in columns:
        register = (register >> 16) ^ table[(register ^ column) & 0xFFFF]
    size = 2 * steps
    while len(register) > 1:
        register = _past_zeros(register[0::2], size) ^ register[1::2]
        size *= 2
    return register[0]


@lru_cache
def _table(bits):
    """The register after `bits` bits of each value."""
    table = np.arange(1 << bits, dtype=np.uint32)
    for _ in range(bits):
        table = (table >> 1) ^ (table & 1) * np.uint32(_POLYNOMIAL)
    return table


def _past_zeros(register, size):
    """Move registers past `size` zero bytes, one power of two at a time."""
    for power in range(size.bit_length()):
        if size >> power & 1:
            register = _apply(_zeros_map(power), register)
    return register


@lru_cache
def _zeros_map(power):
    """The linear map of 2**power zero bytes, as tables of (byte position, byte value)."""
    if power:
        half = _zeros_map(power - 1)
        return _apply(half, half)
    value = np.arange(256, dtype=np.uint32) << (8 * np.arange(4, dtype=np.uint32)[:, None])
    return (value >> 8) ^ _table(8)[value & 0xFF]


def _apply(tables, x):
    return (
        tables[0][x & 0xFF]
        ^ tables[1][x >> 8 & 0xFF]
        ^ tables[2][x >> 16 & 0xFF]
        ^ tables[3][x >> 24]
    )
