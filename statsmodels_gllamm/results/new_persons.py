r"""Latent variables of clusters that are known by responses of their own, in the sample or not.

As results/latent.py, with E(eta | y) and cov(eta | y) given the rows of other data at the estimates:
scores of new respondents.
"""
from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd

from statsmodels_gllamm.results.class_posterior import class_unit_posterior
from statsmodels_gllamm.results.given_history import unit_posterior
from statsmodels_gllamm.results.history import read_history
from statsmodels_gllamm.results.latent import (
    KINDS,
    GroupPosterior,
    group_names,
    one_group,
    posterior_of_group,
)


def posterior_of_data(results, data, kind="mean", group=None, offset=None, exposure=None,
                      n_trials=None) -> dict[str, GroupPosterior]:
    """Posterior of the latent variables of every group, given the responses in ``data``.

    Parameters
    ----------
    results : GLLAMMResults
    data : DataFrame
        With responses and groups; rows that are not complete tell nothing. Of a model of wide data,
        wide data too.
    kind : {"mean", "mode"}
    group : str, optional
    offset, exposure, n_trials : str or number, optional
        Columns, or one number.

    Returns
    -------
    dict of str to GroupPosterior
    """
    model, record = results.model, results.record
    if group is not None:
        one_group(model, group)
    if kind not in KINDS:
        raise ValueError(f"kind must be 'mean' or 'mode', not {kind!r}")
    if not model.design.n_latent:
        raise ValueError("the model has no latent variables")
    if kind == "mode" and (len(model.design.given) or model.structure.classes):
        raise NotImplementedError("kind='mode' is not available for models with products of latent "
                                  "variables, or with latent classes; use kind='mean'")
    history, _ = read_history(model, data, offset, exposure, n_trials, "data")
    n_quad = (1,) * len(model.design.q) if kind == "mode" else record.n_quad
    posterior = class_unit_posterior if model.structure.classes else unit_posterior
    natural = posterior(model, record.working, history, n_quad,
                             kind == "mode" or record.integration != "quadrature")
    stand_in = SimpleNamespace(
        structure=replace(model.structure, levels=history.levels),
        sample=SimpleNamespace(groups=history.groups))
    return {name: posterior_of_group(stand_in, name, natural) for name in group_names(model)
            if group is None or name == group}


def latent_of_data(results, data, group=None, kind="mean", covariances=False, **kwargs):
    """Posterior means or modes with standard errors of the clusters in ``data``; as
    ``GLLAMMResults.latent``."""
    found = posterior_of_data(results, data, kind, group, **kwargs)
    frames, matrices = {}, {}
    for name, one in found.items():
        columns = {}
        for term, estimate, se in zip(one.terms, one.estimate.T, one.se.T):
            columns[term], columns[f"se[{term}]"] = estimate, se
        frames[name], matrices[name] = pd.DataFrame(columns, index=one.labels), one.cov
    if len(found) == 1:
        (name,) = found
        frames, matrices = frames[name], matrices[name]
    return (frames, matrices) if covariances else frames
