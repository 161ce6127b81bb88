import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.checkpoints.crc32c import crc32c, mask, pure_crc32c

pytestmark = pytest.mark.backend_free

# RFC 3720, B.4
VECTORS = [
    (b"", 0x00000000),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
    (b"123456789", 0xE3069283),
]


def bitwise(data):
    """The definition, a bit at a time."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize("data, crc", VECTORS)
def test_published_vectors(data, crc):
    assert crc32c(data) == pure_crc32c(np.frombuffer(data, np.uint8)) == crc


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_pure_crc_equals_the_definition(data):
    assert pure_crc32c(np.frombuffer(data, np.uint8)) == bitwise(data)


@pytest.mark.parametrize("size", [65535, 65536, 65537, 4194303, 4194304, 4194305, 9000001])
def test_pure_crc_equals_google_crc32c_across_block_borders(size):
    google = pytest.importorskip("google_crc32c", reason="google-crc32c is not installed")
    data = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)
    assert pure_crc32c(data) == google.value(data.tobytes())


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_crc_goes_on_where_another_ended(first, second):
    expected = bitwise(first + second)
    first, second = (np.frombuffer(data, np.uint8) for data in (first, second))
    assert crc32c(second, crc32c(first)) == expected
    assert pure_crc32c(second, pure_crc32c(first)) == expected


def test_mask_can_be_undone_as_leveldb_does():
    for crc in (0, 1, 0xE3069283, 0xFFFFFFFF):
        rotated = (mask(crc) - 0xA282EAD8) & 0xFFFFFFFF
        assert (rotated >> 17 | rotated << 15) & 0xFFFFFFFF == crc
