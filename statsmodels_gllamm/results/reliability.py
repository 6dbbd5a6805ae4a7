r"""Reliability of scales: alpha, omega, and the marginal reliability of factor scores.

.. math::

   \alpha = \frac{p}{p - 1} \Big(1 - \frac{\mathrm{tr}\, S}{1'S1}\Big), \qquad
   \omega_m = \frac{(\sum_j \lambda_{jm})^2 V_{mm}}{1'(C V C' + \Theta) 1}, \qquad
   \rho_m = 1 - \frac{\frac1n \sum_i \mathrm{var}(\eta_{im} \mid y_i)}{V_{mm}}

over the p items with loadings on factor m; S is the covariance matrix of the items in the saturated
model, V that of the latent variables (implied.py).  alpha and omega are those of the sum of the
items (Cronbach, 1951, Psychometrika 16, 297-334; McDonald, 1999, Test Theory, ch. 6), rho is that of
the posterior means (Green, Bock, Humphreys, Linn and Reckase, 1984, J. Educ. Meas. 21, 347-360).
"""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.results.delta import derived_table, jacobian
from statsmodels_gllamm.results.frame import frame_of
from statsmodels_gllamm.results.implied import latent_levels, latent_names
from statsmodels_gllamm.results.items import data_rows, person_by_item, repeated
from statsmodels_gllamm.results.latent import posterior
from statsmodels_gllamm.results.saturated import Persons, saturated
from statsmodels_gllamm.results.units import unit_weights

COLUMNS = ["n_items", "alpha", "omega", "omega_se", "marginal", "alpha_missing"]


def reliability(results, items=None, by=None) -> pd.DataFrame:
    """Reliability of every factor; see ``GLLAMMResults.reliability``."""
    model, frame = results.model, frame_of(results, items, by)
    scales: dict[int, list[int]] = {}
    for loading in frame.loadings:
        own = scales.setdefault(loading.latent, [])
        own += [] if loading.cell is None else [loading.cell]
    if not scales:
        raise ValueError("the model has no factor, a latent variable with loadings; reliability is "
                         "that of a factor's items")
    names, marginal, rows = latent_names(model), _marginal(results, frame), {}
    for number, own in sorted(scales.items()):
        omega, error = _omega(results, frame, number, own)
        alpha, missing = _alpha(frame, number, sorted(own))
        rows[names[number]] = [len(own), alpha, omega, error, marginal[number], missing]
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)


def _omega(results, frame, number: int, own) -> tuple[float, float]:
    """Omega and its standard error; NaN where an item is not Gaussian."""
    outcomes = frame.model.outcomes.members
    if not own or not all(outcomes[frame.cells.members[j]].response.gaussian for j in own):
        return np.nan, np.nan
    rows, members = frame.cells.first[own], frame.cells.members[own]
    s_w = frame.s_w[frame.stratum[number]]

    def values(params):
        at = frame.at(params)
        c, latent = at.loadings(rows), at.latent(s_w)
        total = at.residual_covariance(rows, members) + c @ latent @ np.swapaxes(c, -1, -2)
        true = c[..., number].sum(axis=-1) ** 2 * latent[..., number, number]
        return (true / total.sum(axis=(-1, -2)))[..., None]

    table = derived_table(results, [0], *jacobian(values, np.asarray(results.params, float)))
    return float(table["estimate"].iloc[0]), float(table["std_err"].iloc[0])


def _alpha(frame, number: int, own) -> tuple[float, bool]:
    """Alpha, and whether items are missing, so that the covariance matrix is that of EM."""
    if len(own) < 2:
        return np.nan, False
    model, cells = frame.model, frame.cells
    level = model.structure.levels[latent_levels(model)[number]]
    rows = np.flatnonzero(np.isin(cells.codes, own))
    units, person = np.unique(level.codes[data_rows(model)[rows]], return_inverse=True)
    codes = np.searchsorted(own, cells.codes[rows])
    if repeated(person, codes).any() or len(units) <= len(own):
        return np.nan, False
    persons = Persons(person_by_item(cells.y[rows], person, codes, len(units), len(own)),
                      np.ones((len(units), 1)), unit_weights(model, level)[units])
    if (persons.seen.T.astype(float) @ persons.seen == 0).any():
        return np.nan, True
    s, p = saturated(persons).omega, len(own)
    return float(p / (p - 1) * (1 - np.trace(s) / s.sum())), not persons.complete


def _marginal(results, frame) -> dict[int, float]:
    """Marginal reliability of every factor, over the persons who have items of it."""
    model = results.model
    sd = frame.latent_sd(frame.at(np.asarray(results.params, dtype=float)))
    found, out, number = posterior(results), {}, 0
    for block in model.structure.blocks:
        one, level = found[block.group], model.structure.levels[block.level]
        group = model.sample.groups[block.group]
        units = level.codes[first_rows(group.codes, group.n_clusters)]
        for term in block.terms:
            some = np.bincount(level.codes, frame.inside[number], level.n_units)[units] > 0
            weight = (unit_weights(model, level)[units] * some)[some]
            variance = one.cov[some, one.terms.index(term), one.terms.index(term)]
            with np.errstate(divide="ignore", invalid="ignore"):
                mean = np.sum(weight * np.where(weight > 0, variance, 0.0)) / weight.sum()
                out[number] = float(1 - mean / sd[number] ** 2)
            number += 1
    return out
