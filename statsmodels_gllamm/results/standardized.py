r"""The standardised solution, and explained variances.

With V the covariance matrix of the latent variables that the model implies, and sigma_j^2 the
variance of item j (implied.py),

.. math:: \lambda_{jm} \sqrt{V_{mm}} / \sigma_j, \qquad \gamma_{mk} s_k / \sqrt{V_{mm}}, \qquad
          b_{ml} \sqrt{V_{ll} / V_{mm}}, \qquad \psi_{mm} / V_{mm}, \qquad
          \psi_{ml} / \sqrt{\psi_{mm} \psi_{ll}}

are those of "std_all"; "std_lv" leaves out sigma_j and s_k, the standard deviations of items and
covariates.
"""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.results.delta import derived_table, jacobian
from statsmodels_gllamm.results.frame import frame_of
from statsmodels_gllamm.results.implied import latent_names

SCALES = ("std_all", "std_lv")


def standardized(results, kind="std_all", alpha=0.05, items=None, by=None) -> pd.DataFrame:
    """Table of the standardised solution; see ``GLLAMMResults.standardized``."""
    if kind not in SCALES:
        raise ValueError(f"kind must be 'std_all' or 'std_lv', not {kind!r}")
    model, frame = results.model, frame_of(results, items, by)
    names, kinds = _names(model, frame, kind)

    def values(params):
        at = frame.at(params)
        sd = frame.latent_sd(at)
        parts = [_loadings(frame, at, sd, kind), _regressions(frame, at, sd, kind),
                 _covariances(frame, at)]
        if kind == "std_all":
            parts += [_residuals(frame, at), _residual_correlations(frame, at)]
        return np.concatenate(parts, axis=-1)

    table = derived_table(results, names, *jacobian(values, np.asarray(results.params, float)), alpha)
    table.insert(0, "kind", kinds)
    return table


def _names(model, frame, kind):
    """Names and kinds of the rows of the table."""
    layout = model.design.layout

    def of(*blocks):
        return [layout.names[i] for block in blocks for i in layout.positions(block)]

    found = [("loading", [loading.name for loading in frame.loadings]),
             ("regression", of("gamma", "b"))]
    found += [("variance" if name.startswith("var[") else "covariance", [name])
              for name in _pairs(model)]
    if kind == "std_all":
        found += [("residual variance", [f"var[{frame.cells.names[j]}]" for j in _gaussian(frame)]),
                  ("residual covariance", of("rescov") if frame.cells is not None else [])]
    return ([name for _, names in found for name in names],
            [one for one, names in found for _ in names])


def _pairs(model) -> dict[str, tuple[int, int]]:
    """Variances and covariances of disturbances that are not zero by the model, by name."""
    found, first = {}, 0
    for c in model.design.covariances:
        free, constant = set(c.pairs()), c.matrix(np.zeros(len(c.pairs())))
        for i in range(c.q):
            for j in range(i + 1):
                if i == j:
                    found[f"var[{c.names[i]}]"] = (first + i, first + i)
                elif (i, j) in free or constant[i, j]:
                    found[f"cov[{c.names[j]},{c.names[i]}]"] = (first + i, first + j)
        first += c.q
    return found


def _stacked(columns, at):
    """Columns (...,) as an array (..., m)."""
    return np.stack(columns, axis=-1) if columns else np.zeros(at.params.shape[:-1] + (0,))


def _loadings(frame, at, sd, kind):
    item_sd = np.sqrt(frame.item_variances(at)) if frame.cells is not None else None
    out = []
    for loading in frame.loadings:
        free = loading.position is not None
        value = at.params[..., loading.position] if free else loading.value
        value = value * sd[..., loading.latent]
        if kind == "std_all":
            value = value * np.nan if loading.cell is None else value / item_sd[..., loading.cell]
        out.append(value)
    return _stacked(out, at)


def _regressions(frame, at, sd, kind):
    design = frame.model.design
    if design.structural is None:
        return _stacked([], at)
    gamma, b = (at.params[..., design.layout.positions(block)] for block in ("gamma", "b"))
    out = [gamma[..., g] * frame.covariate_sd(to, of, kind) / sd[..., to]
           for g, (to, of) in enumerate(design.structural.gamma)]
    out += [b[..., h] * sd[..., of] / sd[..., to] for h, (to, of) in enumerate(design.structural.b)]
    return _stacked(out, at)


def _covariances(frame, at):
    """Variances against the total variance; correlations of disturbances."""
    total, own = frame.latent_variances(at), np.sqrt(np.einsum("...ii->...i", at.psi))
    return _stacked([at.psi[..., i, j] / (total[..., i] if i == j else own[..., i] * own[..., j])
                     for i, j in _pairs(at.model).values()], at)


def _gaussian(frame) -> list[int]:
    """Cells whose residual variance is a parameter."""
    if frame.cells is None:
        return []
    members = frame.model.outcomes.members
    return [j for j, number in enumerate(frame.cells.members) if members[number].response.gaussian]


def _residuals(frame, at):
    """Residual variances of Gaussian items against their variances."""
    own = _gaussian(frame)
    if not own:
        return _stacked([], at)
    return (frame.residual_variances(at) / frame.item_variances(at))[..., own]


def _residual_correlations(frame, at):
    """Correlations of the residuals of items."""
    residuals = getattr(frame.model.structure, "residuals", None)
    if residuals is None or frame.cells is None:
        return _stacked([], at)
    variances, labels = frame.residual_variances(at), residuals.labels[frame.cells.first]
    values, out = at.params[..., frame.model.design.layout.positions("rescov")], []
    for number, pair in enumerate(residuals.pairs):
        own = [np.flatnonzero(labels == label) for label in pair]
        one = all(len(cells) == 1 for cells in own)
        product = np.prod([variances[..., cells[0]] for cells in own], axis=0) if one else np.nan
        out.append(values[..., number] / np.sqrt(product))
    return _stacked(out, at)


def r_squared_latent(results, alpha=0.05, by=None) -> pd.DataFrame:
    """Explained variances of latent variables; see ``GLLAMMResults.r_squared_latent``."""
    model, structural = results.model, results.model.design.structural
    if structural is None:
        raise ValueError("no latent variable is regressed, so that none has an explained variance; "
                         "give regressions=, or ask for r_squared_items()")
    frame = frame_of(results, by=by)
    own = np.unique(np.concatenate([structural.gamma[:, 0], structural.b[:, 0]]))

    def values(params):
        at = frame.at(params)
        return (1 - np.einsum("...ii->...i", at.psi) / frame.latent_variances(at))[..., own]

    return _bounded(results, [latent_names(model)[m] for m in own], values, alpha)


def r_squared_items(results, alpha=0.05, items=None, by=None) -> pd.DataFrame:
    """Explained variances of items; see ``GLLAMMResults.r_squared_items``."""
    frame = frame_of(results, items, by)
    if frame.cells is None:
        raise ValueError("the rows of this model are not answers to items with loadings of their own; "
                         "where a column tells items apart, give items=")

    def values(params):
        at = frame.at(params)
        return 1 - frame.residual_variances(at) / frame.item_variances(at)

    return _bounded(results, frame.cells.names, values, alpha)


def _bounded(results, names, values, alpha):
    """Table without test: an explained variance of zero is at the edge of what is possible."""
    at = jacobian(values, np.asarray(results.params, float))
    return derived_table(results, names, *at, alpha).drop(columns=["z", "pvalue"])
