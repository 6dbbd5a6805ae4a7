"""The certificate: how far a fit is from the fit of the integral itself.

At the maximum of one rule the log-likelihood and its gradient are evaluated with a finer one.  The
difference in log-likelihood is the quadrature error there; inv(information) times the difference
in gradient is, to first order, how far the estimates would move under the finer rule, reported in
standard errors.
"""
from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np

from statsmodels_gllamm.integration.mode import ModeError

LADDER = (1, 3, 5, 7, 9, 11, 15, 21, 31, 45, 63, 91, 127)
NODE_BUDGET = 2**15  # node combinations per bottom unit
CLIMB = 4096, 5e6  # nodes, and rows x nodes, to which "auto" raises the points
COMPARE = NODE_BUDGET, 1e8  # the same for a single comparison with a finer rule
FREE = 200  # nodes that any number of rows may have


@dataclass(frozen=True, slots=True)
class Certificate:
    """Quadrature error of a fit.

    Attributes
    ----------
    exact : bool
        The rule has no error (Gaussian responses with identity link, or no latent variables).
    n_quad : tuple of int
        Points per dimension of the fit, by level from the bottom.
    n_finer : tuple of int
        Points per dimension of the finer rule.
    error_loglik : float
        Finer minus fitted log-likelihood.
    error_se : float
        Largest expected move of an estimate, in standard errors.
    tol : float
        What both were asked to be under.
    text : str
        How it was found, in words.
    ended : bool
        "auto" went no further, or no finer rule is within the budget.
    """

    exact: bool
    n_quad: tuple[int, ...]
    n_finer: tuple[int, ...] = ()
    error_loglik: float = 0.0
    error_se: float = 0.0
    tol: float = 0.01
    text: str = ""
    ended: bool = False

    @property
    def passed(self) -> bool:
        """Whether both errors are under ``tol``."""
        return self.exact or (abs(self.error_loglik) <= self.tol and self.error_se <= self.tol)

    def __str__(self) -> str:
        if self.exact:
            return "exact"
        return f"loglik {self.error_loglik:+.2g}, estimates {self.error_se:.2g} SE"


def kinds_of(q) -> tuple[tuple[int, ...], ...]:
    """Latent variables per level, of one kind of unit or of several, as those of several."""
    return tuple(q) if q and isinstance(q[0], tuple) else (tuple(q),)


def count_nodes(n_quad, q) -> int:
    """Node combinations per bottom unit.

    ``q``: latent variables per level that have several points; or those of every kind of unit
    (integration/reach.py), of which the largest number counts.
    """
    return max(math.prod(n**k for n, k in zip(n_quad, kind)) for kind in kinds_of(q))


def budget_error(n_quad, q, names) -> str | None:
    """Message for points beyond the node budget, naming the level to lower, or None."""
    nodes = count_nodes(n_quad, q)
    if nodes <= NODE_BUDGET:
        return None
    q = max(kinds_of(q), key=lambda kind: count_nodes(n_quad, kind))
    worst = int(np.argmax([n**k for n, k in zip(n_quad, q)]))
    return (f"n_quad asks for {nodes:,} quadrature nodes per unit, more than the budget of "
            f"{NODE_BUDGET:,}; lower n_quad for {names[worst]!r}, which has {n_quad[worst]} points "
            f"in each of {q[worst]} dimension(s)")


def finer(n_quad, q, n_rows: int = 0, budget=None) -> tuple[int, ...] | None:
    """The next points per dimension, or None beyond the budget for so many rows."""
    nodes, elements = budget or CLIMB
    step = tuple(next((m for m in LADDER if m > n), 0) for n in n_quad)
    limit = min(nodes, max(FREE, elements / max(n_rows, 1)))
    return step if all(step) and count_nodes(step, q) <= limit else None


def coarser(n_quad) -> tuple[int, ...]:
    """The previous points per dimension, one at least."""
    return tuple(max((m for m in LADDER if m < n), default=1) for n in n_quad)


def first_n_quad(q) -> tuple[int, ...]:
    """Points per dimension to begin with: 9 in one dimension, else 7, fewer where the product would
    be large."""
    n_levels = len(kinds_of(q)[0])
    n = 9 if max(map(sum, kinds_of(q))) == 1 else 7
    while n > 3 and count_nodes((n,) * n_levels, q) > 1500:
        n -= 2
    return (n,) * n_levels


def quadrature_error(objective, n_other, point, information) -> tuple[float, float]:
    """(the other rule's minus the fitted log-likelihood, largest move of an estimate under it in
    standard errors); the second is NaN where there are no standard errors."""
    other = objective.with_points(n_other).at(point.working, point.value.state)
    move = information.inverse @ (other.gradient - point.gradient)[information.free]
    variance = np.diag(information.inverse)
    if not (variance > 0).all():
        return other.loglik - point.loglik, np.nan
    return other.loglik - point.loglik, float(np.abs(move / np.sqrt(variance)).max(initial=0.0))


def certify(objective, point, information, n_quad, q, tol: float) -> Certificate:
    """Certificate of a maximum; a rule of fewer than five points is compared with seven or more.

    Where no finer rule is within the budget the next coarser one is compared: its error is larger
    than that of the fit.
    """
    n_rows = objective.problem.n_computed
    n_other = finer(tuple(max(n, 5) for n in n_quad), q, n_rows, COMPARE)
    ended = n_other is None
    text = "log-likelihood and score at the estimates, with the finer rule"
    if ended:
        n_other = coarser(n_quad)
        text = "log-likelihood and score at the estimates, with a coarser rule: no finer one fits"
    try:
        errors = quadrature_error(objective, n_other, point, information)
    except ModeError as error:
        return Certificate(False, tuple(n_quad), n_other, np.nan, np.nan, tol, str(error), ended)
    if ended:
        errors = -errors[0], errors[1]
    return Certificate(False, tuple(n_quad), n_other, *errors, tol, text, ended)
