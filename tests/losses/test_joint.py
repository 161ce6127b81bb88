"""n problems of m classes in one loss, and where each form fails."""

import numpy as np
import pytest
from keras import ops

from kerasx import backend
from kerasx.losses.joint import joint_categorical_crossentropy, joint_soft_categorical_crossentropy
from kerasx.ops import multilabel_categorical_crossentropy
from tests.losses.derivatives import gradient

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(3, 6, 4)).astype("float32")
HARD = np.eye(4, dtype="float32")[RNG.integers(0, 4, (3, 6))]


def numbers(x):
    return ops.convert_to_numpy(x)


def softmax(s):
    e = np.exp(s.astype("float64"))
    return e / e.sum(-1, keepdims=True)


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
    got = numbers(joint_categorical_crossentropy(HARD, SCORES))
    np.testing.assert_allclose(got, wanted, rtol=1e-5)
    soft = softmax(SCORES[::-1])
    wanted = [plain_joint(t, s) for t, s in zip(soft, SCORES)]
    got = numbers(joint_categorical_crossentropy(soft, SCORES))
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_one_problem_with_a_hard_label_is_cross_entropy():
    ce = backend.sparse_cross_entropy(HARD[:, 0].argmax(-1), SCORES[:, 0])
    got = joint_categorical_crossentropy(HARD[:, :1], SCORES[:, :1])
    np.testing.assert_allclose(numbers(got), numbers(ce), rtol=1e-5)


@pytest.mark.parametrize(
    "loss, scale",
    [
        (joint_categorical_crossentropy, 1.0),
        (joint_soft_categorical_crossentropy, 0.5),
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
    soft = gradient(lambda s: joint_soft_categorical_crossentropy(t, s), SCORES)
    np.testing.assert_allclose(soft, 0, atol=1e-6)
    hard = gradient(lambda s: joint_categorical_crossentropy(t, s), SCORES)
    assert np.abs(hard).max() > 0.01


def test_the_failure_of_the_soft_form_a_wrong_answer_costs_almost_nothing():
    s, t = np.array([[5.0, 9.0, -8.0, -9.0]], "float32"), np.array([[1.0, 0, 0, 0]], "float32")
    assert float(joint_soft_categorical_crossentropy(t, s)) < 0.004
    assert s.argmax() == 1
    ce = float(backend.sparse_cross_entropy(np.array([0]), s)[0])
    assert ce == pytest.approx(4.02, abs=0.01)
    assert float(joint_categorical_crossentropy(t, s)) == pytest.approx(ce, rel=1e-5)
