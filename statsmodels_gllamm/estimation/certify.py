"""The certificate: how far a fit is from the fit of the integral itself.

At the maximum of one rule the log-likelihood and its gradient are evaluated with a finer one.  The
difference in log-likelihood is the quadrature error there; inv(information) times the difference
in gradient is, to first order, how far the estimates would move under the finer rule, reported in
standard errors.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration.rules import product_rule

LADDER = (1, 3, 5, 7, 9, 11, 15, 21, 31, 45, 63, 91, 127)
NODE_BUDGET = 2**15  # node combinations per bottom unit


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
    """

    exact: bool
    n_quad: tuple[int, ...]
    n_finer: tuple[int, ...] = ()
    error_loglik: float = 0.0
    error_se: float = 0.0
    tol: float = 0.01
    text: str = ""

    @property
    def passed(self) -> bool:
        """Whether both errors are under ``tol``."""
        return self.exact or (abs(self.error_loglik) <= self.tol and self.error_se <= self.tol)

    def __str__(self) -> str:
        if self.exact:
            return "exact"
        return f"loglik {self.error_loglik:+.2g}, estimates {self.error_se:.2g} SE"


def count_nodes(n_quad, q) -> int:
    """Node combinations per bottom unit."""
    total = 1
    for n, k in zip(n_quad, q):
        total *= n**k
    return total


def budget_error(n_quad, q, names) -> str | None:
    """Message for points beyond the node budget, naming the level to lower, or None."""
    nodes = count_nodes(n_quad, q)
    if nodes <= NODE_BUDGET:
        return None
    worst = int(np.argmax([n**k for n, k in zip(n_quad, q)]))
    return (f"n_quad asks for {nodes:,} quadrature nodes per unit, more than the budget of "
            f"{NODE_BUDGET:,}; lower n_quad for {names[worst]!r}, which has {n_quad[worst]} points "
            f"in each of {q[worst]} dimension(s)")


def rules_of(n_quad, q):
    """Rules of every level."""
    return tuple(product_rule(n, k) for n, k in zip(n_quad, q))


def finer(n_quad, q) -> tuple[int, ...] | None:
    """The next points per dimension, or None beyond the budget."""
    step = tuple(next((m for m in LADDER if m > n), 0) for n in n_quad)
    return step if all(step) and count_nodes(step, q) <= NODE_BUDGET else None


def first_n_quad(q) -> tuple[int, ...]:
    """Points per dimension to begin with: 9 in one dimension, else 7, fewer where the product would
    be large."""
    n = 9 if sum(q) == 1 else 7
    while n > 3 and count_nodes((n,) * len(q), q) > 1500:
        n -= 2
    return (n,) * len(q)


def quadrature_error(objective, n_finer, point, information) -> tuple[float, float]:
    """(finer minus fitted log-likelihood, largest move of an estimate in standard errors)."""
    finer_point = objective.with_rules(rules_of(n_finer, objective.task.q)).at(
        point.working, point.value.state)
    free = information.free
    move = information.inverse @ (finer_point.gradient - point.gradient)[free]
    se = np.sqrt(np.maximum(np.diag(information.inverse), 1e-300))
    return finer_point.loglik - point.loglik, float(np.abs(move / se).max(initial=0.0))


def certify(objective, point, information, n_quad, q, tol: float) -> Certificate:
    """Certificate of a maximum; a rule of fewer than five points is compared with seven or more."""
    n_finer = finer(tuple(max(n, 5) for n in n_quad), q)
    if n_finer is None:
        return Certificate(False, n_quad, (), np.nan, np.nan, tol,
                           "no finer rule fits the node budget")
    errors = quadrature_error(objective, n_finer, point, information)
    return Certificate(False, n_quad, n_finer, *errors, tol,
                       "log-likelihood and score at the estimates, with the finer rule")
