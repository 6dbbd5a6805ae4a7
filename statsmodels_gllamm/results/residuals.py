r"""What residual covariances change in results: posteriors, correlations and simulated responses.

With :math:`V = AA' + \Theta` the covariance of a cluster's responses and r its residuals,

.. math:: E(u \mid y) = A'V^{-1}r, \qquad \mathrm{cov}(u \mid y) = I - A'V^{-1}A
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.integration.gaussian import unit_posterior
from statsmodels_gllamm.integration.normal import joint_mean

PIECE = 300_000  # elements of the clusters' matrices drawn from at a time


def posterior_moments(model, working):
    """Posterior mean (D, n_top) and covariance (D, D, n_top) of the spherical latent variables.

    Raises
    ------
    NotImplementedError
        The model has several levels.
    """
    if len(model.structure.levels) > 1:
        raise NotImplementedError("posteriors of latent variables are not available for models of "
                                  "several levels with residual covariances")
    return unit_posterior(model._patterns, model.design.psi(working))


def row_average(model, working, o, a, level, unit):
    """The function that averages what make(rows) gives over the posterior of rows in known clusters,
    level 0, and over the prior of others."""
    mean, cov = posterior_moments(model, working)
    values, vectors = np.linalg.eigh(np.moveaxis(cov, -1, 0))
    root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    known = level == 0
    at = unit[known]
    nu, roots = o.copy(), a.copy()
    nu[:, known] += np.einsum("pdn,dn->pn", a[..., known], mean[:, at])
    roots[..., known] = np.einsum("pdn,nde->pen", a[..., known], root[at])

    def average(make):
        return joint_mean(make(np.arange(o.shape[1])), nu, roots)

    return average


def residual_correlations(model, covariances, params) -> np.ndarray:
    """Correlations (R,) of the residuals whose covariances these are; NaN where an item has no
    standard deviation of its own."""
    given = model.residual_covariances
    value = dict(zip(model.param_names, params))
    common = [value[name] for name in model.design.layout.names if name.startswith("logsd")]

    def sd(item):
        own = value.get(f"logsd[{given.column}[{item}]]",
                        value.get("logsd[Intercept]") if len(common) == 1 else None)
        return np.nan if own is None else np.exp(own)

    return np.array([c / (sd(a) * sd(b)) for c, (a, b) in zip(covariances, given.pairs)])


def draw_residuals(model, working, rng, sd) -> np.ndarray:
    """Residuals (n,) drawn anew; ``sd`` (n,) their standard deviations."""
    residuals, level = model.structure.residuals, model.structure.levels[0]
    draws = sd * rng.standard_normal(len(sd))
    items = np.unique(residuals.pairs)
    rows = np.flatnonzero(np.isin(residuals.labels, items))
    place = np.full((level.n_units, len(items)), -1)
    place[level.codes[rows], np.searchsorted(items, residuals.labels[rows])] = rows
    cov = np.zeros((len(items),) * 2)
    one, two = np.searchsorted(items, np.array(residuals.pairs)).T
    cov[one, two] = cov[two, one] = working[model.design.layout.positions("rescov")]
    step = max(1, PIECE // len(items) ** 2)
    for a in range(0, len(place), step):
        own = place[a:a + step]
        there = own >= 0
        theta = cov * (there[:, :, None] & there[:, None, :])
        np.einsum("gii->gi", theta)[:] = np.where(there, sd[own] ** 2, 1.0)
        z = rng.standard_normal(own.shape)
        draws[own[there]] = np.einsum("gij,gj->gi", np.linalg.cholesky(theta), z)[there]
    return draws
