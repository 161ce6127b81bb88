"""Solve optimal transport between two discrete distributions, exactly or approximately."""

import functools

import numpy as np

from kerasx.checks import check_choice, check_number, invalid

_TOLERANCE = 1e-10  # of the simplex method; the default, 1e-7, makes visible errors in distances


def transport_plan(cost, p=None, q=None):
    """Compute the cheapest transport plan by linear programming.

        argmin_γ Σ γ_ij c_ij over γ ≥ 0 with row sums p and column sums q

    The solver is the simplex method of HiGHS. One of the n + m equations follows from the rest
    and is left out.

    Args:
        cost: (n, m), the costs c.
        p: (n,), masses of the rows, at least 0; 1 / n by default.
        q: (m,), masses of the columns, with the same sum; 1 / m by default.

    Returns:
        The plan γ (n, m), float64.

    Raises:
        ValueError: `cost` is empty or not finite, a mass is negative, the sums differ, or scipy
            is not installed.

    >>> transport_plan([[0, 1], [1, 0]])
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    cost, p, q = _checked(cost, p, q)
    if not p.sum():
        return np.zeros_like(cost)
    linprog = _scipy_linprog()
    scale, total = np.abs(cost).max() or 1.0, p.sum()
    result = linprog(
        (cost / scale).ravel(),
        A_eq=_marginals(*cost.shape),
        b_eq=np.concatenate([p, q[:-1]]) / total,
        method="highs-ds",
        options={
            "primal_feasibility_tolerance": _TOLERANCE,
            "dual_feasibility_tolerance": _TOLERANCE,
        },
    )
    if result.status:
        raise ValueError(f"The transport problem was not solved: {result.message}")
    return np.maximum(result.x, 0).reshape(cost.shape) * total


def sinkhorn(cost, p=None, q=None, regularization=0.01, tolerance=1e-6, max_iterations=2000):
    """Compute an approximately cheapest transport plan by Sinkhorn's algorithm.

        argmin_γ Σ γ_ij c_ij - ε H(γ), with the entropy H

    Rows and columns are scaled in turn, in logarithms, while ε is halved step by step. A step
    takes O(n m) operations, where the linear program takes more than quadratic time. A correction
    at the end gives exact row and column sums, so the cost is never below the optimum.

    Args:
        cost, p, q: as in `transport_plan`.
        regularization: float, the last ε relative to the largest |cost|.
        tolerance: float, total error of the row sums relative to Σ p at which an ε is finished.
        max_iterations: int, maximal number of steps for each ε.

    Returns:
        The plan γ (n, m), float64, with row sums p and column sums q.

    Source: arXiv 1306.0895; the correction: arXiv 1705.09634.

    >>> sinkhorn([[0, 1], [1, 0]]).round(6)
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    cost, p, q = _checked(cost, p, q)
    check_number("regularization", regularization, above=0)
    scale = np.abs(cost).max()
    if not p.sum() or not scale:
        return np.outer(p, q) / (p.sum() or 1)
    with np.errstate(divide="ignore"):
        log_p, log_q = np.log(p), np.log(q)
    halvings = max(0, int(np.ceil(-np.log2(regularization))))
    f, g = np.zeros(len(p)), np.zeros(len(q))  # potentials
    for epsilon in scale * regularization * 2.0 ** np.arange(halvings, -1, -1):
        for _ in range(max_iterations):
            f = epsilon * (log_p - _logsumexp((g - cost) / epsilon, 1))
            g = epsilon * (log_q - _logsumexp((f[:, None] - cost) / epsilon, 0))
            plan = np.exp((f[:, None] + g - cost) / epsilon)
            if np.abs(plan.sum(1) - p).sum() <= tolerance * p.sum():
                break
    return _with_marginals(plan, p, q)


def transport_cost(cost, p=None, q=None, method="exact", **options):
    """Compute the cost Σ γ_ij c_ij of the cheapest transport plan γ.

    Args:
        cost, p, q: as in `transport_plan`.
        method: "exact" for `transport_plan`, or "sinkhorn" for an upper bound by `sinkhorn`.
        options: arguments of `sinkhorn`.

    Returns:
        float.

    >>> transport_cost([[0, 1], [1, 0]], [0.75, 0.25], [0.5, 0.5])
    0.25
    """
    solvers = {"exact": transport_plan, "sinkhorn": sinkhorn}
    plan = solvers[check_choice("method", method, solvers)](cost, p, q, **options)
    return float((plan * np.asarray(cost)).sum())


def _checked(cost, p, q):
    """Return the arguments as float64 arrays; q is scaled to exactly the sum of p."""
    cost = np.asarray(cost, "float64")
    if cost.ndim != 2 or not cost.size or not np.isfinite(cost).all():
        raise invalid(
            "`cost` must be finite numbers (n, m), n and m > 0; leave out empty texts.",
            shape=cost.shape,
        )
    p, q = _masses("p", p, cost.shape[0]), _masses("q", q, cost.shape[1])
    if not np.isclose(p.sum(), q.sum(), rtol=1e-6, atol=0):
        raise invalid(
            "`p` and `q` must have the same sum; divide each by its sum.", sums=(p.sum(), q.sum())
        )
    return cost, p, q * (p.sum() / q.sum()) if q.sum() else q


def _masses(name, masses, size):
    masses = np.full(size, 1 / size) if masses is None else np.asarray(masses, "float64")
    if masses.shape != (size,) or not np.isfinite(masses).all() or (masses < 0).any():
        raise invalid(
            f"`{name}` must be {size} finite numbers of at least 0, as `cost` has that size.",
            **{name: masses},
        )
    return masses


@functools.lru_cache(maxsize=1024)
def _marginals(n, m):
    """Return the sparse matrix that maps a flat plan to its n row sums and m - 1 column sums."""
    from scipy.sparse import csc_array

    i, j = np.divmod(np.arange(n * m), m)
    kept = j < m - 1
    rows = np.concatenate([i, n + j[kept]])
    columns = np.concatenate([np.arange(n * m), np.flatnonzero(kept)])
    return csc_array((np.ones(len(rows)), (rows, columns)), shape=(n + m - 1, n * m))


def _with_marginals(plan, p, q):
    """Scale the plan down to at most p and q, and add the missing mass."""
    plan = plan * np.minimum(1, _ratio(p, plan.sum(1)))[:, None]
    plan = plan * np.minimum(1, _ratio(q, plan.sum(0)))
    rows, columns = np.maximum(p - plan.sum(1), 0), np.maximum(q - plan.sum(0), 0)
    return plan + np.outer(rows, columns) / (rows.sum() or 1)


def _ratio(x, y):
    return np.divide(x, y, out=np.ones_like(x), where=y > 0)


def _logsumexp(x, axis):
    most = x.max(axis, keepdims=True)
    return np.log(np.exp(x - most).sum(axis)) + most.squeeze(axis)


def _scipy_linprog():
    try:
        from scipy.optimize import linprog
    except ImportError as error:
        raise ValueError(
            "exact transport needs scipy: pip install kerasx[analysis], or use sinkhorn"
        ) from error
    return linprog
