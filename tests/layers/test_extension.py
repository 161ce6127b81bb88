"""The block of each example stands at its corner, and the rest follows from it."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.layers import LinearExtension
from kerasx.ops import extend_linearly

RNG = np.random.default_rng(0)
BLOCK = RNG.normal(size=(4, 2, 3, 5)).astype("float32")  # of maps (4, 6)
CORNERS = np.array([[0, 0], [0, 3], [2, 0], [1, 2]])


def test_a_map_is_extended_from_the_corner_of_each_example():
    layer = LinearExtension((4, 6), keras.initializers.RandomNormal(0.2, seed=0))
    whole = ops.convert_to_numpy(layer([BLOCK, CORNERS]))
    columns, rows = (ops.convert_to_numpy(m) for m in layer.matrices)
    for example, (block, (top, left)) in enumerate(zip(BLOCK[:, None], CORNERS)):
        x = extend_linearly(block, rows, left, 3 - left, axis=2)
        x = extend_linearly(x, columns, top, 2 - top, axis=1)
        np.testing.assert_allclose(whole[example], ops.convert_to_numpy(x)[0], atol=1e-6)
        inside = whole[example, top : top + 2, left : left + 3]
        np.testing.assert_allclose(inside, block[0], atol=1e-6)


def test_without_corners_the_block_is_the_first_of_the_map():
    layer = LinearExtension((4, 6), "glorot_uniform")
    zeros = np.zeros((4, 2), "int32")
    expected = ops.convert_to_numpy(layer([BLOCK, zeros]))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(BLOCK)), expected, atol=1e-6)


def test_at_first_the_nearest_vector_stands_everywhere():
    whole = ops.convert_to_numpy(LinearExtension(np.int64(5))(BLOCK[:, 0]))
    np.testing.assert_array_equal(whole[:, 3:], BLOCK[:, 0, 2:].repeat(2, axis=1))


def test_it_learns_the_equations_that_made_the_data():
    truth = np.array([[0.1, 0.3], [-0.3, 0.1]], "float32")
    z = RNG.normal(size=(200 * 64, 2, 2)).astype("float32")
    wanted = ops.convert_to_numpy(extend_linearly(z, truth, before=0, after=3))
    layer = LinearExtension(5)
    model = keras.Sequential([keras.Input((2, 2)), layer])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    model.fit(z, wanted, batch_size=64, verbose=0)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.matrices[0]), truth, atol=0.01)


def test_an_unknown_length_is_refused():
    with pytest.raises(ValueError, match="of known sizes"):
        LinearExtension(5)(keras.Input((None, 2)))
