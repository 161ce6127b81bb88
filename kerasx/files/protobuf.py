"""As much of the protocol buffer wire format as a checkpoint index needs.

A message is a run of (field number, value): varints and fixed numbers are ints, the rest bytes.
"""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_varint(data, position):
    """Read an unsigned varint: (value, next position)."""
    value = 0
    for i in range(10):
        if position + i >= len(data):
            raise ValueError("a number runs past the end")
        byte = data[position + i]
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position + i + 1
    raise ValueError("a number is longer than 10 bytes")


def write_varint(value):
    """Bytes of an int as a varint; a negative one as its 64-bit two's complement.

    >>> write_varint(300).hex()
    'ac02'
    """
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value):
    """An unsigned 64-bit value as the int64 it stands for."""
    return value - (1 << 64) if value >> 63 else value


def read_fields(data):
    """Yield the (field number, value) pairs of a message; ValueError if it is malformed."""
    if isinstance(data, int):
        raise ValueError("a number stands where a message should")
    position = 0
    while position < len(data):
        key, position = read_varint(data, position)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = read_varint(data, position)
        else:
            if kind == _BYTES:
                size, position = read_varint(data, position)
            elif kind in (_FIXED32, _FIXED64):
                size = 4 if kind == _FIXED32 else 8
            else:
                raise ValueError(f"unknown wire type {kind}")
            value, position = data[position : position + size], position + size
            if len(value) != size:
                raise ValueError("a field runs past the end")
            if kind != _BYTES:
                value = int.from_bytes(value, "little")
        yield field, value


def read_numbers(data):
    """{field number: int} of a message; other fields, and all but the last of a kind, fall away."""
    return {field: value for field, value in read_fields(data) if isinstance(value, int)}


def write_message(*fields, fixed32=()):
    """Bytes of a message from (field number, int or bytes) pairs; zeros are left out, as usual.

    Fields whose number is in `fixed32` are written as 4 bytes instead of a varint.

    >>> write_message((1, 3), (2, b"ab")).hex()
    '080312026162'
    """
    out = bytearray()
    for field, value in fields:
        if isinstance(value, bytes):
            out += write_varint(field << 3 | _BYTES) + write_varint(len(value)) + value
        elif value and field in fixed32:
            out += write_varint(field << 3 | _FIXED32) + value.to_bytes(4, "little")
        elif value:
            out += write_varint(field << 3 | _VARINT) + write_varint(value)
    return bytes(out)
