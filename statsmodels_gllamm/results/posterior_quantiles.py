r"""Quantiles of the posterior of single latent variables: x with P(eta <= x | y) = p.

Normal where the posterior is; otherwise the distribution function of every component
(integration/marginal_posterior.py), mixed over latent classes, is inverted by bisection.
"""
from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from statsmodels_gllamm.integration.marginal_posterior import unit_marginal
from statsmodels_gllamm.results.latent import (
    check_modal,
    group_latents,
    points_for,
    posterior,
)
from statsmodels_gllamm.results.posterior_parts import Parts, level_map, parts_of
from statsmodels_gllamm.results.units import top_units

HALVINGS = 60
PRODUCTS = ("quantiles= is not available for models whose regressions= have products, where latent "
            "variables are mixed differently in every unit; latent() has means and standard errors")


def checked_probabilities(quantiles) -> np.ndarray:
    """Probabilities (P,) between zero and one."""
    found = np.atleast_1d(np.asarray(quantiles, dtype=float))
    if found.ndim != 1 or not ((found > 0) & (found < 1)).all():
        raise ValueError(f"quantiles must be probabilities between 0 and 1, not {quantiles!r}")
    return found


def posterior_quantiles(results, group: str, quantiles, modal=False) -> np.ndarray:
    """Quantiles (n_clusters, q, P) of the latent variables of a group.

    Parameters
    ----------
    results : GLLAMMResults
    group : str
    quantiles : array_like (P,)
        Probabilities.
    modal : bool
        With latent classes: given the most probable class of every cluster.

    Returns
    -------
    ndarray (n_clusters, q, P)
        NaN for clusters whose frequency weight is zero.

    Raises
    ------
    NotImplementedError
        Regressions of latent variables have products.
    """
    model, p = results.model, checked_probabilities(quantiles)
    check_modal(model, modal)
    structural = model.design.structural
    if structural is not None and structural.moderated:
        raise NotImplementedError(PRODUCTS)
    if is_normal(model):
        found = posterior(results, "mean", group)[group]
        return found.estimate[..., None] + found.se[..., None] * ndtri(p)
    level, units, places, _ = group_latents(model, group)
    with model._explained():
        parts = parts_of(model, results.record.working, *points_for(results.record, "mean"),
                         modal=modal)
        eta_0 = level_map(model, results.record.working, level)[0]
        roots = [level_map(model, part.working, level)[1] for part in parts.parts]
        found = np.stack([_of_combination(model, parts, level, [root[m] for root in roots], p)
                          for m in places])
    if eta_0 is not None:
        found += eta_0[places][..., None]
    return np.moveaxis(found[:, units], 0, 1)


def is_normal(model) -> bool:
    """Whether the posterior of all latent variables is normal."""
    return model._gaussian and not model.structure.classes and not len(model.design.given)


def _of_combination(model, parts: Parts, level: int, rows, p: np.ndarray) -> np.ndarray:
    """Quantiles (n_units, P) of row'u for the units of a level; u (d,) of it and those above, and a row
    of every part."""
    levels, design = model.structure.levels, model.design
    unit, n = np.arange(levels[level].n_units), levels[level].n_units
    while not np.any([row[:design.q[level]] for row in rows]):
        if not np.any(rows):
            return np.zeros((n, len(p)))
        rows, unit = [row[design.q[level]:] for row in rows], levels[level].parent[unit]
        level += 1
    coordinates = parts.coordinates
    place = coordinates.place[sum(coordinates.engine[:level]):] - sum(design.q[:level])
    own = [np.where(place >= 0, row[place], 0.0) for row in rows]
    top = top_units(levels)[level]
    out = np.full((levels[level].n_units, len(p)), np.nan)
    for chunk in parts.problem.chunks:
        here = chunk.units[level]
        marginals = [(part.weight[top[here]], unit_marginal(chunk, parts.task, part.psi, level, row))
                     for part, row in zip(parts.parts, own)]
        out[here] = _inverted(marginals, p)
    return out[parts.problem.representative[level]][unit]


def _inverted(marginals, p) -> np.ndarray:
    """Quantiles (G, P) of mixtures of distributions, with weights (G,) of the components."""
    low = np.min([marginal.ends[0] for _, marginal in marginals], axis=0)
    high = np.max([marginal.ends[1] for _, marginal in marginals], axis=0)
    functions = [(weight, marginal.distribution()) for weight, marginal in marginals]
    out = np.empty((len(low), len(p)))
    for column, probability in zip(out.T, p):
        a, b = low.copy(), high.copy()
        for _ in range(HALVINGS):
            middle = (a + b) / 2
            below = sum(weight * cdf(middle) for weight, cdf in functions) < probability
            a, b = np.where(below, middle, a), np.where(below, b, middle)
        column[:] = (a + b) / 2
    return out
