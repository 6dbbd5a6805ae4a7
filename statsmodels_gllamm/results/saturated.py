r"""The saturated model of Gaussian items, by maximum likelihood with missing items.

Person i has y_i ~ N(A'z_i, Omega), z_i = (1, covariates), of which the items in the set o are
observed.  With r = y_o - A_o'z, K = Omega_oo^-1 filled up with zeros and v = K r,

.. math::
   \ell = \sum_i -\tfrac12 \{ p_i \log 2\pi + \log|\Omega_{oo}| + r' v \}, \qquad
   \frac{d\ell}{dA} = \sum_i z_i v_i', \qquad
   \frac{d\ell}{d\Omega} = \tfrac12 \sum_i (v_i v_i' - K_i) .

EM completes the items, E(y_i | o) = A'z_i + Omega v_i with covariance Omega - Omega K Omega
(Little and Rubin, 2002, Statistical Analysis with Missing Data, ch. 11); its steps are extrapolated
(Varadhan and Roland, 2008, Scand. J. Stat. 35, 335-353), as long as the log-likelihood rises.
"""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

TOLERANCE = 1e-10  # largest change of an EM step, in standard deviations
MAXITER = 5000
FLAT = 1e-5  # largest derivative at a maximum, in standard deviations and per person
BLOCK = 2000  # patterns whose matrices are in memory at a time


@dataclass(frozen=True, eq=False)
class Persons:
    """Persons by items.

    Attributes
    ----------
    y : ndarray (n, p)
        Responses; NaN where missing.
    z : ndarray (n, 1 + K)
        The constant and the covariates.
    weight : ndarray (n,)
        Frequency weights.
    """

    y: np.ndarray
    z: np.ndarray
    weight: np.ndarray
    seen: np.ndarray = field(init=False)
    order: list = field(init=False)
    patterns: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        seen = np.isfinite(self.y)
        patterns, code = np.unique(seen, axis=0, return_inverse=True)
        by_pattern = np.argsort(code.ravel(), kind="stable")
        ends = np.cumsum(np.bincount(code.ravel(), minlength=len(patterns)))
        object.__setattr__(self, "seen", seen)
        object.__setattr__(self, "patterns", patterns)
        object.__setattr__(self, "order", np.split(by_pattern, ends[:-1]))

    @property
    def total(self) -> float:
        """Number of persons, with their weights."""
        return float(self.weight.sum())

    @property
    def complete(self) -> bool:
        """No item is missing."""
        return bool(self.seen.all())


@dataclass(frozen=True, slots=True, eq=False)
class Saturated:
    """Estimates of A (1 + K, p) and Omega (p, p), and their log-likelihood."""

    a: np.ndarray
    omega: np.ndarray
    loglik: float
    iterations: int
    converged: bool


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A (1 + K, p) and Omega (p, p) with what a pass over the persons gives: v (n, p), the sum of
    w K (p, p), and the log-likelihood, minus infinity where Omega is not positive definite."""

    a: np.ndarray
    omega: np.ndarray
    v: np.ndarray
    k: np.ndarray
    loglik: float


def evaluate(persons: Persons, a, omega) -> Point:
    """Log-likelihood and its ingredients at A and Omega."""
    r = np.where(persons.seen, persons.y, 0.0) - np.where(persons.seen, persons.z @ a, 0.0)
    v, k, loglik = np.zeros_like(r), np.zeros_like(omega), 0.0
    for start in range(0, len(persons.patterns), BLOCK):
        seen = persons.patterns[start:start + BLOCK]
        both = seen[:, :, None] & seen[:, None, :]
        matrix = np.where(both, omega, 0.0) + (~seen)[:, :, None] * np.eye(len(omega))
        try:
            root = np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            return Point(a, omega, v, k, -np.inf)
        logdet = 2 * np.log(np.einsum("gii->gi", root)).sum(axis=1)
        inverse = np.where(both, np.linalg.inv(matrix), 0.0)
        for own, one, log, number in zip(
                persons.order[start:start + BLOCK], inverse, logdet, seen.sum(axis=1)):
            total = persons.weight[own].sum()
            v[own] = r[own] @ one
            k += total * one
            loglik -= 0.5 * total * (number * np.log(2 * np.pi) + log)
    return Point(a, omega, v, k, loglik - 0.5 * float(persons.weight @ (r * v).sum(axis=1)))


def gradient(persons: Persons, at: Point) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the log-likelihood in A (1 + K, p) and in Omega (p, p), as of a matrix whose
    elements are all free."""
    weighted = at.v * persons.weight[:, None]
    return persons.z.T @ weighted, 0.5 * (weighted.T @ at.v - at.k)


