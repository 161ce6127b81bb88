"""Compiled or recorded functions give the same results as plain ones."""

import keras
import numpy as np
import pytest

from kerasx import backend


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.fixture
def dense():
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    return layer


@pytest.mark.parametrize("wrap", ["compiled", "traced"])
def test_the_weights_are_those_of_the_time_of_the_call(wrap, dense):
    call = (lambda f: backend.compiled(f, [dense])) if wrap == "compiled" else backend.traced
    function = call(lambda x: {"y": dense(x) * 2})
    for scale in (1.0, 3.0):
        dense.kernel.assign(np.full((3, 2), scale))
        for rows in (1, 4):
            y = function(keras.ops.ones((rows, 3)))["y"]
            np.testing.assert_allclose(numpy(y), np.full((rows, 2), 6 * scale), rtol=1e-6)


def test_slots_are_written_where_the_index_says_and_nowhere_else():
    cache, values = np.zeros((2, 1, 5, 3), "float32"), np.ones((2, 1, 2, 3), "float32")
    write = backend.compiled(backend.write_slots, [])
    written = numpy(write(cache.copy(), values, np.int32(2)))
    expected = cache.copy()
    expected[:, :, 2:4] = 1
    np.testing.assert_array_equal(written, expected)


def test_slots_may_be_written_by_a_recorded_function_at_a_new_index():
    function = backend.compiled(backend.traced(backend.write_slots), [])
    for index in (0, 3):
        cache = np.zeros((1, 1, 4, 1), "float32")
        written = numpy(function(cache, np.ones((1, 1, 1, 1), "float32"), np.int32(index)))
        assert written[0, 0, :, 0].tolist() == np.eye(4)[index].tolist()
