r"""What residual covariances change in results: posteriors, correlations and simulated responses.

With :math:`V = AA' + \Theta` the covariance of a cluster's responses and r its residuals,

.. math:: E(u \mid y) = A'V^{-1}r, \qquad \mathrm{cov}(u \mid y) = I - A'V^{-1}A

for the latent variables u of a top-level unit and of all units within it.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.integration.gaussian_units import unit_posterior
from statsmodels_gllamm.integration.normal import joint_mean

IMPROPER = ("the residual variances and covariances at the estimates are not those of any residuals, "
            "although the responses have a covariance matrix: an improper solution; leave out the "
            "covariances of the items whose residual variance is nearly zero")
PIECE = 300_000  # elements of the clusters' matrices drawn from at a time


def posterior_moments(model, working, ancestors=False):
    """Posterior mean (q, n_units) and covariance (q, q, n_units) of the spherical latent variables of
    every level's units, those of their ancestors included if asked for; as
    `integration.posterior.unit_moments`."""
    psi = model.design.psi(working)
    if len(model.structure.levels) == 1:
        found = [unit_posterior(model._patterns, psi)]
    else:
        found = moments_of_levels(model, psi, ancestors)
    if any((np.einsum("iig->ig", cov) < -1e-8).any() for _, cov in found):
        raise ValueError(IMPROPER)
    return found


def moments_of_levels(model, psi, ancestors):
    """The same for several levels, one top-level unit after the other."""
    structure, q = model.structure, model.design.q
    levels = structure.levels
    offset, a, sd = _row_moments(model, psi)
    residual = model.sample.endog - offset
    size = [sum(q[k:]) if ancestors else own for k, own in enumerate(q)]
    out = [(np.full((k, level.n_units), np.nan), np.full((k, k, level.n_units), np.nan))
           for k, level in zip(size, levels)]
    order = np.argsort(levels[-1].codes, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(levels[-1].codes))[:-1]):
        loadings, units, places = _cluster(structure, q, a[:, rows], rows)
        v = loadings @ loadings.T + _theta(model, psi, rows, sd[rows])
        solved = np.linalg.solve(v, np.column_stack([loadings, residual[rows]]))
        mean, cov = loadings.T @ solved[:, -1], np.eye(loadings.shape[1])
        cov -= loadings.T @ solved[:, :-1]
        for number, own in enumerate(units):
            for unit in own:
                row = rows[levels[number].codes[rows] == unit][:1]
                at = np.concatenate([places[k][levels[k].codes[row[0]]]
                                     for k in range(number, len(levels))])[:size[number]]
                out[number][0][:, unit] = mean[at]
                out[number][1][:, :, unit] = cov[np.ix_(at, at)]
    return out


def _row_moments(model, psi):
    """Offsets (n,), loadings (D, n) and residual standard deviations (n,) of the rows."""
    d = sum(model.design.q)
    values = sum(np.outer(row, column) for row, column in zip(psi[:, :d + 2], model.structure.columns))
    return values[0] + model.sample.offset, values[1:1 + d], np.exp(values[1 + d])


def _cluster(structure, q, a, rows):
    """Loadings (m, L) of the rows of a top-level unit on the latent variables of it and of all units
    within it, the units of every level, and {unit: columns} of every level."""
    loadings, units, places, first, last = [], [], [], 0, 0
    for level, k in zip(structure.levels, q):
        own, code = np.unique(level.codes[rows], return_inverse=True)
        wide = np.zeros((len(rows), len(own), k))
        wide[np.arange(len(rows)), code] = a[first:first + k].T
        loadings.append(wide.reshape(len(rows), -1))
        units.append(own)
        places.append({unit: last + i * k + np.arange(k) for i, unit in enumerate(own)})
        first, last = first + k, last + len(own) * k
    return np.concatenate(loadings, axis=1), units, places


def _theta(model, psi, rows, sd):
    """Covariance matrix (m, m) of the residuals of some rows."""
    residuals, theta = model.structure.residuals, np.diag(sd**2)
    labels, unit = residuals.labels[rows], model.structure.levels[0].codes[rows]
    same = unit[:, None] == unit
    for (one, two), cov in zip(residuals.pairs, psi[0, -len(residuals.pairs):]):
        pair = (labels[:, None] == one) & (labels == two) & same
        theta += cov * (pair | pair.T)
    return theta


def row_average(model, working, o, a, level, unit):
    """The function that averages what make(rows) gives over the posterior of the latent variables of
    the rows' units, from ``level`` up, and over the prior of the others."""
    return average_of(posterior_moments(model, working, ancestors=True), model.design.q, o, a, level,
                      unit)


def average_of(moments, q, o, a, level, unit):
    """The same for posterior moments of the units' latent variables and those of their ancestors."""
    nu, root, first = o.copy(), a.copy(), 0
    for number, (mean, cov) in enumerate(moments):
        rows = np.flatnonzero(level == number)
        own, at = a[:, first:][..., rows], unit[rows]
        nu[:, rows] += np.einsum("pdn,dn->pn", own, mean[:, at])
        values, vectors = np.linalg.eigh(np.moveaxis(cov[..., at], -1, 0))
        half = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        root[:, first:, rows] = np.einsum("pdn,nde->pen", own, half)
        first += q[number]

    def average(make):
        return joint_mean(make(np.arange(o.shape[1])), nu, root)

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
        try:
            root = np.linalg.cholesky(theta)
        except np.linalg.LinAlgError:
            raise ValueError(IMPROPER) from None
        draws[own[there]] = np.einsum("gij,gj->gi", root, z)[there]
    return draws
