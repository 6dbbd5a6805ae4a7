r"""The quadrature posterior as a table: nodes and their weights, :math:`E(f(\eta) \mid y) = \sum_k P_k
f(\eta_k)`.

With latent classes, or products of latent variables, nodes of every component k with weights
:math:`p_k P_{k'}`.
"""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.integration.posterior import posterior_nodes as chunk_nodes
from statsmodels_gllamm.results.latent import (
    check_modal,
    group_latents,
    group_names,
    one_group,
    points_for,
    posterior,
)
from statsmodels_gllamm.results.posterior_parts import level_map, parts_of
from statsmodels_gllamm.results.units import top_units


def posterior_nodes(results, group=None, modal=False) -> pd.DataFrame:
    """Nodes and weights of the posterior of a group's latent variables; see
    ``GLLAMMResults.posterior_nodes``."""
    model, record = results.model, results.record
    check_modal(model, modal)
    names = group_names(model)
    if group is None:
        if len(names) != 1:
            raise ValueError(f"group= is one of {', '.join(names)}" if names else
                             "the model has no continuous latent variables")
        (group,) = names
    one_group(model, group)
    level, units, places, terms = group_latents(model, group)
    if model.structure.residuals is not None:  # normal, with a single node at the mean
        mean = posterior(results, "mean", group)[group].estimate.T[:, None]
        one = np.arange(len(units)), 0, np.ones((1, len(units))), mean
        return _table(model, group, terms, lambda part: {}, [one], len(units))
    top = top_units(model.structure.levels)[level]
    found = []
    with model._explained():
        parts = parts_of(model, record.working, *points_for(record, "mean"), modal=modal)
        computed = parts.problem.representative[level][units]
        for number, part in enumerate(parts.parts):
            eta_0, root = level_map(model, part.working, level, part.u)
            for chunk in parts.problem.chunks:
                nodes = chunk_nodes(chunk, parts.task, part.psi)[level]
                place = np.full(model.structure.levels[level].n_units, -1)
                place[chunk.units[level]] = np.arange(len(chunk.units[level]))
                here = np.flatnonzero(place[computed] >= 0)
                at = place[computed[here]]
                u = parts.coordinates.embed(level, nodes.u[..., at])
                own = root[places] if root.ndim == 2 else root[places][..., units[here]]
                eta = np.einsum("ij,jng->ing" if own.ndim == 2 else "ijg,jng->ing", own, u)
                if eta_0 is not None:
                    eta = eta + eta_0[places][:, units[here]][:, None]
                weight = nodes.weight[:, at] * part.weight[top[units[here]]]
                found.append((here, number, weight, eta))
    return _table(model, group, terms, parts.class_columns, found, len(units))


def _table(model, name, terms, classes, found, n_clusters) -> pd.DataFrame:
    """One row per cluster and node, of pieces (clusters (m,), part, weight (N, m), eta (q, N, m));
    ``classes`` gives the columns of classes from numbers of parts."""
    cluster = np.concatenate([np.tile(here, len(w)) for here, _, w, _ in found])
    part = np.concatenate([np.full(w.size, number) for _, number, w, _ in found])
    weight = np.concatenate([w.ravel() for _, _, w, _ in found])
    eta = np.concatenate([x.reshape(len(x), -1) for _, _, _, x in found], axis=1)
    absent = np.setdiff1d(np.arange(n_clusters), cluster)  # of frequency weight zero
    cluster = np.concatenate([cluster, absent])
    part = np.concatenate([part, np.zeros(len(absent), dtype=part.dtype)])
    weight = np.concatenate([weight, np.full(len(absent), np.nan)])
    eta = np.concatenate([eta, np.full((len(eta), len(absent)), np.nan)], axis=1)
    order = np.lexsort([part, cluster])
    cluster = cluster[order]
    first = np.searchsorted(cluster, np.arange(n_clusters))
    group = model.sample.groups[name]
    columns = {}
    for k, column in enumerate(group.columns):
        columns[column] = group.labels.get_level_values(k).to_numpy()[cluster]
    columns["node"] = np.arange(len(cluster)) - first[cluster]
    columns |= classes(part[order])
    columns["weight"] = weight[order]
    return pd.DataFrame(columns | {term: x[order] for term, x in zip(terms, eta)})
