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

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from statsmodels_gllamm.latent.build import latent_columns
from statsmodels_gllamm.results.delta import derived_table, jacobian
from statsmodels_gllamm.results.estimates import row_weights
from statsmodels_gllamm.results.implied import (
    covariate_covariance,
    covariate_names,
    implied,
    latent_names,
    weighted_covariance,
)
from statsmodels_gllamm.results.items import Items, data_rows, find_items

SCALES = ("std_all", "std_lv")


@dataclass(eq=False)
class Frame:
    """What the standardised solution needs of a model, without parameters.

    Attributes
    ----------
    model : GLLAMMModel
    items : Items or None
        None where rows are not answers to items, or items have other loadings in some rows.
    s_w : ndarray (K, K)
        Covariance matrix of the covariates of the latent variables.
    spread : ndarray (p, r, r)
        Covariance matrices of the row columns within each item.
    """

    model: object
    items: Items | None
    s_w: np.ndarray
    spread: np.ndarray = field(init=False)

    def __post_init__(self):
        if self.items is None:
            self.spread = np.zeros((0, 0, 0))
            return
        columns = self.model.structure.columns
        weight = row_weights(self.model.sample)[data_rows(self.model)]
        terms = (self.model.design.fixed, *self.model.design.regressors)
        used = sorted({int(r) for t in terms for r in t.row})
        self.spread = np.zeros((len(self.items.names), len(columns), len(columns)))
        if not used:
            return
        values = np.stack([columns[r] for r in used], axis=-1)
        for j in range(len(self.items.names)):
            own = self.items.codes == j
            self.spread[np.ix_([j], used, used)] = weighted_covariance(values[own], weight[own])

    def at(self, params):
        """The model's moments at natural parameters (..., k)."""
        return implied(self.model, params, self.s_w)

    def item_variances(self, at):
        """Variances (..., p) of items: of their means given covariates, of the latent variables
        given covariates, and of their residuals."""
        first = self.items.first
        c = at.loadings(first)
        common = np.einsum("...pd,...de,...pe->...p", c, at.given_covariates, c)
        residual = at.residual_variances(first, self.items.members[first])
        return at.mean_variance(self.spread) + common + residual


def frame_of(results, items=None) -> Frame:
    """The frame of a fitted model.

    Parameters
    ----------
    results : GLLAMMResults
    items : str, optional
        Column that names the item of each row.
    """
    model = results.model
    found = find_items(model, items)
    if found is not None and not _constant(model, found, results.params):
        found = None
    return Frame(model, found, covariate_covariance(model))


def _constant(model, items, params) -> bool:
    """Whether all rows of an item have the same loadings and residual variance."""
    at = implied(model, np.asarray(params, dtype=float))
    rows, first = np.arange(len(items.codes)), items.first[items.codes]
    return (np.allclose(at.loadings(rows), at.loadings(first), rtol=1e-8, atol=1e-10)
            and np.allclose(at.residual_variances(rows, items.members),
                            at.residual_variances(first, items.members[first]), equal_nan=True))


def loadings_of(model):
    """(name, latent variable, factor, label, value or NaN) of every loading that is not zero."""
    number, structure = 0, model.structure
    stands = [term for block in structure.blocks for term in block.terms]
    for block in structure.blocks:
        for name, (_, term, _, factor) in zip(
                block.names, latent_columns(model.sample, structure.predictors, block)):
            if factor is not None and factor == term:
                design = model.sample.factors[factor]
                shown = factor if stands.count(term) == 1 else name
                for label, value in zip(design.names, np.asarray(design.loadings, dtype=float)):
                    if value != 0:
                        yield f"lambda[{shown},{label}]", number, factor, label, value
            number += 1


def standardized(results, kind="std_all", alpha=0.05, items=None) -> pd.DataFrame:
    """Table of the standardised solution; see ``GLLAMMResults.standardized``."""
    if kind not in SCALES:
        raise ValueError(f"kind must be 'std_all' or 'std_lv', not {kind!r}")
    model, frame = results.model, frame_of(results, items)
    if not model.design.q:
        raise ValueError("the model has no latent variables, so that there is nothing to standardise")
    names, kinds = _names(model, frame, kind)

    def values(params):
        at = frame.at(params)
        parts = [_loadings(frame, at, kind), _regressions(frame, at, kind), _covariances(at)]
        if kind == "std_all":
            parts.append(_residuals(frame, at))
        return np.concatenate(parts, axis=-1)

    table = derived_table(results, names, *jacobian(values, np.asarray(results.params, float)), alpha)
    table.insert(0, "kind", kinds)
    return table


def _names(model, frame, kind):
    """Names and kinds of the rows of the table."""
    layout = model.design.layout
    loadings = [name for name, *_ in loadings_of(model)]
    regressions = [layout.names[i] for block in ("gamma", "b") for i in layout.positions(block)]
    covariances = list(_pairs(model))
    residuals = _residual_names(frame) if kind == "std_all" else []
    names = [*loadings, *regressions, *covariances, *residuals]
    kinds = ["loading"] * len(loadings) + ["regression"] * len(regressions) + [
        name.partition("[")[0].replace("var", "variance").replace("cov", "covariance")
        for name in covariances] + ["residual variance"] * len(residuals)
    return names, kinds


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


