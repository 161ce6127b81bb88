"""EXACT by quadrature, and n problems of m classes in one loss, with what they fail at."""

import math

import numpy as np
import pytest
from keras import ops

from kerasx import backend, losses
from kerasx.ops import multilabel_categorical_crossentropy
from tests.losses.derivatives import gradient

RNG = np.random.default_rng(0)
LOGITS = (2 * RNG.normal(size=(4, 5))).astype("float32")
SCORES = RNG.normal(size=(3, 6, 4)).astype("float32")
HARD = np.eye(4, dtype="float32")[RNG.integers(0, 4, (3, 6))]


def numbers(x):
    return ops.convert_to_numpy(x)


def normal(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def softmax(s):
    e = np.exp(s.astype("float64"))
    return e / e.sum(-1, keepdims=True)


def test_two_classes_have_a_closed_form():
    for gap in (-4.0, -0.5, 0.0, 1.0, 3.0):
        for sigma in (0.5, 2.0):
            s = np.array([[gap, 0.0]], "float32")
            got = float(losses.exact_accuracy(np.array([0]), s, sigma)[0])
            assert got == pytest.approx(normal(gap / sigma / math.sqrt(2)), abs=2e-4)


def test_the_probabilities_of_all_classes_add_up_to_one():
    ids = np.tile(np.arange(5), (4, 1))
    each = numbers(losses.exact_accuracy(ids, np.repeat(LOGITS[:, None], 5, 1)))
    np.testing.assert_allclose(each.sum(-1), 1, atol=1e-5)


def test_equal_scores_have_equal_chances():
    for classes in (2, 3, 7):
        got = float(losses.exact_accuracy(np.array([1]), np.ones((1, classes), "float32"))[0])
        assert got == pytest.approx(1 / classes, abs=1e-5)


def test_it_is_the_share_of_noisy_decisions_that_are_right():
    noisy = LOGITS[0] + RNG.normal(size=(200_000, 5))
    drawn = np.bincount(noisy.argmax(-1), minlength=5) / 200_000
    got = numbers(losses.exact_accuracy(np.arange(5), np.repeat(LOGITS[:1], 5, 0)))
    np.testing.assert_allclose(got, drawn, atol=4e-3)


def test_its_gradient_is_that_of_differences():
    ids = np.array([0, 1, 2, 3])
    grad = gradient(lambda s: losses.exact_accuracy(ids, s), LOGITS)
    step = np.float32(1e-2) * np.eye(5, dtype="float32")
    for j in range(5):
        up, down = (numbers(losses.exact_accuracy(ids, LOGITS + e * step[j])) for e in (1, -1))
        np.testing.assert_allclose(grad[:, j], (up - down) / 2e-2, atol=1e-4)


def test_a_margin_ends_the_reward_for_being_further_ahead():
    s = np.array([[9.0, 0.0]], "float32")
    near = float(losses.exact_accuracy(np.array([0]), s / 9, margin=1.0)[0])
    assert float(losses.exact_accuracy(np.array([0]), s, margin=1.0)[0]) == pytest.approx(near)
    assert not gradient(lambda s: losses.exact_accuracy(np.array([0]), s, margin=1.0), s).any()


def test_the_failure_of_exact_far_from_the_answer_there_is_no_gradient():
    s = np.array([[-30.0, 0.0, 0.0]], "float32")
    exact = gradient(lambda s: losses.exact_accuracy(np.array([0]), s), s)
    ce = gradient(lambda s: backend.sparse_cross_entropy(np.array([0]), s), s)
    assert np.abs(exact).max() < 1e-6 and ce[0, 0] == pytest.approx(-1)


def test_sigma_must_be_positive():
    with pytest.raises(ValueError, match="`sigma` must be above 0"):
        losses.ExactAccuracy(sigma=0)


def plain_joint(t, s):
    n, m = s.shape
    total = 0
    for j in range(m):
        inside = sum(
            t[i, j] * np.exp(float(s[i, k]) - s[i, j]) for i in range(n) for k in range(m) if k != j
        )
        total += np.log1p(inside)
    return total


def test_the_joint_loss_is_its_formula():
    wanted = [plain_joint(t, s) for t, s in zip(HARD, SCORES)]
    got = numbers(losses.joint_categorical_crossentropy(HARD, SCORES))
    np.testing.assert_allclose(got, wanted, rtol=1e-5)
    soft = softmax(SCORES[::-1])
    wanted = [plain_joint(t, s) for t, s in zip(soft, SCORES)]
    got = numbers(losses.joint_categorical_crossentropy(soft, SCORES))
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_one_problem_with_a_hard_label_is_cross_entropy():
    ce = backend.sparse_cross_entropy(HARD[:, 0].argmax(-1), SCORES[:, 0])
    got = losses.joint_categorical_crossentropy(HARD[:, :1], SCORES[:, :1])
    np.testing.assert_allclose(numbers(got), numbers(ce), rtol=1e-5)


@pytest.mark.parametrize(
    "loss, scale",
    [
        (losses.joint_categorical_crossentropy, 1.0),
        (losses.joint_soft_categorical_crossentropy, 0.5),
    ],
)
def test_with_two_classes_they_are_the_multilabel_loss_of_the_difference(loss, scale):
    s, t = SCORES[..., :2], np.eye(2, dtype="float32")[RNG.integers(0, 2, (3, 6))]
    multilabel = multilabel_categorical_crossentropy(
        t[..., 0], np.float32(scale) * (s[..., 0] - s[..., 1])
    )
    np.testing.assert_allclose(numbers(loss(t, s)), numbers(multilabel), rtol=1e-5)


def test_only_the_soft_form_has_its_minimum_at_the_softmax():
    t = softmax(SCORES)
    soft = gradient(lambda s: losses.joint_soft_categorical_crossentropy(t, s), SCORES)
    np.testing.assert_allclose(soft, 0, atol=1e-6)
    hard = gradient(lambda s: losses.joint_categorical_crossentropy(t, s), SCORES)
    assert np.abs(hard).max() > 0.01


def test_the_failure_of_the_soft_form_a_wrong_answer_costs_almost_nothing():
    s, t = np.array([[5.0, 9.0, -8.0, -9.0]], "float32"), np.array([[1.0, 0, 0, 0]], "float32")
    assert float(losses.joint_soft_categorical_crossentropy(t, s)) < 0.004
    assert s.argmax() == 1
    ce = float(backend.sparse_cross_entropy(np.array([0]), s)[0])
    assert ce == pytest.approx(4.02, abs=0.01)
    assert float(losses.joint_categorical_crossentropy(t, s)) == pytest.approx(ce, rel=1e-5)
