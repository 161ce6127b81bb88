"""Whitened vectors have mean 0 and covariance I; a file gives back what was saved."""

import numpy as np
import pytest

from kerasx.similarity import Whitening
from kerasx.similarity.whitening import compute_kernel_bias, transform_and_normalize

pytestmark = pytest.mark.backend_free
RNG = np.random.default_rng(0)
VECS = RNG.normal(size=(200, 6)) @ RNG.normal(size=(6, 6)) + 5


def test_the_covariance_is_the_identity_and_the_mean_zero():
    y = Whitening().fit(VECS).transform(VECS)
    np.testing.assert_allclose(y.T @ y / len(y), np.eye(6), atol=1e-9)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-9)


def test_the_first_components_are_those_of_all():
    kernel, bias = compute_kernel_bias(VECS)
    short, same = compute_kernel_bias(VECS, 2)
    np.testing.assert_array_equal(short, kernel[:, :2])
    np.testing.assert_array_equal(same, bias)


def test_the_kernel_is_that_of_the_published_recipe_up_to_signs():
    """u, s, vh = svd(cov); W = u diag(1 / sqrt(s))."""
    u, s, _ = np.linalg.svd(np.cov(VECS.T, bias=True))
    kernel, bias = compute_kernel_bias(VECS)
    np.testing.assert_allclose(np.abs(kernel), np.abs(u / np.sqrt(s)), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(bias, -VECS.mean(0, keepdims=True))


def test_fewer_vectors_than_dimensions_leave_directions_out():
    few = VECS[:4]
    y = Whitening().fit(few).transform(few)
    assert y.shape == (4, 3)
    np.testing.assert_allclose(y.T @ y / 4, np.eye(3), atol=1e-9)


def test_normalized_vectors_have_length_one_and_zeros_stay():
    y = Whitening(3).fit(VECS).transform(VECS, normalize=True)
    np.testing.assert_allclose(np.linalg.norm(y, axis=1), 1)
    assert not transform_and_normalize(np.zeros((2, 3))).any()


def test_a_file_gives_back_what_was_saved(tmp_path):
    path = tmp_path / "whitening.npz"
    whitening = Whitening(4).fit(VECS)
    whitening.save(path)
    again = Whitening.load(path)
    np.testing.assert_array_equal(again.kernel, whitening.kernel)
    np.testing.assert_array_equal(again.bias, whitening.bias)
    assert again.n_components == 4 and [p.name for p in tmp_path.iterdir()] == ["whitening.npz"]


@pytest.mark.parametrize("size", [0, 1, 30, 200])
def test_a_damaged_file_is_an_error(tmp_path, size):
    path = tmp_path / "whitening.npz"
    Whitening().fit(VECS).save(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="`path` must be a file that `save` wrote"):
        Whitening.load(path)


def test_another_npz_file_is_an_error(tmp_path):
    np.savez(tmp_path / "other.npz", kernel=np.ones(3))
    with pytest.raises(ValueError, match="`path` must be a file that `save` wrote"):
        Whitening.load(tmp_path / "other.npz")


def test_bad_vectors_are_refused():
    with pytest.raises(ValueError, match="at least two vectors"):
        compute_kernel_bias(VECS[:1])
    with pytest.raises(ValueError, match="from 1 to 0"):
        compute_kernel_bias(np.ones((5, 3)))
    with pytest.raises(ValueError, match="from 1 to 6"):
        compute_kernel_bias(VECS, 7)
    with pytest.raises(ValueError, match="finite"):
        compute_kernel_bias([[np.nan], [1.0]])
    with pytest.raises(ValueError, match="Call `fit`"):
        Whitening().transform(VECS)
    with pytest.raises(ValueError, match="of size 6"):
        Whitening().fit(VECS).transform(VECS[:, :3])
