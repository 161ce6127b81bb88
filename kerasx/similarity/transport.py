"""Optimal transport between two small distributions: exact, and regularised for long texts."""

import functools

import numpy as np

__all__ = ["sinkhorn", "transport_cost", "transport_plan"]

_TOLERANCE = 1e-10  # of the simplex method; its default, 1e-7, shows in the distances


def transport_plan(cost, p=None, q=None):
    """argmin_γ Σ γ_ij c_ij over γ ≥ 0 with row sums p and column sums q: a linear program.

    Solved by HiGHS's simplex method. One of the n + m equations follows from the others and is
    left out.

    Args:
        cost: (n, m).
        p: (n,), what lies at the rows, 0 or more; 1 / n each by default.
        q: (m,), what the columns take; 1 / m each by default. Both must have the same sum.

    Returns:
        The plan γ (n, m), float64.

    Raises:
        ValueError: no rows or columns, numbers that are not finite, masses below 0 or of unequal
            sums; or scipy is not installed.

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
        raise ValueError(f"The transport problem could not be solved: {result.message}")
    return np.maximum(result.x, 0).reshape(cost.shape) * total


def sinkhorn(cost, p=None, q=None, regularization=0.01, tolerance=1e-6, max_iterations=2000):
    """A plan close to the best: argmin_γ Σ γ_ij c_ij - ε H(γ), by alternate scaling of logarithms.

    A step is a few operations on an (n, m) array, where the linear program takes longer than
    quadratic time. ε goes down in halves, so that a small one is reached soon. What rows and
    columns still lack is made up for at the end, so that the plan is one of `transport_plan`'s
    candidates and its cost never below the optimum.

    Args:
        cost, p, q: as in `transport_plan`.
        regularization: the last ε, as a fraction of the largest |cost|.
        tolerance: how far, in all, the row sums may be from p when the steps end.
        max_iterations: how many steps there are at most for one ε.

    Returns:
        The plan γ (n, m), float64, with row sums p and column sums q.

    Source: arXiv 1306.0895; the last correction, arXiv 1705.09634.

    >>> sinkhorn([[0, 1], [1, 0]]).round(6)
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    cost, p, q = _checked(cost, p, q)
    if regularization <= 0:
        raise ValueError(
            f"`regularization` must be above 0. Received: regularization={regularization}"
        )
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
    """Σ γ_ij c_ij of the plan.

    Args:
        cost, p, q: as in `transport_plan`.
        method: "exact", or "sinkhorn", whose options may follow.

    >>> transport_cost([[0, 1], [1, 0]], [0.75, 0.25], [0.5, 0.5])
    0.25
    """
    solvers = {"exact": transport_plan, "sinkhorn": sinkhorn}
    if method not in solvers:
        raise ValueError(f"`method` must be one of {list(solvers)}. Received: method={method!r}")
    plan = solvers[method](cost, p, q, **options)
    return float((plan * np.asarray(cost)).sum())


def _checked(cost, p, q):
    """The arguments as float64 arrays, q with exactly the sum of p."""
    cost = np.asarray(cost, "float64")
    if cost.ndim != 2 or not cost.size or not np.isfinite(cost).all():
        raise ValueError(
            "`cost` must be finite numbers (n, m), at least one; leave out empty texts. "
            f"Received: cost of shape {cost.shape}"
        )
    p, q = _masses("p", p, cost.shape[0]), _masses("q", q, cost.shape[1])
    if not np.isclose(p.sum(), q.sum(), rtol=1e-6, atol=0):
        raise ValueError(
            "`p` and `q` must have the same sum; divide each by its own. "
            f"Received: sums {p.sum()} and {q.sum()}"
        )
    return cost, p, q * (p.sum() / q.sum()) if q.sum() else q


def _masses(name, masses, size):
    masses = np.full(size, 1 / size) if masses is None else np.asarray(masses, "float64")
    if masses.shape != (size,) or not np.isfinite(masses).all() or (masses < 0).any():
        raise ValueError(
            f"`{name}` must be {size} finite numbers of at least 0, as `cost` says. "
            f"Received: {name} of shape {masses.shape}, {masses}"
        )
    return masses


@functools.lru_cache(maxsize=1024)
def _marginals(n, m):
    """The equations as a sparse matrix: n row sums, m - 1 column sums of a plan read row by row."""
    from scipy.sparse import csc_array

    i, j = np.divmod(np.arange(n * m), m)
    kept = j < m - 1
    rows = np.concatenate([i, n + j[kept]])
    columns = np.concatenate([np.arange(n * m), np.flatnonzero(kept)])
    return csc_array((np.ones(len(rows)), (rows, columns)), shape=(n + m - 1, n * m))


def _with_marginals(plan, p, q):
    """The plan cut to at most p and q, and what is missing added."""
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
