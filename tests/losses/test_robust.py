"""TaiLr between cross-entropy and the gradient of -p, and the soft accuracy."""

import numpy as np
import pytest
from keras import ops

from kerasx import backend, losses
from kerasx.losses.robust import soft_accuracy_loss, tailr_loss
from tests.losses.derivatives import gradient

RNG = np.random.default_rng(0)
LOGITS = (2 * RNG.normal(size=(4, 6))).astype("float32")
IDS = RNG.integers(0, 6, 4).astype("int32")
HOT = np.eye(6)[IDS]


def numbers(x):
    return ops.convert_to_numpy(x)


def softmax(s):
    e = np.exp(s.astype("float64") - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


P = softmax(LOGITS)
P_RIGHT = (P * HOT).sum(-1)


def weight(gamma, b=0.0):
    return np.maximum(P_RIGHT / (gamma + (1 - gamma) * P_RIGHT), b)


@pytest.mark.parametrize("gamma, b", [(0.0, 0.0), (1e-7, 0.2), (0.1, 0.3), (0.8, 0.2), (1.0, 0.0)])
def test_the_value_is_the_weighted_cross_entropy_and_no_gradient_flows_through_the_weight(gamma, b):
    wanted = weight(gamma, b) * -np.log(P_RIGHT)
    np.testing.assert_allclose(numbers(tailr_loss(IDS, LOGITS, gamma, b)), wanted, rtol=1e-5)
    grad = gradient(lambda s: tailr_loss(IDS, s, gamma, b), LOGITS)
    np.testing.assert_allclose(grad, weight(gamma, b)[:, None] * (P - HOT), atol=1e-6)


def test_gamma_0_is_cross_entropy_even_where_the_probability_underflows():
    logits = np.concatenate([LOGITS, np.array([[500.0, 0, 0, 0, 0, 0]], "float32")])
    ids = np.append(IDS, 1)
    np.testing.assert_allclose(
        numbers(tailr_loss(ids, logits, 0.0)),
        numbers(backend.sparse_cross_entropy(ids, logits)),
        rtol=1e-6,
    )


def test_gamma_1_has_the_gradient_of_the_soft_accuracy():
    tailr = gradient(lambda s: tailr_loss(IDS, s, 1.0), LOGITS)
    soft = gradient(lambda s: soft_accuracy_loss(IDS, s), LOGITS)
    np.testing.assert_allclose(tailr, soft, atol=1e-6)


def test_its_gradient_is_that_of_a_log_of_a_mixture_with_one():
    gamma = 0.3

    def mixture(s):
        p = ops.exp(-backend.sparse_cross_entropy(IDS, s))
        return -ops.log(gamma + (1 - gamma) * p) / (1 - gamma)

    tailr = gradient(lambda s: tailr_loss(IDS, s, gamma), LOGITS)
    np.testing.assert_allclose(tailr, gradient(mixture, LOGITS), atol=1e-6)


def test_the_weight_is_from_b_to_1_rises_with_p_and_falls_with_gamma():
    ce = numbers(backend.sparse_cross_entropy(IDS, LOGITS))
    rows = [numbers(tailr_loss(IDS, LOGITS, g, 0.25)) / ce for g in (0.01, 0.3, 0.9)]
    assert all((0.25 - 1e-6 <= w).all() and (w <= 1 + 1e-6).all() for w in rows)
    assert all((a >= b - 1e-6).all() for a, b in zip(rows, rows[1:]))
    assert all((np.diff(w[np.argsort(P_RIGHT)]) >= -1e-6).all() for w in rows)


def test_label_smoothing_is_added_without_the_weight():
    wanted = 0.9 * weight(0.5) * -np.log(P_RIGHT) - 0.1 * np.log(P).mean(-1)
    got = numbers(tailr_loss(IDS, LOGITS, 0.5, label_smoothing=0.1))
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_gamma_may_be_a_tensor():
    got = tailr_loss(IDS, LOGITS, ops.convert_to_tensor(0.3))
    np.testing.assert_allclose(numbers(got), numbers(tailr_loss(IDS, LOGITS, 0.3)), rtol=1e-6)


def test_places_outside_the_mask_cost_nothing_whatever_their_id():
    ids, mask = np.where(np.arange(4) == 2, -100, IDS), np.arange(4) != 2
    got = numbers(tailr_loss(ids, LOGITS, 0.3, label_smoothing=0.1, mask=mask))
    wanted = numbers(tailr_loss(IDS, LOGITS, 0.3, label_smoothing=0.1))
    np.testing.assert_allclose(got, np.where(mask, wanted, 0), rtol=1e-6)


@pytest.mark.parametrize("name, value", [("gamma", 1.5), ("gamma", -0.1), ("min_weight", 2)])
def test_settings_outside_0_to_1_are_refused(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .* of at least 0, of at most 1"):
        losses.TaiLr(**{name: value})


def test_soft_accuracy_is_one_minus_p():
    np.testing.assert_allclose(numbers(soft_accuracy_loss(IDS, LOGITS)), 1 - P_RIGHT, rtol=1e-5)