def em_step(persons: Persons, at: Point) -> Point:
    """The next point."""
    z, weight = persons.z, persons.weight[:, None]
    filled = np.where(persons.seen, persons.y, z @ at.a + at.v @ at.omega)
    a = np.linalg.solve(z.T @ (z * weight), z.T @ (filled * weight))
    rest = filled - z @ a
    missing = persons.total * at.omega - at.omega @ at.k @ at.omega  # zero between complete items
    omega = ((rest * weight).T @ rest + missing) / persons.total
    return evaluate(persons, a, (omega + omega.T) / 2)


def saturated(persons: Persons, tol: float = TOLERANCE, maxiter: int = MAXITER) -> Saturated:
    """Maximum likelihood estimates of the saturated model.

    Parameters
    ----------
    persons : Persons
    tol : float
        Largest change of an EM step, in standard deviations, at which it stops.
    maxiter : int

    Returns
    -------
    Saturated
        Not converged where the log-likelihood has no maximum, because Omega becomes singular.
    """
    at = evaluate(persons, *independent(persons, persons.z))
    for iteration in range(1, maxiter + 1):
        once = em_step(persons, at)
        if persons.complete:
            return Saturated(once.a, once.omega, once.loglik, 1, bool(np.isfinite(once.loglik)))
        twice = em_step(persons, once)
        if _change(once, twice) < tol:
            flat = np.isfinite(twice.loglik) and _slope(persons, twice) < FLAT
            return Saturated(twice.a, twice.omega, twice.loglik, iteration, bool(flat))
        at = _extrapolated(persons, at, once, twice)
    return Saturated(at.a, at.omega, at.loglik, maxiter, False)


def _extrapolated(persons, start: Point, once: Point, twice: Point) -> Point:
    """A point beyond two EM steps, or their end where the log-likelihood is not higher there."""
    r, second = _difference(start, once, twice), _difference(once, twice, twice)
    v = [two - one for one, two in zip(r, second)]
    size = np.sqrt(sum((x**2).sum() for x in v))
    if size == 0:
        return twice
    alpha = np.sqrt(sum((x**2).sum() for x in r)) / size
    if alpha <= 1:
        return twice
    sd = np.sqrt(np.diag(twice.omega))
    in_a, in_omega = (2 * alpha * one + alpha**2 * two for one, two in zip(r, v))
    a, omega = start.a + in_a * sd, start.omega + in_omega * np.outer(sd, sd)
    if np.linalg.eigvalsh(omega)[0] <= 0:
        return twice
    beyond = evaluate(persons, a, omega)
    return beyond if beyond.loglik > twice.loglik else twice


def _difference(old: Point, new: Point, scale: Point) -> list[np.ndarray]:
    """Changes of A and Omega in standard deviations."""
    sd = np.sqrt(np.diag(scale.omega))
    return [(new.a - old.a) / sd, (new.omega - old.omega) / np.outer(sd, sd)]


def _change(old: Point, new: Point) -> float:
    return max(np.abs(x).max() for x in _difference(old, new, new))


def _slope(persons, at: Point) -> float:
    """Largest derivative of the log-likelihood, in standard deviations and per person."""
    sd = np.sqrt(np.diag(at.omega))
    in_a, in_omega = gradient(persons, at)
    return max(np.abs(in_a * sd).max(), np.abs(in_omega * np.outer(sd, sd)).max()) / persons.total


def independent(persons: Persons, z) -> tuple[np.ndarray, np.ndarray]:
    """Maximum likelihood estimates (len of z's columns, p) and (p, p) where items are independent:
    the regression on z (n, .) of every item alone."""
    p = persons.y.shape[1]
    a, omega = np.empty((z.shape[1], p)), np.zeros((p, p))
    for j, own in enumerate(persons.seen.T):
        x, y, weight = z[own], persons.y[own, j], persons.weight[own]
        a[:, j] = np.linalg.solve(x.T @ (x * weight[:, None]), x.T @ (weight * y))
        omega[j, j] = weight @ (y - x @ a[:, j]) ** 2 / weight.sum()
    return a, omega
