"""Positions against their closed forms."""

import numpy as np
import pytest
import torch
from keras import ops
from transformers.models.t5.modeling_t5 import T5Attention

from kerasx.ops import (
    apply_rotary_position_embeddings,
    hierarchical_embeddings,
    relative_position_buckets,
    rotary_frequencies,
    sinusoidal_embeddings,
)


def test_sinusoids_interleave_sines_and_cosines():
    positions, got = np.array([0.0, 1.0, 7.5]), None
    got = ops.convert_to_numpy(sinusoidal_embeddings(positions, 6))
    for i in range(3):
        angle = positions * 10000 ** (-2 * i / 6)
        np.testing.assert_allclose(got[:, 2 * i], np.sin(angle), atol=1e-5)
        np.testing.assert_allclose(got[:, 2 * i + 1], np.cos(angle), atol=1e-5)


def test_an_odd_size_is_refused():
    with pytest.raises(ValueError, match="`dim` must be even"):
        sinusoidal_embeddings([1.0], 3)


def test_rotary_inner_products_depend_on_the_difference_only():
    q, k = np.random.normal(size=(2, 1, 8)).astype("float32")

    def product(i, j):
        places = [sinusoidal_embeddings([float(p)], 8) for p in (i, j)]
        turned = [apply_rotary_position_embeddings(s, x) for s, x in zip(places, (q, k))]
        return float(ops.sum(turned[0] * turned[1]))

    for shift in (1, 10, 100):
        assert abs(product(3, 5) - product(3 + shift, 5 + shift)) < 1e-3
    assert abs(product(4, 4) - float((q * k).sum())) < 1e-4
    assert abs(product(3, 5) - product(3, 6)) > 1e-3


def test_rotary_keeps_norms_and_turns_all_tensors_given():
    x = np.random.normal(size=(2, 5, 8)).astype("float32")
    sinusoidal = sinusoidal_embeddings(np.arange(5), 8)
    one, two = apply_rotary_position_embeddings(sinusoidal, x, 2 * x)
    np.testing.assert_allclose(
        np.linalg.norm(ops.convert_to_numpy(one), axis=-1), np.linalg.norm(x, axis=-1), rtol=1e-5
    )
    np.testing.assert_allclose(ops.convert_to_numpy(two), 2 * ops.convert_to_numpy(one), atol=1e-5)


