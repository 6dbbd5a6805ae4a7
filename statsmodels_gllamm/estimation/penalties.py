r"""Penalties on coefficients: a log prior that is added to the log-likelihood.

.. math::
    \text{ridge} \quad & -\tfrac12 \sum_j \alpha_j (\beta_j - m_j)^2 \\
    \text{Student} \quad & -\sum_j \alpha_j \tfrac{\nu + 1}{2} \log\{1 + t_j^2 / \nu\},
    \quad t_j = (\beta_j - m_j) / s_j \\
    \text{joint} \quad & -\alpha \tfrac{\nu + p}{2} \log\{1 + \textstyle\sum_j t_j^2 / \nu\}

without their constants: alpha is the precision of a normal prior, or the weight of a t prior (one:
the prior itself; Gelman et al., 2008, Annals of Applied Statistics 2, 1360-1383).  A
`PenalizedObjective` has the interface of an `Objective`, so that search, line search and certificate
see the penalised function with its gradient and curvature.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from statsmodels_gllamm.estimation.objective import OfObjective, Point

BEND = 1e-4  # step of the differences that give second derivatives of natural parameters


@dataclass(frozen=True)
class Prior:
    """A penalty that is a function of single natural parameters.

    Attributes
    ----------
    at : ndarray (p,)
        Their positions.
    alpha, center, scale : ndarray (p,)
        Weight, place and width; the scale of a ridge is one.
    df : float
        Infinite for a ridge.
    joint : bool
        A multivariate t, whose weight is the first alpha.
    """

    at: np.ndarray
    alpha: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    df: float = np.inf
    joint: bool = False
    informative = True  # counts in the information that gives standard errors

    def _scaled(self, theta):
        return (theta[self.at] - self.center) / self.scale

    def value(self, theta: np.ndarray) -> float:
        """What is added to the log-likelihood at natural parameters (k,)."""
        t = self._scaled(theta)
        if np.isinf(self.df):
            return float(-0.5 * self.alpha @ t**2)
        if self.joint:
            size = len(t) + self.df
            return float(-0.5 * size * self.alpha[0] * np.log1p(t @ t / self.df))
        return float(-0.5 * (self.df + 1) * self.alpha @ np.log1p(t**2 / self.df))

    def _weights(self, t):
        """Of t in minus the derivative (p,)."""
        if np.isinf(self.df):
            return self.alpha
        if self.joint:
            return np.full(len(t), self.alpha[0] * (self.df + len(t)) / (self.df + t @ t))
        return self.alpha * (self.df + 1) / (self.df + t**2)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Derivative (k,)."""
        t, out = self._scaled(theta), np.zeros(len(theta))
        out[self.at] = -self._weights(t) * t / self.scale
        return out

    def curvature(self, theta: np.ndarray) -> np.ndarray:
        """Minus the second derivative (k, k)."""
        t, out = self._scaled(theta), np.zeros((len(theta),) * 2)
        weight = self._weights(t)
        own = np.diag(weight)
        if self.joint:
            own = own - 2 * weight[0] * np.outer(t, t) / (self.df + t @ t)
        elif np.isfinite(self.df):
            own = np.diag(weight * (self.df - t**2) / (self.df + t**2))
        out[np.ix_(self.at, self.at)] = own / np.outer(self.scale, self.scale)
        return out

    def bound(self, theta: np.ndarray) -> np.ndarray:
        """A curvature (k, k) that is never negative: that of the quadratic function below which the
        penalty stays."""
        out = np.zeros((len(theta),) * 2)
        out[self.at, self.at] = self._weights(self._scaled(theta)) / self.scale**2
        return out

    def on(self, objective, inner: Point) -> Penalty:
        """The penalty at a point."""
        design, working = inner.design, inner.working
        theta, jacobian = design.to_natural(working), design.natural_jacobian(working)
        slope = self.gradient(theta)
        bend = _bend(design, working, slope) if design.inner.centring is not None else 0.0
        return Penalty(self.value(theta), lambda: jacobian.T @ slope,
                       jacobian.T @ self.curvature(theta) @ jacobian - bend,
                       jacobian.T @ self.bound(theta) @ jacobian)


