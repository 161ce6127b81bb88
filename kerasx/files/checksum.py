"""The checksum of TensorFlow's files."""

from functools import reduce

import google_crc32c
import numpy as np

_MASK_DELTA = 0xA282EAD8


def masked_crc32c(pieces):
    """Compute the CRC-32C of bytes given in pieces, in the masked form that LevelDB stores.

    >>> hex(masked_crc32c([b"12345", b"6789"]))
    '0xc78ab0e5'
    """
    crc = reduce(google_crc32c.extend, map(_read_only, pieces), 0)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _read_only(piece):
    view = np.frombuffer(piece, np.uint8)
    view.flags.writeable = False  # google_crc32c accepts nothing else
    return view
