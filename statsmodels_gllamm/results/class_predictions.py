r"""Predictions of models with latent classes, and responses drawn from them.

.. math:: E(y_i) = \sum_c \pi_c(w_i)\, E(y_i \mid c), \qquad
          E(y_i \mid y_j) = \sum_c p_{jc}\, E(y_i \mid c)

with the posterior probabilities :math:`p_{jc}` of the cluster of the row.  Within a class continuous
latent variables are integrated over their distribution; given the responses of a cluster that would
have to be the posterior one, which is not available.
"""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.classes import ClassMixture
from statsmodels_gllamm.estimation.options import integer, one_of
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.rows import as_frame
from statsmodels_gllamm.results import linear, regression
from statsmodels_gllamm.results.latent import level_units
from statsmodels_gllamm.results.over_normal import over_normal
from statsmodels_gllamm.results.predict import _check_mean
from statsmodels_gllamm.results.rows import Asked, Rows, rows_of

WHICH = ("mean", "posterior", "class")


def class_shifts(model, working, rows: Rows) -> np.ndarray:
    """What the classes add to the linear predictors of the rows (n_classes, P, n)."""
    classes, predictors = model.structure.classes, list(model.structure.predictors)
    beta = ClassMixture(model.design, classes).coefficients(working)
    values = {name: column.to_numpy() for key in model.classes.parts
              for name, column in rows.data.designs[key].items()}
    out = np.zeros((classes.n, len(predictors), len(rows.offset)))
    for column, own in zip(classes.columns, beta.T):
        out[:, predictors.index(column.predictor)] += own[:, None] * values[column.term]
    return out


def prior_probabilities(model, working, rows: Rows) -> np.ndarray:
    """Class probabilities (n_classes, n) by the covariates of the rows."""
    w = rows.data.designs[model.classes.membership].to_numpy()
    at = model.design.layout.positions("prob")
    return np.exp(model.structure.classes.log_probabilities(working[at], w))


def predict_classes(model, params, data=None, which="mean", offset=None, exposure=None,
                    n_trials=None) -> np.ndarray:
    """Predicted means (m,), or (m, n_classes) of ``which="class"``; see ``ClassResults.predict``."""
    one_of("which", which, WHICH)
    if data is not None:
        data = as_frame(data)
    if which == "posterior" and model.design.n_latent:
        raise NotImplementedError("which='posterior' is not available for models with latent classes "
                                  "and continuous latent variables; use which='mean' or 'class'")
    rows = rows_of(model, data, Asked("mean", "prior"), None, offset, exposure, n_trials)
    if rows.absent:
        raise DataError(f"predictions need the columns {', '.join(rows.absent)}, which the data do "
                        "not have")
    working = model.design.to_working(np.asarray(params, dtype=float))
    means = class_values(model, working, rows)
    out = np.full((len(rows.kept), len(means)), np.nan)
    if which == "class":
        out[rows.kept] = means.T
        return out
    weight = prior_probabilities(model, working, rows)
    if which == "posterior":
        weight = _posterior(model, working, data, rows, weight)
    out[rows.kept, 0] = (weight * means).sum(axis=0)
    return out[:, 0]


def class_values(model, working, rows: Rows, kind="mean") -> np.ndarray:
    """Means (n_classes, n) of the responses in every class, or probabilities (n_classes, K, n) of
    ``kind`` "prob"."""
    family = model.fitted_family
    outcomes = family.outcomes(rows.data)
    sets = linear.row_sets(outcomes)
    aux = linear.aux_predictors(model, working, outcomes, rows.data.n)
    o, c = linear.linear_parts(model, working, rows)
    root = regression.solution(model.design, working, rows.regressors)[1]
    found = []
    for shift in class_shifts(model, working, rows):
        nu, own = linear.prior(o + shift, c, root, {}, sets is not None)
        if kind == "mean":
            _check_mean(model, outcomes, own)
        found.append(over_normal(nu, own, sets)(
            lambda piece: family.moments(kind, aux[:, piece], rows.data.on(piece), None)))
    return np.array(found)


def _posterior(model, working, data, rows: Rows, prior) -> np.ndarray:
    """Class probabilities (n_classes, n) given the responses of the row's cluster; of clusters that
    the sample does not have, those by covariates."""
    if not len(model.sample.index):
        raise ValueError("which='posterior' needs the estimation sample, which remove_data() has "
                         "removed")
    group = model.sample.groups[model.structure.classes.group]
    code = group.codes if data is None else group.recode(data[rows.kept])
    with model._explained():
        weights = model._objective((1,) * len(model.design.q)).weights(working)
    units = level_units(model.structure, group)[1]
    return np.where(code >= 0, weights[:, units[code]], prior)


def simulate(results, n: int = 1, rng=None) -> pd.DataFrame:
    """Responses (rows, n) of the sample's rows; see ``GLLAMMResults.simulate``."""
    model, n = results.model, integer("n", n, 0)
    rng = np.random.default_rng(rng)
    working, family, classes = results.record.working, model.fitted_family, model.structure.classes
    rows = rows_of(model, None, Asked("mean", "prior"))
    aux = linear.aux_predictors(model, working, family.outcomes(rows.data), rows.data.n)
    o, c = linear.linear_parts(model, working, rows)
    a = regression.loadings(c, regression.solution(model.design, working, rows.regressors)[1])
    shifts, top, columns = class_shifts(model, working, rows), model.structure.levels[-1], []
    edges = np.cumsum(np.exp(ClassMixture(model.design, classes).log_prior(working)), axis=0)[:-1]
    for _ in range(n):
        drawn = (rng.random(top.n_units) > edges).sum(axis=0)
        own = np.where(classes.known >= 0, classes.known, drawn)[top.codes]
        u = np.concatenate([np.zeros((0, o.shape[1])), *(
            rng.standard_normal((q, level.n_units))[:, level.codes]
            for level, q in zip(model.structure.levels, model.design.q))])
        nu = o + np.einsum("pdn,dn->pn", a, u)
        nu = nu + np.moveaxis(shifts, 0, -1)[:, np.arange(len(own)), own]
        value = family.simulate(rng, nu, aux, rows.data)
        if model.sample.endog.ndim == 2:
            value = np.rint(value * rows.data.n_trials)
        columns.append(value)
    return pd.DataFrame(dict(enumerate(columns)), index=model.sample.index, columns=range(n))