def _bend(design, working, slope):
    """sum_j slope_j d2 theta_j / d working2 (k, k)."""
    k = len(working)
    matrix = np.array([(design.natural_jacobian(working + BEND * e)
                        - design.natural_jacobian(working - BEND * e)).T @ slope / (2 * BEND)
                       for e in np.eye(k)])
    return 0.5 * (matrix + matrix.T)


@dataclass(frozen=True, slots=True)
class Penalty:
    """A penalty at a point, in the coordinates of the search.

    ``value``; ``gradient`` () -> (k,), which may cost much; ``curvature`` (k, k) minus its second
    derivative, and ``bound`` (k, k) one that is not negative.
    """

    value: float
    gradient: object
    curvature: np.ndarray
    bound: np.ndarray


@dataclass(frozen=True)
class PenalizedPoint(Point):
    """An evaluated point of a `PenalizedObjective`; ``inner`` is that of the log-likelihood."""

    inner: Point
    penalty: Penalty

    @property
    def loglik(self) -> float:
        """Penalised log-likelihood."""
        return self.inner.loglik + self.penalty.value

    @cached_property
    def gradient(self) -> np.ndarray:
        """Gradient (k,) of the penalised log-likelihood."""
        return self.inner.gradient + self.penalty.gradient()

    @property
    def unit_scores(self) -> np.ndarray | None:
        """Scores of the units (n_top, k), without penalty."""
        return self.inner.unit_scores

    @property
    def scores_to_keep(self) -> np.ndarray | None:
        """The same for results."""
        return self.inner.scores_to_keep

    @cached_property
    def opg(self) -> np.ndarray:
        """Outer product of the units' scores and the penalty's curvature (k, k)."""
        return self.inner.opg + self.penalty.bound

    @cached_property
    def louis(self) -> np.ndarray:
        """Observed information (k, k) with the penalty's."""
        return self.inner.louis + self.penalty.curvature

    @cached_property
    def expected(self) -> np.ndarray:
        """Expected information (k, k) with the penalty's."""
        return self.inner.expected + self.penalty.bound


@dataclass(frozen=True)
class PenalizedObjective(OfObjective):
    """A log-likelihood (`Objective` or `MixtureObjective`) with a penalty (`Prior` or `Firth`)."""

    objective: object
    prior: object

    def at(self, working: np.ndarray, state=None, **wanted) -> PenalizedPoint:
        """Evaluate at working coordinates (k,), with what ``Objective.at`` is asked for."""
        inner = self.objective.at(working, state, **wanted)
        return PenalizedPoint(inner.design, inner.problem, inner.working, inner.value, inner,
                              self.prior.on(self.objective, inner))

    def all_weights(self, working: np.ndarray) -> list[np.ndarray]:
        """Posterior probabilities of a mixture's components, by level."""
        return self.objective.all_weights(working)

    def with_points(self, n_quad) -> PenalizedObjective:
        """The same with other points per dimension by level."""
        return replace(self, objective=self.objective.with_points(n_quad))


def penalized(objective, prior):
    """The objective with a penalty; itself without (None)."""
    return objective if prior is None else PenalizedObjective(objective, prior)


def of_information(objective, point: Point):
    """(objective, point) whose information gives standard errors: without Firth's penalty, as is
    the custom, and with that of a prior."""
    if not isinstance(objective, PenalizedObjective) or objective.prior.informative:
        return objective, point
    return objective.objective, point.inner


@dataclass(frozen=True, slots=True)
class PenaltyRecord:
    """What results keep of a penalty: ``text`` in words, ``method``, and its ``value`` at the
    estimates, negative where it lowers the log-likelihood."""

    method: str
    text: str
    value: float
