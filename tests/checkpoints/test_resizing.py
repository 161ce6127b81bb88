"""Resized arrays keep their norm and their orthogonality."""

import numpy as np
import pytest

from kerasx.checkpoints.resizing import orthogonally_resize

pytestmark = pytest.mark.backend_free


def test_growing_repeats_blocks_and_keeps_the_norm():
    a = np.arange(1.0, 5.0)
    b = orthogonally_resize(a, (8,))
    np.testing.assert_allclose(b * np.sqrt(2), [1, 2, 1, 2, 3, 4, 3, 4])


@pytest.mark.parametrize("shape", [(8, 4), (6, 7), (2, 3), (4, 6)])
def test_any_resize_keeps_the_norm(shape):
    a = np.random.default_rng(0).normal(size=(4, 6))
    b = orthogonally_resize(a, shape)
    assert b.shape == shape
    np.testing.assert_allclose(np.linalg.norm(b), np.linalg.norm(a))


def test_orthogonal_columns_stay_orthogonal_when_rows_double():
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 4)))
    gram = (b := orthogonally_resize(q, (12, 4))).T @ b
    np.testing.assert_allclose(gram, np.eye(4), atol=1e-12)


@pytest.mark.parametrize("shape, match", [((4,), "new_shape"), ((10, 3), "window")])
def test_what_cannot_be_resized_is_refused(shape, match):
    with pytest.raises(ValueError, match=match):
        orthogonally_resize(np.ones((5, 3)), shape)
