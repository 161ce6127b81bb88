"""Read TFRecord files of integer lists, such as bert4keras's pretraining wrote, without TensorFlow.

A record is its length (uint64), the masked CRC-32C of the length, the data, and the masked CRC-32C
of the data; integers are little endian. The data are a `tf.train.Example`: a protocol buffer that
maps names to lists.
"""

import numpy as np

from kerasx.files.checksum import masked_crc32c
from kerasx.files.protobuf import read_fields, signed

_LARGEST = 1 << 30  # bytes of a record; more is a damaged length


def read_records(file):
    """Yield the data of each record of a binary file.

    Raises:
        ValueError: the file ends within a record, or a CRC does not match.
    """
    while head := file.read(12):
        size = _checked(head[:8], head[8:], "length")
        size = int.from_bytes(size, "little")
        if size > _LARGEST:
            raise ValueError(f"a record of {size} bytes is too large")
        body = file.read(size + 4)
        yield _checked(body[:size], body[size:], "data")


def _checked(data, crc, name):
    if len(crc) != 4:
        raise ValueError("the file ends within a record")
    if masked_crc32c([data]) != int.from_bytes(crc, "little"):
        raise ValueError(f"the CRC of the {name} does not match: no TFRecord, or a damaged one")
    return data


def integer_lists(example):
    """Read the integer lists of a `tf.train.Example`.

    Args:
        example: the data of a record.

    Returns:
        {name: int64 array}; lists of other types are left out.

    Raises:
        ValueError: the message is malformed.
    """
    found = {}
    for features in _messages(example, 1):
        for entry in _messages(features, 1):
            pair = dict(read_fields(entry))
            lists = list(_messages(pair.get(2, b""), 3))
            if lists:
                found[_checked_name(pair.get(1))] = np.concatenate(list(map(_integers, lists)))
    return found


def _messages(data, number):
    return (value for field, value in read_fields(data) if field == number)


def _checked_name(name):
    if not isinstance(name, bytes):
        raise ValueError("a list has no name")
    return name.decode("utf-8")


def _integers(message):
    """Return the integers of an `Int64List`, packed or not."""
    parts = [np.zeros(0, "int64")]
    for value in _messages(message, 1):
        packed = isinstance(value, bytes)
        parts.append(_varints(value) if packed else np.array([signed(value)], "int64"))
    return np.concatenate(parts)


def _varints(data):
    """Decode varints that follow one another, all at once."""
    data = np.frombuffer(data, "uint8")
    if not data.size:
        return np.zeros(0, "int64")
    ends = np.flatnonzero(data < 0x80)
    if not ends.size or ends[-1] != data.size - 1:
        raise ValueError("a number runs past the end")
    starts = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - starts + 1
    if sizes.max() > 10:
        raise ValueError("a number is longer than 10 bytes")
    places = np.arange(data.size) - np.repeat(starts, sizes)
    bits = (data & 0x7F).astype("uint64") << (7 * places).astype("uint64")
    return np.add.reduceat(bits, starts).astype("int64")
