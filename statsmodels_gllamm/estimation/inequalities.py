r"""Steps and maxima under linear inequalities, :math:`G \theta + h \ge 0`.

The step from a feasible point is the maximum of the quadratic model,

.. math:: \max_s\; g's - \tfrac12 s'Bs \quad\text{subject to}\quad G s \ge -(G \theta + h) .

With B = R'R and z = R s - R^{-T} g that is the point nearest to zero with E z >= f, which is found by
non-negative least squares (Lawson and Hanson, 1974, Solving least squares problems, ch. 23).  Feasible
points are convex, so that shorter steps are feasible too.
"""
from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

ACTIVE = 1e-7  # slack at which an inequality holds with equality


def nearest_to_zero(e: np.ndarray, f: np.ndarray) -> np.ndarray:
    """The shortest z (k,) with E z >= f, for inequalities that have a solution."""
    if (f <= 0).all():
        return np.zeros(e.shape[1])
    size = np.maximum(np.sqrt((e**2).sum(axis=1)), 1e-300)
    stacked = np.vstack([(e / size[:, None]).T, f / size])
    target = np.zeros(len(stacked))
    target[-1] = 1.0
    weight, _ = nnls(stacked, target, maxiter=30 * len(f) + 100)
    rest = stacked @ weight - target
    return -rest[:-1] / rest[-1]


def bounded_step(b: np.ndarray, g: np.ndarray, order, working: np.ndarray, free) -> np.ndarray:
    """The best step (k,) of the quadratic model; positions that are not ``free`` stay.

    Parameters
    ----------
    b : ndarray (k, k)
        Positive definite.
    g : ndarray (k,)
    order : Order
    working : ndarray (k,)
        Feasible.
    free : ndarray of int
    """
    root = np.linalg.cholesky(b[np.ix_(free, free)]).T
    target = solve_triangular(root, g[free], trans="T")
    e = solve_triangular(root, order.matrix[:, free].T, trans="T").T
    z = nearest_to_zero(e, -np.maximum(order.slack(working), 0.0) - e @ target)
    step = np.zeros(len(working))
    step[free] = solve_triangular(root, z + target)
    return step


def made_feasible(order, working: np.ndarray) -> np.ndarray:
    """The nearest feasible point."""
    slack = order.slack(working)
    if (slack >= 0).all():
        return working
    return working + nearest_to_zero(order.matrix, -slack)


def active(order, working: np.ndarray) -> np.ndarray:
    """Which inequalities (m,) hold with equality."""
    return order.slack(working) < ACTIVE * (1 + np.abs(working).max())
