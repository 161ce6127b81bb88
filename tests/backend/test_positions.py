"""Positions against their closed forms."""

import numpy as np
import pytest
from keras import ops

from kerasx import backend


def test_sinusoids_interleave_sines_and_cosines():
    positions, got = np.array([0.0, 1.0, 7.5]), None
    got = ops.convert_to_numpy(backend.sinusoidal_embeddings(positions, 6))
    for i in range(3):
        angle = positions * 10000 ** (-2 * i / 6)
        np.testing.assert_allclose(got[:, 2 * i], np.sin(angle), atol=1e-5)
        np.testing.assert_allclose(got[:, 2 * i + 1], np.cos(angle), atol=1e-5)


def test_an_odd_size_is_refused():
    with pytest.raises(ValueError, match="`dim` must be even"):
        backend.sinusoidal_embeddings([1.0], 3)


def test_rotary_inner_products_depend_on_the_difference_only():
    q, k = np.random.normal(size=(2, 1, 8)).astype("float32")

    def product(i, j):
        places = [backend.sinusoidal_embeddings([float(p)], 8) for p in (i, j)]
        turned = [backend.apply_rotary_position_embeddings(s, x) for s, x in zip(places, (q, k))]
        return float(ops.sum(turned[0] * turned[1]))

    for shift in (1, 10, 100):
        assert abs(product(3, 5) - product(3 + shift, 5 + shift)) < 1e-3
    assert abs(product(4, 4) - float((q * k).sum())) < 1e-4
    assert abs(product(3, 5) - product(3, 6)) > 1e-3


def test_rotary_keeps_norms_and_turns_all_tensors_given():
    x = np.random.normal(size=(2, 5, 8)).astype("float32")
    sinusoidal = backend.sinusoidal_embeddings(np.arange(5), 8)
    one, two = backend.apply_rotary_position_embeddings(sinusoidal, x, 2 * x)
    np.testing.assert_allclose(
        np.linalg.norm(ops.convert_to_numpy(one), axis=-1), np.linalg.norm(x, axis=-1), rtol=1e-5
    )
    np.testing.assert_allclose(ops.convert_to_numpy(two), 2 * ops.convert_to_numpy(one), atol=1e-5)


@pytest.mark.parametrize("alpha", [0.25, 0.4, 0.7])
def test_hierarchical_positions_keep_the_first_m_and_follow_the_formula(alpha):
    p = np.random.normal(size=(4, 3)).astype("float32")
    got = ops.convert_to_numpy(backend.hierarchical_embeddings(ops.convert_to_tensor(p), 16, alpha))
    np.testing.assert_allclose(got[:4], p, atol=1e-5)
    u = (p - alpha * p[0]) / (1 - alpha)
    expected = [alpha * u[i // 4] + (1 - alpha) * u[i % 4] for i in range(16)]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_hierarchical_positions_of_given_ids_are_rows_of_the_whole():
    p, ids = ops.convert_to_tensor(np.random.normal(size=(4, 3))), np.array([[0, 15], [7, 3]])
    whole = ops.convert_to_numpy(backend.hierarchical_embeddings(p, 16))
    got = ops.convert_to_numpy(backend.hierarchical_embeddings(p, ops.convert_to_tensor(ids)))
    np.testing.assert_allclose(got, whole[ids], atol=1e-6)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("buckets, distance", [(32, 128), (8, 20)])
def test_relative_buckets_are_those_of_t5(bidirectional, buckets, distance):
    torch = pytest.importorskip("torch", reason="the reference, transformers, runs on torch")
    t5 = pytest.importorskip("transformers.models.t5.modeling_t5", reason="it is the reference")
    relative = np.arange(-300, 301)[None]
    theirs = t5.T5Attention._relative_position_bucket(
        torch.tensor(relative), bidirectional, buckets, distance
    ).numpy()
    ours = backend.relative_position_buckets(relative, buckets, distance, bidirectional)
    assert (ops.convert_to_numpy(ours) == theirs).all()
