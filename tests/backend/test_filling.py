"""Weights are written in place, whatever the dtype, the order in memory and the source."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import backend
from kerasx.checkpoints import open_checkpoint, save_safetensors

RNG = np.random.default_rng(0)


def variable(shape, dtype="float32", value=7):
    return keras.Variable(np.full(shape, value), dtype=dtype, trainable=dtype != "int32")


def numbers(x):
    return ops.convert_to_numpy(ops.cast(x, "float32"))


@pytest.mark.parametrize("piece", [1, 2, 5, 11, 60, 100])
@pytest.mark.parametrize("shape", [(), (1,), (13,), (5, 11), (1, 12), (12, 1), (3, 4, 5)])
def test_every_number_arrives(shape, piece):
    value = RNG.normal(size=shape).astype("float32")
    for array in (value, value.T.copy().T, value[::-1] if shape else value):
        filled = variable(shape)
        backend.fill(filled, array, piece)
        np.testing.assert_array_equal(numbers(filled), array)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_nothing_arrives(shape):
    filled = variable(shape)
    backend.fill(filled, np.zeros(shape), 1)
    assert filled.shape == shape


@pytest.mark.parametrize("source", ["float64", "float16", "bfloat16", "int32"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32"])
def test_numbers_are_cast(source, dtype):
    value = np.arange(-12, 12).reshape(4, 6).astype(source)
    for piece in (5, 100):
        filled = variable(value.shape, dtype)
        backend.fill(filled, value, piece)
        assert keras.backend.standardize_dtype(filled.dtype) == dtype
        np.testing.assert_array_equal(numbers(filled), value.astype("float32"))


@pytest.mark.parametrize("piece", [5, 100])
def test_a_variable_does_not_share_memory_with_the_array(piece):
    value = backend.room((1024, 1024), "float32")[:4]  # as JAX likes it
    filled = variable(value.shape)
    backend.fill(filled, value, piece * 256)
    value[:] = 1
    assert not numbers(filled).any()


def test_a_variable_that_took_its_value_from_another_keeps_it():
    first, second = variable((40, 4)), variable((40, 4), value=0)
    second.assign(first)
    backend.fill(first, np.zeros((40, 4)), 8)
    assert (numbers(second) == 7).all()


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow's variables")
def test_a_filled_variable_is_read_without_a_copy():
    filled = variable((40, 4))
    backend.fill(filled, np.zeros((40, 4)), 8)
    first, second = (np.asarray(memoryview(filled.value.read_value())) for _ in range(2))
    assert np.shares_memory(first, second)


def test_after_is_called_after_each_piece():
    calls = []
    backend.fill(variable((6, 4)), np.zeros((6, 4)), 8, after=lambda: calls.append(1))
    assert len(calls) == 4  # three of them, and what is left
    backend.fill(variable((6, 4)), np.zeros((6, 4)), after=lambda: calls.append(1))
    assert len(calls) == 5


def test_an_error_on_the_way_leaves_a_variable_of_the_same_shape():
    def fail():
        raise OSError("gone")

    filled = variable((6, 4))
    with pytest.raises(OSError, match="gone"):
        backend.fill(filled, np.ones((6, 4)), 8, after=fail)
    assert set(numbers(filled).ravel()) <= {0.0, 1.0, 7.0} and filled.shape == (6, 4)


def test_a_room_is_of_zeros_that_can_be_written():
    for shape, dtype in [((), "float32"), ((0, 3), "int8"), ((1 << 19, 3), "bfloat16")]:
        room = backend.room(shape, dtype)
        assert room.shape == shape and room.dtype == dtype and not room.any()
        room[...] = 1
        assert room.all()


def resident(key):
    """Return bytes of memory of this process: "VmRSS" now, "VmHWM" at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(key)).split()[1])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux says the peak")
@pytest.mark.parametrize("order", ["C", "F"])
def test_filling_from_a_file_takes_no_memory_beyond_the_variable(order, tmp_path):
    value = np.arange(1 << 24, dtype="float32").reshape(1 << 12, 1 << 12)  # 64 MB
    save_safetensors(tmp_path / "x.safetensors", {"x": value})
    expected, filled = value[::100, ::100], variable(value.shape)
    expected = (expected.T if order == "F" else expected).copy()
    del value
    with open_checkpoint(tmp_path / "x.safetensors", mapped=True) as source:
        array = source["x"].T if order == "F" else source["x"]
        ops.convert_to_numpy(filled)  # JAX is through with it
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before = resident("VmRSS")
        backend.fill(filled, array, after=source.release)
        assert resident("VmHWM") - before < 16e6
    np.testing.assert_array_equal(ops.convert_to_numpy(filled)[::100, ::100], expected)
