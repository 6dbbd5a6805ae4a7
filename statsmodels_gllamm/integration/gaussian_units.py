r"""Top-level units of a Gaussian model one by one: log-likelihoods, scores and posteriors.

With v = Q r_j,

    dl_j / dB_if = v_i t_jf,   dl_j / dA = v v'A - QA,   dl_j / dlog sigma_i = sigma_i^2 (v_i^2 - Q_ii)

and v_i v_k - Q_ik for a residual covariance; E(u | y) = A'v, cov(u | y) = I - A'QA.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.integration import grids
from statsmodels_gllamm.integration.grids import (
    LOG_2PI,
    GaussianProblem,
    Grid,
    Moments,
    moments_of,
    precision,
)


def _pieces(grid: Grid, moments: Moments):
    """Units' places (n,), presence, Q, log|V| and residuals, some units at a time."""
    m = grid.m
    step = max(1, grids.PIECE // (m * m))
    for a in range(0, len(grid.units), step):
        own = slice(a, a + step)
        patterns, code = np.unique(grid.pattern[own], return_inverse=True)
        present, t = grid.present[patterns], grid.values[own]
        q, log_det = precision(moments, present)
        present = present[code]
        r = (t[:, :m] - t[:, m:] @ moments.b.T) * present
        yield own, present, q[code], log_det[code], r


def unit_values(problem: GaussianProblem, entries) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood (n_top,) of every top-level unit and its derivatives (E, n_top)."""
    loglik, bars = problem.unit_constant.copy(), np.zeros((len(entries), problem.n_top))
    for grid in problem.grids:
        moments = moments_of(grid, entries)
        (one, two), (position, feature) = grid.pairs.T, grid.used.T
        for own, present, q, log_det, r in _pieces(grid, moments):
            v = np.einsum("pij,pj->pi", q, r)
            bar = np.concatenate([
                v[:, position] * grid.values[own][:, grid.m + feature],
                (v[:, :, None] * (v @ moments.a)[:, None] - q @ moments.a).reshape(len(v), -1),
                moments.variance * (v * v - np.einsum("pii->pi", q)),
                v[:, one] * v[:, two] - q[:, one, two]], axis=1)
            units = grid.units[own]
            bars[:, units] = (bar @ grid.to_entries).T
            loglik[units] -= 0.5 * (
                present.sum(1) * LOG_2PI + log_det + np.einsum("pi,pi->p", v, r))
    return loglik, bars


def unit_posterior(problem: GaussianProblem, psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean (D, n_top) and covariance (D, D, n_top) of the latent variables of the units of
    a model's only level; NaN for units whose frequency weight is zero."""
    entries, d = psi[problem.entries], problem.grids[0].n_latent
    mean, cov = np.full((d, problem.n_top), np.nan), np.full((d, d, problem.n_top), np.nan)
    for grid in problem.grids:
        moments = moments_of(grid, entries)
        for own, _, q, _, r in _pieces(grid, moments):
            qa, units = q @ moments.a, grid.units[own]
            mean[:, units] = np.einsum("pid,pi->dp", qa, r)
            cov[:, :, units] = np.moveaxis(np.eye(d) - moments.a.T @ qa, 0, -1)
    return mean, cov
