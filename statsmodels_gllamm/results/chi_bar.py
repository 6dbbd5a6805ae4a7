r"""Chi-bar-squared distributions: the squared length of a normal vector projected onto a cone.

With :math:`Z \sim N(0, V)` and a closed convex cone K, lengths being those of the metric
:math:`V^{-1}`,

.. math::
   \bar\chi^2 = Z'V^{-1}Z - \min_{x \in K} (Z - x)'V^{-1}(Z - x), \qquad
   P(\bar\chi^2 \ge t) = \sum_{i=0}^{d} w_i P(\chi^2_i \ge t)

The cones here are products of cones of positive semidefinite matrices of order s, in the coordinates
(1,1), (2,1), (2,2), ...; those of order one are half-lines.  The weights of half-lines are known up
to three of them, with the correlations :math:`\rho` of V and its partial ones,

.. math::
   d = 1: &\; w = (\tfrac12, \tfrac12) \\
   d = 2: &\; w_2 = \tfrac12 - \tfrac{1}{2\pi} \arccos\rho, \quad w_1 = \tfrac12 \\
   d = 3: &\; w_3 = \tfrac{1}{4\pi} \bigl(2\pi - \sum \arccos\rho_{ij}\bigr), \quad
   w_2 = \tfrac{1}{4\pi} \bigl(3\pi - \sum \arccos\rho_{ij \cdot k}\bigr)

Else Z is drawn.  A draw on half-lines counts the elements of its projection that are not zero.  With
matrices, the length is split into that of Z and the share s of it that the projection keeps,
:math:`P(\bar\chi^2 \ge t) = E\,P(\chi^2_d \ge t / s)`, and weights are fitted to that.

References
----------
Kudo, A. (1963). A multivariate analogue of the one-sided test. Biometrika 50, 403-418.
Shapiro, A. (1988). Towards a unified theory of inequality constrained testing in multivariate
analysis. International Statistical Review 56, 49-62.
Silvapulle, M. J. and Sen, P. K. (2005). Constrained Statistical Inference. Wiley, chapter 3.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from statsmodels_gllamm.estimation.optimize import is_positive_definite

CLOSE = 1e-9  # length of a step, in standard deviations, at which a projection is found
MOST = 20_000  # iterations of a projection
GRID = 40  # values at which weights are fitted


@dataclass(frozen=True, slots=True)
class ChiBar:
    """A mixture of chi-squared distributions.

    Attributes
    ----------
    weights : ndarray (m,)
    df : ndarray of int (m,)
        Degrees of freedom.
    draws : int
        Draws that the weights are from; 0 for none.
    """

    weights: np.ndarray
    df: np.ndarray
    draws: int = 0

    def sf(self, statistic: float) -> float:
        """Probability of as large a statistic or a larger one; chi-squared with 0 degrees of freedom
        is zero."""
        statistic = max(float(statistic), 0.0)
        return float(self.weights @ self.tails(statistic))

    def tails(self, statistic: float) -> np.ndarray:
        """The same of every component (m,)."""
        some = self.df > 0
        return np.where(some, stats.chi2.sf(statistic, np.where(some, self.df, 1)),
                        float(statistic <= 0))

    def error(self, statistic: float) -> float:
        """Monte Carlo standard error of ``sf``: that of a draw of components; 0 without draws."""
        if not self.draws:
            return 0.0
        tails = self.tails(max(float(statistic), 0.0))
        mean = self.weights @ tails
        return float(np.sqrt(self.weights @ (tails - mean) ** 2 / self.draws))

    def plus(self, n: int) -> ChiBar:
        """The same with n more degrees of freedom."""
        return ChiBar(self.weights, self.df + n, self.draws)


def dimension(orders) -> int:
    """Coordinates of a product of cones of matrices."""
    return sum(s * (s + 1) // 2 for s in orders)


def half_space(d: int) -> ChiBar:
    """The largest distribution that a cone of d dimensions can have, unless it is the whole space:
    that of half of it (Perlman, 1969, Annals of Mathematical Statistics 40, 549-567)."""
    return ChiBar(np.array([0.5, 0.5]), np.array([d - 1, d]))


def chi_bar(v: np.ndarray | None, orders, rng=0, draws: int = 10_000) -> ChiBar:
    """The distribution of the squared length of the projection.

    Parameters
    ----------
    v : ndarray (d, d)
        Covariance matrix; not needed for one half-line.
    orders : sequence of int
        Of the cones of matrices; 1 is a half-line.
    rng : int or Generator
    draws : int
        Where there is no formula.

    Raises
    ------
    numpy.linalg.LinAlgError
        V is not positive definite.
    """
    d = dimension(orders)
    if d <= 1:
        return ChiBar(np.full(d + 1, 0.5**d), np.arange(d + 1))
    v = np.asarray(v, dtype=float)
    np.linalg.cholesky(v)
    if max(orders) == 1 and d <= 3:
        return ChiBar(_known(v), np.arange(d + 1))
    z = np.random.default_rng(rng).multivariate_normal(np.zeros(d), v, draws, method="cholesky")
    x = project(z, v, orders)
    if max(orders) == 1:
        weights = np.bincount((x > 0).sum(axis=1), minlength=d + 1) / draws
    else:
        weights = _fitted(_shares(z, x, v), d)
    return ChiBar(weights, np.arange(d + 1), draws)


def _known(v: np.ndarray) -> np.ndarray:
    """Weights (d + 1,) of two or three half-lines."""
    if len(v) == 2:
        angle = _angles(v)[0]
        return np.array([angle / (2 * np.pi), 0.5, 0.5 - angle / (2 * np.pi)])
    w3 = (2 * np.pi - _angles(v).sum()) / (4 * np.pi)
    partial = -np.linalg.inv(v)
    np.fill_diagonal(partial, -np.diag(partial))
    w2 = (3 * np.pi - _angles(partial).sum()) / (4 * np.pi)
    return np.array([0.5 - w2, 0.5 - w3, w2, w3])


def _angles(v: np.ndarray) -> np.ndarray:
    """Arc cosines of the correlations."""
    sd = np.sqrt(np.diag(v))
    return np.arccos((v / np.outer(sd, sd))[np.tril_indices(len(v), -1)])


def project(z: np.ndarray, v: np.ndarray, orders) -> np.ndarray:
    """Nearest points (n, d) of the cone to z (n, d) in the metric of the inverse of V (d, d).

    Projected gradients with momentum, in coordinates in which the metric is near the identity.
    """
    change = min((_coordinates(v, orders, whole) for whole in (True, False)),
                 key=lambda c: np.linalg.cond(c @ v @ c.T))
    metric = np.linalg.inv(change @ v @ change.T)
    values = np.linalg.eigvalsh(metric)
    roots = np.sqrt(values[[0, -1]])
    momentum = (roots[1] - roots[0]) / (roots[1] + roots[0])
    target = z @ change.T
    out = np.empty_like(target)
    x = _nearest(target, orders)
    ahead, left = x, np.arange(len(z))
    for _ in range(MOST):
        new = _nearest(ahead - (ahead - target) @ metric / values[-1], orders)
        moved = np.abs(new - ahead).max(axis=1) > CLOSE  # a step that stays has found the nearest point
        ahead, x = new + momentum * (new - x), new
        if not moved.all():
            out[left[~moved]] = x[~moved]
            left, x, ahead, target = left[moved], x[moved], ahead[moved], target[moved]
            if not len(left):
                break
    out[left] = x
    return np.linalg.solve(change, out.T).T


def _coordinates(v: np.ndarray, orders, whole: bool) -> np.ndarray:
    """Change of coordinates (d, d) to those of L M L', off-diagonal ones times the root of two, so that
    the cone stays and the metric becomes about Frobenius' norm.

    With balanced normal data the covariance matrix of M is that of a Wishart matrix, by some Q

        cov(M_ij, M_kl) = Q_ik Q_jl + Q_il Q_jk,

    from which Q, or its diagonal, is taken, and L'L is the inverse of Q.
    """
    change, first = np.zeros_like(v), 0
    for s in orders:
        rows, columns = np.tril_indices(s)
        own = slice(first, first + len(rows))
        inverse = np.linalg.inv(np.linalg.cholesky(_wishart(v[own, own], rows, columns, whole)))
        scale = np.where(rows == columns, 1.0, np.sqrt(2.0))
        for k, (i, j) in enumerate(zip(rows, columns)):
            unit = np.zeros((s, s))
            unit[i, j] = unit[j, i] = 1.0
            change[own, first + k] = (inverse @ unit @ inverse.T)[rows, columns] * scale
        first += len(rows)
    return change


def _wishart(v: np.ndarray, rows, columns, whole: bool) -> np.ndarray:
    """Q (s, s) of a covariance matrix of matrices; its diagonal where it would not be positive
    definite."""
    place = {pair: k for k, pair in enumerate(zip(rows.tolist(), columns.tolist()))}
    diagonal = np.array([np.sqrt(v[k, k] / 2) for (i, j), k in place.items() if i == j])
    q = np.diag(diagonal)
    for (i, j), k in place.items():
        if i != j and whole:
            q[i, j] = q[j, i] = np.mean([v[place[m, m], k] / (2 * diagonal[m]) for m in (i, j)])
    return q if is_positive_definite(q) else np.diag(diagonal)


def _nearest(x: np.ndarray, orders) -> np.ndarray:
    """Nearest points of the cone in the new coordinates (n, d)."""
    out, first = x.copy(), 0
    for s in orders:
        own = slice(first, first + s * (s + 1) // 2)
        if s == 1:
            out[:, own] = np.maximum(x[:, own], 0.0)
        else:
            out[:, own] = (_nearest_pair if s == 2 else _nearest_psd)(x[:, own])
        first = own.stop
    return out


def _nearest_pair(x: np.ndarray) -> np.ndarray:
    """Nearest positive semidefinite matrices of order two, from their mean eigenvalue t and half the
    difference r of the two."""
    t, half = (x[:, 0] + x[:, 2]) / 2, (x[:, 0] - x[:, 2]) / 2
    r = np.sqrt(half**2 + x[:, 1] ** 2 / 2)
    share = np.where(t - r >= 0, 1.0, 0.0)
    edge = (t - r < 0) & (t + r > 0)
    share[edge] = ((t + r) / (2 * r))[edge]
    mean = np.where(edge, (t + r) / 2, t * share)
    return np.column_stack([mean + share * half, share * x[:, 1], mean - share * half])


def _nearest_psd(x: np.ndarray) -> np.ndarray:
    """Nearest positive semidefinite matrices of any order."""
    s = int(np.sqrt(2 * x.shape[1]))
    rows, columns = np.tril_indices(s)
    scale = np.where(rows == columns, 1.0, np.sqrt(0.5))
    matrix = np.zeros((len(x), s, s))
    matrix[:, rows, columns] = matrix[:, columns, rows] = x * scale
    values, vectors = np.linalg.eigh(matrix)
    matrix = (vectors * np.maximum(values, 0.0)[:, None]) @ np.swapaxes(vectors, 1, 2)
    return matrix[:, rows, columns] / scale


def _shares(z, x, v) -> np.ndarray:
    """Share of the squared length of z (n, d) that its projection x has."""
    precision = np.linalg.inv(v)
    return np.einsum("ni,ij,nj->n", x, precision, z) / np.einsum("ni,ij,nj->n", z, precision, z)


def _fitted(shares, d: int) -> np.ndarray:
    """Weights (d + 1,), those of even and of odd degrees of freedom with a sum of one half, by least
    squares of tail probabilities."""
    at = stats.chi2.isf(np.linspace(0.005, 0.995, GRID), d)
    some = shares > 0
    tails = np.zeros(GRID)
    for k, t in enumerate(at):
        tails[k] = stats.chi2.sf(t / shares[some], d).sum() / len(shares)
    columns = stats.chi2.sf(at[:, None], np.maximum(np.arange(d + 1), 1))
    columns[:, 0] = 0.0
    odd = np.arange(d + 1) % 2
    rows = np.vstack([columns, 1e3 * odd, 1e3 * (1 - odd)])
    return optimize.nnls(rows, np.concatenate([tails, [500.0, 500.0]]))[0]
