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
class Pass:
    """What one pass over the persons gives: v (n, p), sum of w K (p, p), log-likelihood."""

    v: np.ndarray
    k: np.ndarray
    loglik: float


def evaluate(persons: Persons, a, omega) -> Pass:
    """Log-likelihood and its ingredients at A and Omega; minus infinity if Omega is not positive
    definite."""
    r = np.where(persons.seen, persons.y, 0.0) - np.where(persons.seen, persons.z @ a, 0.0)
    v, k, loglik = np.zeros_like(r), np.zeros_like(omega), 0.0
    for start in range(0, len(persons.patterns), BLOCK):
        seen = persons.patterns[start:start + BLOCK]
        both = seen[:, :, None] & seen[:, None, :]
        matrix = np.where(both, omega, 0.0) + (~seen)[:, :, None] * np.eye(len(omega))
        try:
            root = np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            return Pass(v, k, -np.inf)
        logdet = 2 * np.log(np.einsum("gii->gi", root)).sum(axis=1)
        inverse = np.where(both, np.linalg.inv(matrix), 0.0)
        for own, one, log, number in zip(
                persons.order[start:start + BLOCK], inverse, logdet, seen.sum(axis=1)):
            total = persons.weight[own].sum()
            v[own] = r[own] @ one
            k += total * one
            loglik -= 0.5 * total * (number * np.log(2 * np.pi) + log)
    return Pass(v, k, loglik - 0.5 * float(persons.weight @ (r * v).sum(axis=1)))


def gradient(persons: Persons, a, omega) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the log-likelihood in A (1 + K, p) and in Omega (p, p), as of a matrix whose
    elements are all free."""
    found = evaluate(persons, a, omega)
    weighted = found.v * persons.weight[:, None]
    return persons.z.T @ weighted, 0.5 * (weighted.T @ found.v - found.k)


def em_step(persons: Persons, a, omega):
    """The next A and Omega, and the log-likelihood at the present ones."""
    found = evaluate(persons, a, omega)
    z, weight = persons.z, persons.weight[:, None]
    filled = np.where(persons.seen, persons.y, z @ a + found.v @ omega)
    a = np.linalg.solve(z.T @ (z * weight), z.T @ (filled * weight))
    rest = filled - z @ a
    spread = persons.total * omega - omega @ found.k @ omega  # zero between what all have answered
    omega = ((rest * weight).T @ rest + spread) / persons.total
    return a, (omega + omega.T) / 2, found.loglik


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
    """
    a, omega = independent(persons, persons.z)
    for iteration in range(1, maxiter + 1):
        once = em_step(persons, a, omega)[:2]
        if persons.complete:
            return Saturated(*once, evaluate(persons, *once).loglik, 1, True)
        twice = em_step(persons, *once)[:2]
        if _change(once, twice) < tol:
            return Saturated(*twice, evaluate(persons, *twice).loglik, iteration,
                             _slope(persons, *twice) < FLAT)
        a, omega = _extrapolated(persons, (a, omega), once, twice)
    return Saturated(a, omega, evaluate(persons, a, omega).loglik, maxiter, False)


def _extrapolated(persons, start, once, twice):
    """A point beyond two EM steps, or their end where the log-likelihood is not higher there."""
    scale = np.sqrt(np.diag(twice[1]))
    r, second = ([_scaled(b - a, scale, part) for part, (a, b) in enumerate(zip(old, new))]
                 for old, new in ((start, once), (once, twice)))
    v = [two - one for one, two in zip(r, second)]
    size = np.sqrt(sum((x**2).sum() for x in v))
    if size == 0:
        return twice
    alpha = np.sqrt(sum((x**2).sum() for x in r)) / size
    if alpha <= 1:
        return twice
    point = [s + (2 * alpha * one + alpha**2 * two) * (scale if part == 0 else
                                                       np.outer(scale, scale))
             for part, (s, one, two) in enumerate(zip(start, r, v))]
    if np.linalg.eigvalsh(point[1])[0] <= 0:
        return twice
    better = evaluate(persons, *point).loglik > evaluate(persons, *twice).loglik
    return point if better else twice


def _slope(persons, a, omega) -> float:
    """Largest derivative of the log-likelihood, in standard deviations and per person; large where
    the log-likelihood has no maximum and Omega becomes singular."""
    scale = np.sqrt(np.diag(omega))
    in_a, in_omega = gradient(persons, a, omega)
    return max(np.abs(in_a * scale).max(), np.abs(in_omega * np.outer(scale, scale)).max()) / (
        persons.total)


def _scaled(x, scale, part: int):
    """A change of A (part 0) or of Omega in standard deviations."""
    return x / (scale if part == 0 else np.outer(scale, scale))


def _change(old, new) -> float:
    scale = np.sqrt(np.diag(new[1]))
    return max(np.abs(_scaled(b - a, scale, part)).max() for part, (a, b) in
               enumerate(zip(old, new)))


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
