r"""Fits with classes in order: the inequalities that hold with equality become constraints.

At the maximum under :math:`G \theta \ge 0` the score is a combination of the active rows of G with
weights that are not positive (Karush, Kuhn and Tucker).  A search with bounded steps finds the active
rows; the model is fitted with these as equations, as usual, which has the same maximum.  A bounded
search from there finds out whether it is one.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.estimation.fit import Fit
from statsmodels_gllamm.estimation.inequalities import active
from statsmodels_gllamm.estimation.optimize import maximize
from statsmodels_gllamm.estimation.record import FitRecord
from statsmodels_gllamm.latent.constrained import constrained
from statsmodels_gllamm.parameters.constraints import Constraints, solve

ROUNDS = 10  # of fits with other active inequalities


@dataclass(frozen=True, slots=True)
class OrderedFit:
    """``found`` with the design ``within``, in which the inequalities ``notes`` are equations."""

    found: Fit
    within: object
    notes: tuple[str, ...]


def fit_in_order(design, constraints: Constraints | None, start: np.ndarray, n_quad, maxiter: int,
                 tol: float, make_objective: Callable, fit: Callable) -> OrderedFit:
    """The maximum with classes in order.

    Parameters
    ----------
    design : LatentDesign
        Of all parameters.
    constraints : Constraints or None
        Of the user.
    start : ndarray (f,)
        In the coordinates of the design under these constraints.
    n_quad : tuple of int
        Points of the first search.
    maxiter : int
    tol : float
    make_objective : callable
        (points, design) -> objective.
    fit : callable
        (design, start) -> Fit.
    """
    outer = design if constraints is None else constrained(design, constraints)
    order, before = design.order, None
    for _ in range(ROUNDS):
        end = maximize(make_objective(n_quad, outer), start, tol=tol, maxiter=maxiter)
        full = outer.full(end.point.working)
        now = active(order, full)
        if before is not None and (now == before[0]).all() and (
                end.point.loglik - before[1].found.point.loglik < 100 * tol):
            break
        within = outer if not now.any() else constrained(design, _equations(
            order, now, constraints, design.layout.names))
        natural = outer.to_natural(end.point.working)
        found = fit(within, within.to_working(natural))
        before = now, OrderedFit(found, within, tuple(
            text for text, one in zip(order.texts, now) if one))
        start, n_quad = outer.to_working(within.to_natural(found.point.working)), \
            found.certificate.n_quad
    return before[1]


def _equations(order, now, constraints, names) -> Constraints:
    """The user's constraints, and the active inequalities."""
    r, q = order.matrix[now], -order.shift[now]
    if constraints is not None:
        r, q = np.vstack([constraints.r, r]), np.concatenate([constraints.q, q])
    return solve(r, q, names)


def with_notes(record: FitRecord, notes) -> FitRecord:
    """The record with what holds with equality among what is at the boundary."""
    if not notes:
        return record
    return replace(record, boundary_notes=(*record.boundary_notes, *notes))
