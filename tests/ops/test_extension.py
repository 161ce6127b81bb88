"""Features continued by linear equations solve them, and the steady heat equation."""

import numpy as np
import pytest
from keras import ops

from kerasx.ops import crop, extend_linearly

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 4)).astype("float32") / 4
B = 0.5 * A @ A + 0.3 * A + 0.2 * np.eye(4, dtype="float32")  # it commutes with A


def numpy(x):
    return ops.convert_to_numpy(x)


def power_series(matrix, terms=30):
    """Return exp(M) = Σ M^k / k!, in float64."""
    total = term = np.eye(len(matrix))
    for k in range(1, terms):
        term = term @ matrix.astype("float64") / k
        total = total + term
    return total


def test_each_step_adds_a_z():
    block = RNG.normal(size=(3, 2, 4)).astype("float32")
    x = numpy(extend_linearly(block, A, before=2, after=3))
    assert x.shape == (3, 7, 4)
    np.testing.assert_array_equal(x[:, 2:4], block)
    np.testing.assert_allclose(x[:, 4:] - x[:, 3:-1], x[:, 3:-1] @ A.T, atol=1e-6)
    np.testing.assert_allclose(x[:, 1::-1] - x[:, 2:0:-1], -x[:, 2:0:-1] @ A.T, atol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_in_the_limit_of_small_steps_it_is_the_matrix_exponential(sign):
    """Half the step, half the error: the method is of the first order."""
    z = RNG.normal(size=(1, 1, 4)).astype("float32")
    exact = z[0, 0] @ power_series(sign * A).T
    errors = []
    for steps in (16, 32, 64):
        counts = {"after" if sign > 0 else "before": steps}
        x = numpy(extend_linearly(z, A / steps, **counts))
        errors.append(np.abs(x[0, -1 if sign > 0 else 0] - exact).max())
    assert errors[-1] < 0.01
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2, rtol=0.1)


def test_a_map_solves_the_steady_heat_equation_where_the_matrices_commute():
    """z_xx + S z_yy = 0 with S = -A² B⁻², in forward differences exactly."""
    corner = RNG.normal(size=(2, 1, 1, 4)).astype("float32")
    rows = extend_linearly(corner, A, after=3, axis=2)
    z = numpy(extend_linearly(rows, B, after=3, axis=1))
    z_xx, z_yy = np.diff(z, 2, axis=2)[:, :-2], np.diff(z, 2, axis=1)[:, :, :-2]
    s = -A @ A @ np.linalg.inv(B @ B)
    np.testing.assert_allclose(z_xx + z_yy @ s.T, 0, atol=1e-4)
    assert np.abs(z_xx).max() > 0.01
    columns = extend_linearly(corner, B, after=3, axis=1)
    np.testing.assert_allclose(numpy(extend_linearly(columns, A, after=3, axis=2)), z, atol=1e-4)


def test_each_example_is_cropped_where_it_starts():
    x = np.arange(24, dtype="float32").reshape(2, 3, 4, 1)
    cropped = numpy(crop(x, np.array([2, 0]), 2, axis=2))
    np.testing.assert_array_equal(cropped[0], x[0, :, 2:4])
    np.testing.assert_array_equal(cropped[1], x[1, :, 0:2])


def test_negative_numbers_are_refused():
    with pytest.raises(ValueError, match="`before` must be an integer of at least 0"):
        extend_linearly(np.ones((1, 1, 4)), A, before=-1)