@pytest.mark.parametrize("pairs", ["adjacent", "halves"])
@pytest.mark.parametrize("r", [8, 4])
def test_rotary_turns_each_pair_as_a_complex_number(pairs, r):
    x = np.random.normal(size=(2, 5, 8)).astype("float32")
    turns = sinusoidal_embeddings(np.arange(5), r)
    got = apply_rotary_position_embeddings(turns, x, pairs=pairs)
    i = np.arange(r // 2)
    real, imaginary = (2 * i, 2 * i + 1) if pairs == "adjacent" else (i, i + r // 2)
    angles = np.arange(5)[:, None] * 10000.0 ** (-2 * i / r)
    z = (x[..., real] + 1j * x[..., imaginary]) * np.exp(1j * angles)
    expected = x.copy()  # coordinates from r on stay
    expected[..., real], expected[..., imaginary] = z.real, z.imag
    np.testing.assert_allclose(ops.convert_to_numpy(got), expected, atol=1e-5)


@pytest.mark.parametrize("examples", [1, 2])
def test_rotary_takes_tensors_with_heads_after_the_positions(examples):
    x = np.random.normal(size=(2, 5, 3, 8)).astype("float32")
    places = np.random.default_rng(0).integers(0, 9, (examples, 5)).astype("float32")
    sinusoidal = sinusoidal_embeddings(places, 8)
    one, _ = apply_rotary_position_embeddings(sinusoidal, x, 2 * x)
    for head in range(3):
        expected = apply_rotary_position_embeddings(sinusoidal, x[:, :, head])
        np.testing.assert_allclose(one[:, :, head], ops.convert_to_numpy(expected), atol=1e-6)
    with pytest.raises(ValueError, match=r"for \(b, h, n, d\) pass them as"):
        apply_rotary_position_embeddings(sinusoidal, x.swapaxes(1, 2))


def test_unknown_pairs_are_refused():
    with pytest.raises(ValueError, match="`pairs` must be one of 'adjacent', 'halves'"):
        apply_rotary_position_embeddings(np.zeros((1, 2)), np.zeros((1, 2)), pairs="odd")


def test_frequencies_fall_geometrically_and_linear_scaling_divides_positions():
    plain = rotary_frequencies(8, 100)
    np.testing.assert_allclose(plain, 100.0 ** (-np.arange(4) / 4))
    linear = rotary_frequencies(8, 100, {"type": "linear", "factor": 4})
    np.testing.assert_allclose(linear, plain / 4)
    near = sinusoidal_embeddings([3.0], 8, 100)
    far = sinusoidal_embeddings([12.0], 8, 100, {"type": "linear", "factor": 4})
    np.testing.assert_allclose(ops.convert_to_numpy(far), ops.convert_to_numpy(near), atol=1e-6)


def test_ntk_scaling_keeps_the_fastest_frequency_and_divides_the_slowest():
    plain = rotary_frequencies(8)
    ntk = rotary_frequencies(8, scaling={"type": "ntk", "factor": 4})
    assert ntk[0] == plain[0]
    np.testing.assert_allclose(ntk[-1], plain[-1] / 4)
    assert (np.diff(plain / ntk) > 0).all()
    np.testing.assert_allclose(rotary_frequencies(2, scaling={"type": "ntk", "factor": 4}), [1.0])


def test_llama3_scaling_divides_long_wavelengths_alone():
    scaling = {
        "type": "llama3",
        "factor": 8,
        "low_freq_factor": 1,
        "high_freq_factor": 4,
        "original_length": 100,
    }
    plain = rotary_frequencies(32)
    ratio = rotary_frequencies(32, scaling=scaling) / plain
    wavelengths = 2 * np.pi / plain
    np.testing.assert_allclose(ratio[wavelengths < 100 / 4], 1)
    np.testing.assert_allclose(ratio[wavelengths > 100], 1 / 8)
    between = (wavelengths > 100 / 4) & (wavelengths < 100)
    kept = (100 / wavelengths[between] - 1) / 3
    assert between.any()
    np.testing.assert_allclose(ratio[between], kept + (1 - kept) / 8)


@pytest.mark.parametrize("scaling", [{"type": "yarn"}, {"type": "ntk2", "factor": 2}])
def test_an_unknown_scaling_is_refused(scaling):
    with pytest.raises(ValueError, match="`scaling` must be None or a dict"):
        rotary_frequencies(8, scaling=scaling)


@pytest.mark.parametrize("alpha", [0.25, 0.4, 0.7])
def test_hierarchical_positions_keep_the_first_m_and_follow_the_formula(alpha):
    p = np.random.normal(size=(4, 3)).astype("float32")
    got = ops.convert_to_numpy(hierarchical_embeddings(ops.convert_to_tensor(p), 16, alpha))
    np.testing.assert_allclose(got[:4], p, atol=1e-5)
    u = (p - alpha * p[0]) / (1 - alpha)
    expected = [alpha * u[i // 4] + (1 - alpha) * u[i % 4] for i in range(16)]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_hierarchical_positions_of_given_ids_are_rows_of_the_whole():
    p, ids = ops.convert_to_tensor(np.random.normal(size=(4, 3))), np.array([[0, 15], [7, 3]])
    whole = ops.convert_to_numpy(hierarchical_embeddings(p, 16))
    got = ops.convert_to_numpy(hierarchical_embeddings(p, ops.convert_to_tensor(ids)))
    np.testing.assert_allclose(got, whole[ids], atol=1e-6)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("buckets, distance", [(32, 128), (8, 20)])
def test_relative_buckets_are_those_of_t5(bidirectional, buckets, distance):
    relative = np.arange(-300, 301)[None]
    theirs = T5Attention._relative_position_bucket(
        torch.tensor(relative), bidirectional, buckets, distance
    ).numpy()
    ours = relative_position_buckets(relative, buckets, distance, bidirectional)
    assert (ops.convert_to_numpy(ours) == theirs).all()
