r"""Plausible values: draws of the latent variables from their posterior.

Classes are drawn with their posterior probabilities, then the coordinates u of a top-level unit and
of all units within it given the class (integration/draws.py), and :math:`\eta = \eta_0 + R u`.  With
residual covariances the posterior is normal, and u is drawn level by level from the top,

.. math:: u \mid u_{anc}, y \sim N\big(E u + C_{oa} C_{aa}^{-} (u_{anc} - E u_{anc}),\;
          C_{oo} - C_{oa} C_{aa}^{-} C_{ao}\big)

with C the posterior covariance of a unit's coordinates and its ancestors'.  Mislevy (1991,
Psychometrika 56, 177-196) has what they are for.
"""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.options import integer
from statsmodels_gllamm.integration.draws import draw_units
from statsmodels_gllamm.results.latent import (
    group_latents,
    group_names,
    one_group,
    points_for,
)
from statsmodels_gllamm.results.posterior_parts import Parts, level_map, parts_of
from statsmodels_gllamm.results.residuals import posterior_moments
from statsmodels_gllamm.results.units import top_units

PRODUCTS = ("plausible_values() is not available for models with products of latent variables, whose "
            "moderators have a lattice of nodes; posterior_nodes() has these with their weights")


def plausible_values(results, n: int = 5, group=None, rng=None):
    """Draws of the latent variables from their posterior; see ``GLLAMMResults.plausible_values``."""
    model, n, rng = results.model, integer("n", n, 1), np.random.default_rng(rng)
    names = group_names(model) if group is None else [one_group(model, group)]
    if not model.design.n_latent:
        raise ValueError("the model has no continuous latent variables to draw")
    if len(model.design.given):
        raise NotImplementedError(PRODUCTS)
    labels, parts = None, None
    with model._explained():
        if model.structure.residuals is not None:
            draws = _normal_draws(model, results.record.working, rng, n)
        else:
            parts = parts_of(model, results.record.working,
                             *points_for(results.record, "mean"), merge=False)
            labels, draws = _drawn(model, parts, rng, n)
    found = {name: _frame(model, results.record.working, name, draws, labels, parts) for name in names}
    return found[names[0]] if len(found) == 1 else found


def _drawn(model, parts: Parts, rng, n: int):
    """Classes (n, n_top) or None, and coordinates (q, n, n_units) of the units of every level."""
    levels, labels = model.structure.levels, None
    gaussian = model._gaussian
    if parts.names:
        edges = np.cumsum([part.weight for part in parts.parts], axis=0)[:-1]
        labels = (rng.random((n, levels[-1].n_units)) > edges[:, None]).sum(axis=0)
    out = [np.full((q, n, level.n_units), np.nan) for q, level in zip(model.design.q, levels)]
    tops = top_units(levels)
    for number, part in enumerate(parts.parts):
        for chunk in parts.problem.chunks:
            here = chunk.units
            if labels is not None and not (labels[:, here[-1]] == number).any():
                continue
            drawn = draw_units(chunk, parts.task, part.psi, rng, n, gaussian)
            for level, (u, units) in enumerate(zip(drawn, here)):
                first, q = sum(parts.coordinates.engine[:level]), model.design.q[level]
                place = parts.coordinates.place[first:first + len(u)]
                u = u[place >= 0]
                if not q:
                    continue
                if labels is None:
                    out[level][..., units] = u
                else:
                    mine = labels[:, tops[level][units]] == number
                    out[level][..., units] = np.where(mine, u, out[level][..., units])
    return labels, out


def _normal_draws(model, working, rng, n: int) -> list[np.ndarray]:
    """Coordinates (q, n, n_units) of the units of every level, from a normal posterior."""
    levels, q = model.structure.levels, model.design.q
    moments, out, above = posterior_moments(model, working, ancestors=True), [None] * len(q), None
    for number in range(len(q) - 1, -1, -1):
        mean, cov = (np.moveaxis(x, -1, 0) for x in moments[number])
        k = q[number]
        centre, spread = mean[:, None, :k], cov[:, :k, :k]
        if above is not None:
            above = above[:, :, levels[number].parent]  # (a, n, n_units)
            slope = cov[:, :k, k:] @ np.linalg.pinv(cov[:, k:, k:], hermitian=True)
            off = np.moveaxis(above, -1, 0).swapaxes(1, 2) - mean[:, None, k:]
            centre = centre + off @ np.swapaxes(slope, 1, 2)
            spread = spread - slope @ cov[:, k:, :k]
        values, vectors = np.linalg.eigh(spread)
        root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None]
        z = rng.standard_normal((len(mean), n, k))
        own = np.moveaxis(centre + z @ np.swapaxes(root, 1, 2), (0, 1, 2), (2, 1, 0))
        out[number] = own
        above = own if above is None else np.concatenate([own, above])
    return out


def _frame(model, working, name: str, draws, labels, parts) -> pd.DataFrame:
    """Tidy draws of the latent variables of a group."""
    level, units, places, terms = group_latents(model, name)
    levels, group = model.structure.levels, model.sample.groups[name]
    u, at = [draws[level]], np.arange(levels[level].n_units)
    for above in range(level + 1, len(levels)):
        at = levels[above - 1].parent[at]
        u.append(draws[above][..., at])
    whole = np.concatenate(u)
    own = None if labels is None else labels[:, top_units(levels)[level]]
    eta = _natural(model, working, level, places, whole)
    if model.design.varying:
        for number, part in enumerate(parts.parts):
            eta = np.where(own == number, _natural(model, part.working, level, places, whole), eta)
    n = eta.shape[1]
    frame = {"draw": np.repeat(np.arange(n), len(units)), **label_columns(group, n)}
    if labels is not None:
        frame |= parts.class_columns(own[:, units].ravel())
    frame |= {term: values[:, units].ravel() for term, values in zip(terms, eta)}
    return pd.DataFrame(frame)


def _natural(model, working, level: int, places, u: np.ndarray) -> np.ndarray:
    """Latent variables (q, n, n_units) of a level from coordinates (d, n, n_units)."""
    eta_0, root = level_map(model, working, level)
    eta = np.einsum("ij,jng->ing" if root.ndim == 2 else "ijg,jng->ing", root[places], u)
    return eta if eta_0 is None else eta + eta_0[places][:, None]


def label_columns(group, times: int) -> dict:
    """The group's columns, with the labels of its clusters so many times."""
    if group.labels.nlevels == 1:
        return {group.columns[0]: np.tile(group.labels.to_numpy(), times)}
    return {column: np.tile(group.labels.get_level_values(k).to_numpy(), times)
            for k, column in enumerate(group.columns)}