def _sd(matrix):
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.einsum("...ii->...i", matrix))


def _loadings(frame, at, kind):
    model, sd, out = frame.model, _sd(at.latent), []
    place = {name: i for i, name in enumerate(model.param_names)}
    item_sd = None
    if kind == "std_all" and frame.items is not None:
        item_sd = dict(zip(frame.items.names, np.moveaxis(np.sqrt(frame.item_variances(at)), -1, 0)))
    for _, number, factor, label, value in loadings_of(model):
        free = place.get(f"lambda[{factor},{label}]")
        one = (value if free is None else at.params[..., free]) * sd[..., number]
        if kind == "std_all":
            by_item = item_sd is not None and model.sample.factors[factor].codes is not None
            one = one / item_sd[label] if by_item and label in item_sd else one * np.nan
        out.append(one)
    return np.stack(out, axis=-1) if out else np.zeros(at.params.shape[:-1] + (0,))


def _regressions(frame, at, kind):
    design = frame.model.design
    if design.structural is None:
        return np.zeros(at.params.shape[:-1] + (0,))
    sd, structural = _sd(at.latent), design.structural
    gamma = at.params[..., design.layout.positions("gamma")]
    b = at.params[..., design.layout.positions("b")]
    scale = _sd(frame.s_w)[structural.gamma[:, 1]] if kind == "std_all" else 1.0
    return np.concatenate([gamma * scale / sd[..., structural.gamma[:, 0]],
                           b * sd[..., structural.b[:, 1]] / sd[..., structural.b[:, 0]]], axis=-1)


def _covariances(at):
    """Variances against the total variance; correlations of disturbances."""
    total, own = _sd(at.latent), _sd(at.psi)
    out = [at.psi[..., i, j] / (total[..., i] ** 2 if i == j else own[..., i] * own[..., j])
           for i, j in _pairs(at.model).values()]
    return np.stack(out, axis=-1)


def _gaussian(frame) -> np.ndarray:
    """Items whose residual variance is a parameter."""
    if frame.items is None:
        return np.zeros(0, dtype=np.int64)
    members = frame.model.outcomes.members
    return np.array([j for j, number in enumerate(frame.items.members[frame.items.first])
                     if members[number].response.gaussian], dtype=np.int64)


def _residual_names(frame) -> list[str]:
    return [f"var[{frame.items.names[j]}]" for j in _gaussian(frame)]


def _residuals(frame, at):
    """Residual variances of Gaussian items against their variances."""
    own = _gaussian(frame)
    if not len(own):
        return np.zeros(at.params.shape[:-1] + (0,))
    first = frame.items.first
    residual = at.residual_variances(first, frame.items.members[first])
    return (residual / frame.item_variances(at))[..., own]


def r_squared_latent(results, alpha=0.05) -> pd.DataFrame:
    """Explained variances of latent variables; see ``GLLAMMResults.r_squared_latent``."""
    model, structural = results.model, results.model.design.structural
    if structural is None:
        raise ValueError("no latent variable is regressed, so that none has an explained variance; "
                         "give regressions=, or ask for r_squared_items()")
    frame = Frame(model, None, covariate_covariance(model))
    own = np.unique(np.concatenate([structural.gamma[:, 0], structural.b[:, 0]]))

    def values(params):
        at = frame.at(params)
        return (1 - (_sd(at.psi) / _sd(at.latent)) ** 2)[..., own]

    names = [latent_names(model)[m] for m in own]
    return _bounded(results, names, values, alpha)


def r_squared_items(results, alpha=0.05, items=None) -> pd.DataFrame:
    """Explained variances of items; see ``GLLAMMResults.r_squared_items``."""
    frame = frame_of(results, items)
    if frame.items is None:
        raise ValueError("the rows of this model are not answers to items with loadings of their own; "
                         "where a column tells items apart, give items=")
    first = frame.items.first

    def values(params):
        at = frame.at(params)
        return 1 - at.residual_variances(first, frame.items.members[first]) / (
            frame.item_variances(at))

    return _bounded(results, frame.items.names, values, alpha)


def _bounded(results, names, values, alpha):
    """Table without test: an explained variance of zero is at the edge of what is possible."""
    at = jacobian(values, np.asarray(results.params, float))
    return derived_table(results, names, *at, alpha).drop(columns=["z", "pvalue"])


def latent_number(model, name) -> int:
    """Number of a latent variable, by its full name or by a term that one group only has."""
    names = latent_names(model)
    if name in names:
        return names.index(name)
    terms = [term for block in model.structure.blocks for term in block.terms]
    if terms.count(name) == 1:
        return terms.index(name)
    raise ValueError(f"{name!r} is not a latent variable of this model: {', '.join(names) or 'none'}")


def covariate_number(model, name) -> int | None:
    """Number of a covariate of the latent variables, or None."""
    names = covariate_names(model)
    return names.index(name) if name in names else None
