"""Clusters of a Gaussian model as tables, and their covariance matrices at given parameters."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PIECE = 300_000  # elements of the patterns' matrices at a time: a few such arrays stay in the cache
LOG_2PI = float(np.log(2 * np.pi))
SAFE = 1e4  # communality over residual variance up to which a difference loses few digits


@dataclass(frozen=True, slots=True)
class Grid:
    """Units whose rows have m common positions, of which each pattern has some.

    Attributes
    ----------
    present : ndarray (P, m)
        One where a pattern has a row; zero elsewhere.
    n : ndarray (P,)
        Units of the pattern, with their frequency weights.
    mean : ndarray (P, m + F)
        Means over the units of the responses at the positions (zero where there is none) and of the
        features, the first of which is the constant.
    scatter : ndarray (K, m + F, m + F)
        Sums of squares and products about the means, of the first K patterns; the units of the
        others are alike.
    used : ndarray (U, 2)
        Positions and features of the elements of B that are not zero.
    n_latent : int
        Latent variables D of a unit, those of all lower units within it.
    to_entries : ndarray (N, E)
        d(B (U,), A (m, D), log sigma (m,), residual covariances) / d entries of Psi.
    pairs : ndarray (R, 2)
        Positions of the residual covariances.
    units : ndarray (n,)
        Global number of every top-level unit.
    pattern : ndarray (n,)
    values : ndarray (n, m + F)
        Responses and features of every unit.
    """

    present: np.ndarray
    n: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray
    used: np.ndarray
    n_latent: int
    to_entries: np.ndarray
    pairs: np.ndarray
    units: np.ndarray
    pattern: np.ndarray
    values: np.ndarray

    @property
    def m(self) -> int:
        """Positions."""
        return self.present.shape[1]

    @property
    def n_features(self) -> int:
        """Features F."""
        return self.mean.shape[1] - self.m

    @property
    def ends(self) -> np.ndarray:
        """Where B, A, log sigma and the residual covariances begin and end among all (5,)."""
        m = self.m
        return np.cumsum([0, len(self.used), m * self.n_latent, m, len(self.pairs)])

    def pieces(self) -> list[slice]:
        """Patterns to compute at a time: those with scatter, then the others."""
        step, k = max(1, PIECE // (self.m * self.m)), len(self.scatter)
        return [slice(a, min(a + step, stop)) for start, stop in ((0, k), (k, len(self.n)))
                for a in range(start, stop, step)]


@dataclass(frozen=True, slots=True)
class GaussianProblem:
    """A data set as patterns.

    ``constant`` the log-likelihood of the transformation to normal responses, in all and
    ``unit_constant`` by top-level unit; ``n_rows`` the computed rows.
    """

    grids: tuple[Grid, ...]
    entries: tuple[np.ndarray, np.ndarray]
    top_weight: np.ndarray
    unit_constant: np.ndarray
    n_rows: int
    chunks: tuple = ()

    @property
    def n_computed(self) -> int:
        """Rows that are computed."""
        return self.n_rows

    @property
    def n_top(self) -> int:
        """Number of top-level units."""
        return len(self.top_weight)

    @property
    def constant(self) -> float:
        """Log-likelihood of the transformation to normal responses."""
        return float(self.unit_constant @ self.top_weight)


@dataclass(frozen=True, slots=True)
class Moments:
    """B (m, F), A (m, D), sigma^2 (m,) and Theta (m, m), None where diagonal, of a grid."""

    b: np.ndarray
    a: np.ndarray
    variance: np.ndarray
    theta: np.ndarray | None


def moments_of(grid: Grid, entries: np.ndarray) -> Moments:
    """The moments at values of the entries (E,)."""
    elements, a, logsd, cov = np.split(grid.to_entries @ entries, grid.ends[1:-1])
    b = np.zeros((grid.m, grid.n_features))
    b[tuple(grid.used.T)] = elements
    with np.errstate(over="ignore"):
        variance = np.exp(2 * logsd)
    theta = None
    if len(grid.pairs):
        theta = np.diag(variance)
        one, two = grid.pairs.T
        theta[one, two] = theta[two, one] = cov
    return Moments(b, a.reshape(grid.m, grid.n_latent), variance, theta)


def precision(moments: Moments, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """V^-1 (P, m, m), zero where there is no row, and log|V| (P,).

    With a diagonal Theta, V^-1 = D - D A (I + A'DA)^-1 A'D, D = Theta^-1, and log|V| = log|Theta| +
    log|I + A'DA|, unless a variance in Theta is so small that the difference would lose its digits.

    Raises
    ------
    LinAlgError
        If V is not positive definite.
    """
    a, d = moments.a, moments.a.shape[1]
    if not np.isfinite(moments.variance).all():
        raise np.linalg.LinAlgError
    diagonal = moments.theta is None
    if diagonal and ((a * a).sum(1) < SAFE * moments.variance).all():
        weight = present / moments.variance
        products = (a[:, :, None] * a[:, None, :]).reshape(len(a), -1)
        inner = (weight @ products).reshape(-1, d, d) + np.eye(d)
        root = np.linalg.cholesky(inner)
        log_det = 2 * np.log(np.einsum("pii->pi", root)).sum(1)
        log_det += present @ np.log(moments.variance)
        half = np.linalg.solve(root, np.swapaxes(weight[:, :, None] * a, 1, 2))
        q = -np.swapaxes(half, 1, 2) @ half
        np.einsum("pii->pi", q)[:] += weight
        return q, log_det
    inside = present[:, :, None] * present[:, None, :]
    v = (a @ a.T + (np.diag(moments.variance) if diagonal else moments.theta)) * inside
    np.einsum("pii->pi", v)[:] += 1 - present
    root = np.linalg.cholesky(v)
    log_det = 2 * np.log(np.einsum("pii->pi", root)).sum(1)
    return np.linalg.inv(v) * inside, log_det
