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
from statsmodels_gllamm.results.implied import latent_levels, latent_names, unit_weights
from statsmodels_gllamm.results.items import data_rows, person_by_item, repeated
from statsmodels_gllamm.results.latent import posterior
from statsmodels_gllamm.results.saturated import Persons, saturated
from statsmodels_gllamm.results.standardized import frame_of, loadings_of

COLUMNS = ["n_items", "alpha", "omega", "omega_se", "marginal", "alpha_missing"]


def reliability(results, items=None) -> pd.DataFrame:
    """Reliability of every factor; see ``GLLAMMResults.reliability``."""
    model, frame = results.model, frame_of(results, items)
    scales: dict[int, list[str]] = {}
    for _, number, factor, label, _ in loadings_of(model):
        by_item = frame.items is not None and model.sample.factors[factor].codes is not None
        scales.setdefault(number, []).extend([label] if by_item else [])
    if not scales:
        raise ValueError("the model has no factor, a latent variable with loadings; reliability is "
                         "that of a factor's items")
    names = latent_names(model)
    marginal = _marginal(results, frame)
    rows = {}
    for number, labels in scales.items():
        own = [frame.items.names.index(label) for label in labels if label in frame.items.names] if (
            frame.items is not None) else []
        omega, error = _omega(results, frame, number, own)
        alpha, missing = _alpha(model, frame.items, number, own)
        rows[names[number]] = [len(own), alpha, omega, error, marginal[number], missing]
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)


def _omega(results, frame, number: int, own) -> tuple[float, float]:
    """Omega and its standard error; NaN where an item is not Gaussian."""
    members = frame.model.outcomes.members
    if not own or not all(members[frame.items.members[frame.items.first[j]]].response.gaussian
                          for j in own):
        return np.nan, np.nan
    rows = frame.items.first[own]

    def values(params):
        at = frame.at(params)
        c, total = at.loadings(rows), at.residual_covariance(rows, frame.items.members[rows])
        total = total + c @ at.latent @ np.swapaxes(c, -1, -2)
        true = c[..., number].sum(axis=-1) ** 2 * at.latent[..., number, number]
        return (true / total.sum(axis=(-1, -2)))[..., None]

    table = derived_table(results, [0], *jacobian(values, np.asarray(results.params, float)))
    return float(table["estimate"].iloc[0]), float(table["std_err"].iloc[0])


def _alpha(model, items, number: int, own) -> tuple[float, bool]:
    """Alpha, and whether items are missing, so that the covariance matrix is that of EM."""
    if items is None or len(own) < 2:
        return np.nan, False
    level = model.structure.levels[latent_levels(model)[number]]
    rows = np.flatnonzero(np.isin(items.codes, own))
    units = level.codes[data_rows(model)[rows]]
    units, person = np.unique(units, return_inverse=True)
    codes = np.searchsorted(own, items.codes[rows]) if own == sorted(own) else np.array(
        [own.index(code) for code in items.codes[rows]])
    if repeated(person, codes).any() or len(units) <= len(own):
        return np.nan, False
    y = person_by_item(items.y[rows], person, codes, len(units), len(own))
    persons = Persons(y, np.ones((len(units), 1)), unit_weights(model, level)[units])
    together = persons.seen.T.astype(float) @ persons.seen
    if (together == 0).any():
        return np.nan, True
    s = saturated(persons).omega
    p = len(own)
    return float(p / (p - 1) * (1 - np.trace(s) / s.sum())), not persons.complete


def _marginal(results, frame) -> dict[int, float]:
    """Marginal reliability of every latent variable."""
    model = results.model
    total = np.diag(frame.at(np.asarray(results.params, dtype=float)).latent)
    found, first = posterior(results), 0
    out = {}
    for block in model.structure.blocks:
        one, level = found[block.group], model.structure.levels[block.level]
        group = model.sample.groups[block.group]
        units = level.codes[first_rows(group.codes, group.n_clusters)]
        weight = unit_weights(model, level)[units]
        for k, term in enumerate(block.terms):
            variance = one.cov[:, one.terms.index(term), one.terms.index(term)]
            some = weight > 0
            mean = weight[some] @ variance[some] / weight[some].sum()
            with np.errstate(divide="ignore", invalid="ignore"):
                out[first + k] = float(1 - np.divide(mean, total[first + k]))
        first += len(block.terms)
    return out
