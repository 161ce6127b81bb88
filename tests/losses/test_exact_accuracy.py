"""EXACT by quadrature, and where it fails."""

import math

import numpy as np
import pytest
from keras import ops

from kerasx import backend, losses
from kerasx.losses.exact_accuracy import exact_accuracy
from tests.losses.derivatives import gradient

RNG = np.random.default_rng(0)
LOGITS = (2 * RNG.normal(size=(4, 5))).astype("float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def normal(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def test_two_classes_have_a_closed_form():
    for gap in (-4.0, -0.5, 0.0, 1.0, 3.0):
        for sigma in (0.5, 2.0):
            s = np.array([[gap, 0.0]], "float32")
            got = float(exact_accuracy(np.array([0]), s, sigma)[0])
            assert got == pytest.approx(normal(gap / sigma / math.sqrt(2)), abs=2e-4)


def test_the_probabilities_of_all_classes_add_up_to_one():
    ids = np.tile(np.arange(5), (4, 1))
    each = numbers(exact_accuracy(ids, np.repeat(LOGITS[:, None], 5, 1)))
    np.testing.assert_allclose(each.sum(-1), 1, atol=1e-5)


def test_equal_scores_have_equal_chances():
    for classes in (2, 3, 7):
        got = float(exact_accuracy(np.array([1]), np.ones((1, classes), "float32"))[0])
        assert got == pytest.approx(1 / classes, abs=1e-5)


def test_it_is_the_share_of_noisy_decisions_that_are_right():
    noisy = LOGITS[0] + RNG.normal(size=(200_000, 5))
    drawn = np.bincount(noisy.argmax(-1), minlength=5) / 200_000
    got = numbers(exact_accuracy(np.arange(5), np.repeat(LOGITS[:1], 5, 0)))
    np.testing.assert_allclose(got, drawn, atol=4e-3)


def test_so_many_nodes_that_their_weights_overflow_are_refused():
    most = float(exact_accuracy(np.array([1]), np.ones((1, 2), "float32"), nodes=370)[0])
    assert most == pytest.approx(0.5, abs=1e-5)
    for nodes in (0, 371, 2.5):
        with pytest.raises(ValueError, match="`nodes` must be an integer"):
            exact_accuracy(np.array([0]), np.zeros((1, 2)), nodes=nodes)


def test_its_gradient_is_that_of_differences():
    ids = np.array([0, 1, 2, 3])
    grad = gradient(lambda s: exact_accuracy(ids, s), LOGITS)
    step = np.float32(1e-2) * np.eye(5, dtype="float32")
    for j in range(5):
        up, down = (numbers(exact_accuracy(ids, LOGITS + e * step[j])) for e in (1, -1))
        np.testing.assert_allclose(grad[:, j], (up - down) / 2e-2, atol=1e-4)


def test_a_margin_ends_the_reward_for_being_further_ahead():
    s = np.array([[9.0, 0.0]], "float32")
    near = float(exact_accuracy(np.array([0]), s / 9, margin=1.0)[0])
    assert float(exact_accuracy(np.array([0]), s, margin=1.0)[0]) == pytest.approx(near)
    assert not gradient(lambda s: exact_accuracy(np.array([0]), s, margin=1.0), s).any()


def test_the_failure_of_exact_far_from_the_answer_there_is_no_gradient():
    s = np.array([[-30.0, 0.0, 0.0]], "float32")
    exact = gradient(lambda s: exact_accuracy(np.array([0]), s), s)
    ce = gradient(lambda s: backend.sparse_cross_entropy(np.array([0]), s), s)
    assert np.abs(exact).max() < 1e-6 and ce[0, 0] == pytest.approx(-1)


def test_sigma_must_be_positive():
    with pytest.raises(ValueError, match="`sigma` must be a finite number above 0"):
        losses.ExactAccuracy(sigma=0)
