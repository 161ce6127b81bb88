"""Exact plans are feasible and optimal; regularised plans are feasible and close."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, linprog

from kerasx.similarity import transport_cost, transport_plan
from kerasx.similarity.transport import sinkhorn

pytestmark = pytest.mark.backend_free
RNG = np.random.default_rng(0)


def problem(n, m, rng=RNG):
    p, q = rng.random(n), rng.random(m)
    return rng.random((n, m)), p / p.sum(), q / q.sum()


def dual(cost, p, q):
    """Compute max p·u + q·v with u_i + v_j ≤ c_ij: the same number, from dense inequalities."""
    n, m = cost.shape
    lhs = np.concatenate([np.repeat(np.eye(n), m, 0), np.tile(np.eye(m), (n, 1))], 1)
    result = linprog(
        -np.concatenate([p, q]), A_ub=lhs, b_ub=cost.ravel(), bounds=(None, None), method="highs-ds"
    )
    return -result.fun


@pytest.mark.parametrize("n, m", [(1, 1), (1, 4), (5, 1), (3, 3), (4, 7), (12, 9), (30, 20)])
def test_the_cost_equals_that_of_the_dual_program(n, m):
    for _ in range(2):
        cost, p, q = problem(n, m)
        assert abs(transport_cost(cost, p, q) - dual(cost, p, q)) < 1e-8


def test_equal_weights_on_both_sides_are_an_assignment():
    for n in (2, 5, 17):
        cost = RNG.random((n, n))
        rows, columns = linear_sum_assignment(cost)
        assert abs(transport_cost(cost) - cost[rows, columns].mean()) < 1e-8


@pytest.mark.parametrize("solve", [transport_plan, sinkhorn])
def test_a_plan_has_the_given_sums_and_nothing_below_zero(solve):
    for n, m in ((1, 3), (6, 4), (15, 15)):
        cost, p, q = problem(n, m)
        p[0] = 0
        p /= p.sum() or 1
        if p.sum():
            plan = solve(cost, p, q)
            assert (plan >= 0).all()
            np.testing.assert_allclose(plan.sum(1), p, atol=1e-9)
            np.testing.assert_allclose(plan.sum(0), q, atol=1e-9)


def test_scaling_masses_or_costs_scales_the_cost():
    cost, p, q = problem(5, 6)
    wanted = transport_cost(cost, p, q)
    assert abs(transport_cost(1e6 * cost, p, q) / 1e6 - wanted) < 1e-8
    assert abs(transport_cost(cost, 1e-6 * p, 1e-6 * q) * 1e6 - wanted) < 1e-8


def test_no_mass_moves_nothing():
    for solve in (transport_plan, sinkhorn):
        assert not solve([[1.0, 2.0]], [0.0], [0.0, 0.0]).any()


def test_sinkhorn_comes_down_to_the_optimum_and_never_below():
    cost, p, q = problem(20, 25)
    best = transport_cost(cost, p, q)
    gaps = [
        transport_cost(cost, p, q, "sinkhorn", regularization=r) - best for r in (0.3, 0.03, 0.003)
    ]
    assert gaps[0] > gaps[1] > gaps[2] > -1e-9
    assert gaps[2] < 0.01 * best


@pytest.mark.parametrize(
    "arguments, match",
    [
        ((np.zeros((0, 2)),), "leave out empty texts"),
        (([[np.nan]],), "finite numbers"),
        (([[1.0]], [0.5], [1.0]), "the same sum"),
        (([[1.0]], [-1.0], [-1.0]), "`p` must be 1 finite numbers"),
        (([[1.0, 2.0]], None, [1.0]), "`q` must be 2 finite numbers"),
    ],
)
def test_what_is_no_transport_problem_is_refused(arguments, match):
    for solve in (transport_plan, sinkhorn):
        with pytest.raises(ValueError, match=match):
            solve(*arguments)


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="`regularization` must be a finite number above 0"):
        sinkhorn([[1.0]], regularization=0)
    with pytest.raises(ValueError, match="`method` must be one of"):
        transport_cost([[1.0]], method="greedy")
