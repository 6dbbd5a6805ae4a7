r"""Gaussian models in closed form, by patterns of clusters with the same design.

The rows of a top-level unit j of pattern p are normal with mean :math:`\mu_j = o_j` and covariance

.. math:: V_p = A_p A_p' + \Theta_p,

:math:`\Theta_p = \operatorname{diag}(\sigma^2)` plus residual covariances.  With
:math:`Q = V_p^{-1}`, :math:`r_j = y_j - \mu_j`, :math:`S_p = \sum_j r_j r_j'`, :math:`M = Q S_p Q`

.. math::
    \ell_p = -\tfrac{n_p}{2} \log|2\pi V_p| - \tfrac12 \operatorname{tr}(Q S_p), \qquad
    d\ell_p = \operatorname{tr}(G\,dV) + \sum_j d\mu_j' Q r_j, \quad G = \tfrac12 (M - n_p Q)

    -d^2\ell_p = \operatorname{tr}(Q\,dV H\,dV) - \operatorname{tr}(G\,d^2V) + \sum_j d\mu_j' Q d\mu_j
                 + 2 \sum_j d\mu_j' Q\,dV\,Q r_j, \quad H = M - \tfrac{n_p}{2} Q

The expectation has H = n_p Q / 2 and no second and last term.  The row offsets are
:math:`\mu_{ji} = \sum_f B_{if} t_{jf}` with features t_j (the constant, and what varies between units),
so that S_p needs n_p, mean and scatter of (y_j, t_j) only (Lawley and Maxwell, 1971; Magnus and
Neudecker, 1999, ch. 15).
"""
from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration.gaussian_information import piece_information
from statsmodels_gllamm.integration.gaussian_units import unit_values
from statsmodels_gllamm.integration.grids import (
    LOG_2PI,
    GaussianProblem,
    Grid,
    Moments,
    moments_of,
    precision,
)
from statsmodels_gllamm.integration.marginal import Evaluation
from statsmodels_gllamm.integration.mode import ModeError


@dataclass(frozen=True, slots=True)
class Piece:
    """Some patterns at given moments: ``q`` (P, m, m), ``log_det`` (P,), ``m2`` (P, m, m) = M, ``z``
    (P, m, F) the sums of (Q r_j) t_j', ``quad`` (P,) = tr(QS)."""

    q: np.ndarray
    log_det: np.ndarray
    m2: np.ndarray
    z: np.ndarray
    quad: np.ndarray


def _piece(grid: Grid, moments: Moments, own: slice) -> Piece:
    m, present, n, mean = grid.m, grid.present[own], grid.n[own], grid.mean[own]
    q, log_det = precision(moments, present)
    r = (mean[:, :m] - mean[:, m:] @ moments.b.T) * present
    w = np.einsum("pij,pj->pi", q, r)
    nw = n[:, None] * w
    m2 = nw[:, :, None] * w[:, None, :]
    z = nw[:, :, None] * mean[:, None, m:]
    quad = np.einsum("pi,pi->p", nw, r)
    scatter = grid.scatter[own]
    if len(scatter):
        residual = scatter[:, :m] - moments.b @ scatter[:, m:]
        z += q @ residual[:, :, m:]
        s = (residual[:, :, :m] - residual[:, :, m:] @ moments.b.T) * (
            present[:, :, None] * present[:, None, :])
        qs = q @ s
        quad += np.einsum("pii->p", qs)
        m2 += qs @ q
    return Piece(q, log_det, m2, z, quad)


@dataclass(frozen=True, slots=True)
class Sums:
    """A piece's part: log-likelihood, G (m, m), Z (m, F), and information (N, N) or None."""

    loglik: float
    g: np.ndarray
    z: np.ndarray
    information: np.ndarray | None


def _sums(grid: Grid, moments: Moments, own: slice, gradient, information: str | None) -> Sums:
    """The sums of some patterns; ModeError where they are impossible."""
    inside = (grid.pattern >= own.start) & (grid.pattern < own.stop)
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            return _possible_sums(grid, moments, own, gradient, information)
    except np.linalg.LinAlgError:
        raise ModeError("the covariance matrix of the responses is not positive definite",
                        grid.units[inside]) from None
    except FloatingPointError:
        raise ModeError("the log-likelihood is not finite", grid.units[inside]) from None


def _possible_sums(grid: Grid, moments: Moments, own: slice, gradient, information) -> Sums:
    p, n = _piece(grid, moments, own), grid.n[own]
    rows = grid.present[own].sum(1)
    loglik = -0.5 * float(n @ (rows * LOG_2PI + p.log_det) + p.quad.sum())
    if not gradient:
        return Sums(loglik, None, None, None)
    g = 0.5 * (p.m2.sum(0) - np.tensordot(n, p.q, 1))
    info = None
    if information == "observed":
        h = p.m2 - 0.5 * n[:, None, None] * p.q
        info = piece_information(grid, moments, own, p.q, h, g, p.z)
    elif information == "expected":
        info = piece_information(grid, moments, own, p.q, 0.5 * n[:, None, None] * p.q)
    return Sums(loglik, g, p.z.sum(0), info)


def _bar(grid: Grid, moments: Moments, g, z) -> np.ndarray:
    """Derivative in (B, A, log sigma, residual covariances), from G and Z."""
    one, two = grid.pairs.T
    return np.concatenate([z[tuple(grid.used.T)], (2 * g @ moments.a).ravel(),
                           2 * moments.variance * np.diag(g), 2 * g[one, two]])


def evaluate(problem: GaussianProblem, psi: np.ndarray, *, gradient=True, units=False,
             information: str | bool = False, pool: Executor | None = None) -> Evaluation:
    """Log-likelihood of all patterns; see `marginal.evaluate`.

    Parameters
    ----------
    problem : GaussianProblem
    psi : ndarray (r, 1 + D + m)
        Expanded coefficients.
    gradient, units : bool
    information : {False, True, "observed", "expected"}
        Exact second derivatives, or their expectation.
    pool : Executor, optional

    Raises
    ------
    ModeError
        If a covariance matrix is not positive definite.
    """
    entries = psi[problem.entries]
    kind = "observed" if information is True else information or None
    total, bar = problem.constant, np.zeros(len(entries))
    info = np.zeros((len(entries),) * 2) if kind else None
    for grid in problem.grids:
        moments, pieces = moments_of(grid, entries), grid.pieces()

        def one(own, grid=grid, moments=moments):
            return _sums(grid, moments, own, gradient, kind)

        sums = list(map(one, pieces) if pool is None or len(pieces) < 4 else pool.map(one, pieces))
        total += sum(s.loglik for s in sums)
        if gradient:
            own = _bar(grid, moments, sum(s.g for s in sums), sum(s.z for s in sums))
            bar += own @ grid.to_entries
        if kind:
            info += grid.to_entries.T @ sum(s.information for s in sums) @ grid.to_entries
    if not np.isfinite(total):
        raise ModeError("the log-likelihood is not finite", problem.grids[0].units)
    unit_loglik = unit_bar = None
    if units:
        unit_loglik, unit_bar = unit_values(problem, entries)
    return Evaluation(total, bar if gradient else None, unit_loglik, unit_bar, info, ())
