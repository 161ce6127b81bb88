"""CoSENT equals its definition, pair by pair, and looks at the order only."""

import numpy as np
import pytest

from kerasx import losses
from kerasx.losses.cosent import cosent_loss, pair_cosines
from tests.losses.derivatives import gradient

RNG = np.random.default_rng(0)
PAIRS = RNG.normal(size=(6, 2, 4)).astype("float32")
GRADES = np.array([3, 0, 1, 3, 2, 0], "float32")


def cosines(pairs):
    a, b = pairs[:, 0].astype("float64"), pairs[:, 1].astype("float64")
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def by_definition(grades, cos, scale=20.0):
    total = 1.0
    for i in range(len(cos)):
        for j in range(len(cos)):
            if grades[i] > grades[j]:
                total += np.exp(scale * (cos[j] - cos[i]))
    return np.log(total)


def test_the_loss_is_the_sum_over_all_pairs_of_unequal_labels():
    wanted = by_definition(GRADES, cosines(PAIRS))
    np.testing.assert_allclose(float(losses.CoSENT()(GRADES, PAIRS)), wanted, rtol=1e-5)
    binary = (GRADES > 1).astype("int32")
    wanted = by_definition(binary, cosines(PAIRS), 5.0)
    np.testing.assert_allclose(float(losses.CoSENT(5.0)(binary, PAIRS)), wanted, rtol=1e-5)


def test_neighbouring_rows_are_a_pair_with_its_label_at_both():
    rows, grades = PAIRS.reshape(12, 4), np.repeat(GRADES, 2)
    wanted = by_definition(GRADES, cosines(PAIRS))
    np.testing.assert_allclose(float(losses.CoSENT()(grades, rows)), wanted, rtol=1e-5)


def test_only_the_order_of_the_labels_counts():
    cos = cosines(PAIRS).astype("float32")
    values = [float(cosent_loss(g, cos)) for g in (GRADES, GRADES**3 - 7)]
    assert values[0] == values[1]


def test_right_order_by_far_costs_nothing_and_still_has_a_gradient():
    grad = gradient(lambda c: cosent_loss([1, 0], c), np.array([1.0, -1.0], "float32"))
    np.testing.assert_allclose(grad, 20 * np.exp(-40.0) * np.array([-1, 1]), rtol=1e-4)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3, 4), (4,)])
def test_what_are_no_pairs_is_refused(shape):
    with pytest.raises(ValueError, match="two sentences of a pair in neighbouring rows"):
        pair_cosines(np.ones(shape, "float32"))


def test_the_scale_must_be_positive():
    with pytest.raises(ValueError, match="`scale` must be a finite number above 0"):
        losses.CoSENT(scale=0)
