"""Divergences of two predictions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from kerasx import losses
from tests.losses.derivatives import gradient

RNG = np.random.default_rng(0)
LEFT, RIGHT = (3 * RNG.normal(size=(2, 4, 6))).astype("float32")
both = pytest.mark.parametrize("divergence", [losses.kl_divergence, losses.symmetric_kl])


def numbers(x):
    return ops.convert_to_numpy(x)


def probabilities(s):
    e = np.exp(s.astype("float64"))
    return e / e.sum(-1, keepdims=True)


def kl(a, b):
    p, q = probabilities(a), probabilities(b)
    return (p * np.log(p / q)).sum(-1)


def test_they_are_their_formulas():
    np.testing.assert_allclose(
        numbers(losses.kl_divergence(LEFT, RIGHT)), kl(LEFT, RIGHT), rtol=1e-4
    )
    wanted = (kl(LEFT, RIGHT) + kl(RIGHT, LEFT)) / 2
    np.testing.assert_allclose(numbers(losses.symmetric_kl(LEFT, RIGHT)), wanted, rtol=1e-4)


def test_r_drop_on_pairs_of_rows_is_half_alpha_of_the_symmetric_divergence():
    rows, alpha = np.stack([LEFT, RIGHT], 1).reshape(8, 6), 4
    published = np.mean(kl(rows[::2], rows[1::2]) + kl(rows[1::2], rows[::2])) / 4 * alpha
    ours = alpha / 2 * np.mean(numbers(losses.symmetric_kl(rows[::2], rows[1::2])))
    assert ours == pytest.approx(published, rel=1e-4)


@both
def test_equal_predictions_have_no_divergence_and_no_first_derivative(divergence):
    shifted = LEFT + np.float32(3)  # the same probabilities
    np.testing.assert_allclose(numbers(divergence(LEFT, shifted)), 0, atol=1e-5)
    np.testing.assert_allclose(gradient(lambda s: divergence(LEFT, s), LEFT), 0, atol=1e-6)


def test_the_symmetric_form_is_symmetric_and_never_negative():
    near = LEFT + (1e-4 * RNG.normal(size=LEFT.shape)).astype("float32")
    there, back = losses.symmetric_kl(LEFT, near), losses.symmetric_kl(near, LEFT)
    np.testing.assert_array_equal(numbers(there), numbers(back))
    assert (numbers(there) >= 0).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e-3, 1, 1e3]))
@settings(max_examples=25, deadline=None)
def test_the_symmetric_form_is_never_negative_whatever_the_scores(seed, scale):
    a, b = (scale * np.random.default_rng(seed).normal(size=(2, 3, 4))).astype("float32")
    assert (numbers(losses.symmetric_kl(a, b)) >= 0).all()


@both
@pytest.mark.parametrize("value", [-np.inf, -1e38])
def test_classes_masked_in_both_are_left_out(divergence, value):
    a, b = LEFT.copy(), RIGHT.copy()
    a[:, 2:4] = b[:, 2:4] = value
    kept = [0, 1, 4, 5]
    wanted = numbers(divergence(LEFT[:, kept], RIGHT[:, kept]))
    np.testing.assert_allclose(numbers(divergence(a, b)), wanted, rtol=1e-5)
    for grad in (gradient(lambda s: divergence(s, b), a), gradient(lambda s: divergence(a, s), b)):
        assert np.isfinite(grad).all() and not grad[:, 2:4].any()
