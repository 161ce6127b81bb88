"""Read and write messages in the wire format of protocol buffers.

A message is a sequence of (field number, value). Varints and fixed numbers are int, other values
are bytes.
"""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_varint(data, position):
    """Read an unsigned varint; return the value and the position after it."""
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
    """Return the bytes of an int as a varint; a negative int is written as 64-bit two's complement.

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
    """Convert an unsigned 64-bit value to the int64 with the same bits."""
    return value - (1 << 64) if value >> 63 else value


def read_fields(data):
    """Yield the (field number, value) pairs of a message; raise ValueError if it is malformed."""
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
    """Return {field number: int} of a message; of repeated numbers the last is kept."""
    return {field: value for field, value in read_fields(data) if isinstance(value, int)}


def write_message(*fields, fixed32=()):
    """Return the bytes of a message of (field number, int or bytes) pairs; zeros are omitted.

    Numbers whose field is in `fixed32` are written as 4 bytes instead of a varint.

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
