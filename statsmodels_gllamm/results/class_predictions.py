r"""Predictions of models with latent classes, and responses drawn from them.

.. math:: E(y_i) = \sum_c \pi_c(w_i)\, E(y_i \mid c), \qquad
          E(y_i \mid y_j) = \sum_c p_{jc}\, E(y_i \mid c)

with the posterior probabilities :math:`p_{jc}` of the cluster of the row.  Within a class continuous
latent variables are integrated over their distribution; given the responses of a cluster that would
have to be the posterior one, which is not available.
"""
from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.options import integer, one_of
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.rows import as_frame
from statsmodels_gllamm.results import linear, regression
from statsmodels_gllamm.results.class_combinations import (
    ancestors,
    combinations_of,
    posterior_of_units,
    prior_of_rows,
)
from statsmodels_gllamm.results.latent import level_units
from statsmodels_gllamm.results.over_normal import over_normal
from statsmodels_gllamm.results.predict import _check_mean
from statsmodels_gllamm.results.rows import Asked, Rows, rows_of

WHICH = ("mean", "posterior", "class")


def class_shifts(model, working, rows: Rows) -> list[np.ndarray]:
    """What the classes of every variable add to the linear predictors of the rows (n_classes, P, n)."""
    predictors, found = list(model.structure.predictors), []
    mixture = ClassMixture(model.design, model.structure.classes)
    for variable, classes in zip(model.classes, model.structure.classes):
        beta = mixture.coefficients(working, classes)
        values = {name: column.to_numpy() for key in variable.parts
                  for name, column in rows.data.designs[key].items()}
        out = np.zeros((classes.n, len(predictors), len(rows.offset)))
        for column, own in zip(classes.columns, beta.T):
            out[:, predictors.index(column.predictor)] += own[:, None] * values[column.term]
        found.append(out)
    return found


def prior_probabilities(model, working, rows: Rows) -> np.ndarray:
    """Probabilities (K, n) of the combinations of classes by the covariates of the rows."""
    membership = [rows.data.designs[variable.membership].to_numpy() for variable in model.classes]
    return prior_of_rows(model, working, membership)


def predict_classes(model, params, data=None, which="mean", offset=None, exposure=None,
                    n_trials=None) -> np.ndarray:
    """Predicted means (m,), or (m, K) of ``which="class"``; see ``ClassResults.predict``."""
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
        weight = _posterior(model, np.asarray(params, dtype=float), data, rows, weight)
    out[rows.kept, 0] = (weight * means).sum(axis=0)
    return out[:, 0]


def class_values(model, working, rows: Rows, kind="mean") -> np.ndarray:
    """Means (K, n) of the responses in every combination of classes, or probabilities (K, m, n) of
    ``kind`` "prob"."""
    family = model.fitted_family
    outcomes = family.outcomes(rows.data)
    sets = linear.row_sets(outcomes)
    mixture = ClassMixture(model.design, model.structure.classes)
    shifts, found = class_shifts(model, working, rows), []
    for choice in combinations_of(model.structure.classes):
        here = mixture.of_class(working, replace(mixture.first, classes=choice))
        aux = linear.aux_predictors(model, here, outcomes, rows.data.n)
        o, c = linear.linear_parts(model, here, rows)
        root = regression.solution(model.design, here, rows.regressors)[1]
        shift = sum(own[k] for own, k in zip(shifts, choice))
        nu, own = linear.prior(o + shift, c, root, {}, sets is not None)
        if kind == "mean":
            _check_mean(model, outcomes, own)
        found.append(over_normal(nu, own, sets)(
            lambda piece, aux=aux: family.moments(kind, aux[:, piece], rows.data.on(piece), None)))
    return np.array(found)


def _posterior(model, params, data, rows: Rows, prior) -> np.ndarray:
    """Probabilities (K, n) of the combinations given the responses of the row's cluster; of clusters
    that the sample does not have, those by covariates."""
    if not len(model.sample.index):
        raise ValueError("which='posterior' needs the estimation sample, which remove_data() has "
                         "removed")
    classes = min(model.structure.classes, key=lambda own: own.level)
    group = model.sample.groups[classes.group]
    code = group.codes if data is None else group.recode(data[rows.kept])
    record = _At(model.design.to_working(params), (1,) * len(model.design.q))
    weights = posterior_of_units(model, record)
    units = level_units(model.structure, group)[1]
    return np.where(code >= 0, weights[:, units[code]], prior)


class _At(NamedTuple):
    """Where posterior probabilities are asked for, as a `FitRecord` says it."""

    working: np.ndarray
    n_quad: tuple[int, ...]
    integration: str = "adaptive"


def simulate(results, n: int = 1, rng=None) -> pd.DataFrame:
    """Responses (rows, n) of the sample's rows; see ``GLLAMMResults.simulate``."""
    model, n = results.model, integer("n", n, 0)
    rng = np.random.default_rng(rng)
    working, family = results.record.working, model.fitted_family
    rows = rows_of(model, None, Asked("mean", "prior"))
    outcomes, columns = family.outcomes(rows.data), []
    mixture = ClassMixture(model.design, model.structure.classes)
    parts = {}
    for choice in combinations_of(model.structure.classes) if model.design.varying else [
            mixture.first.classes]:
        here = mixture.of_class(working, replace(mixture.first, classes=choice))
        o, c = linear.linear_parts(model, here, rows)
        root = regression.solution(model.design, here, rows.regressors)[1]
        parts[choice] = (o, regression.loadings(c, root),
                         linear.aux_predictors(model, here, outcomes, rows.data.n))
    shifts, levels = class_shifts(model, working, rows), model.structure.levels
    for _ in range(n):
        drawn = _drawn_classes(model, working, rng)
        own = [unit[levels[v.level].codes] for v, unit in zip(model.structure.classes, drawn)]
        o, a, aux = _of_classes(parts, own)
        u = np.concatenate([np.zeros((0, o.shape[1])), *(
            rng.standard_normal((q, level.n_units))[:, level.codes]
            for level, q in zip(levels, model.design.q))])
        nu = o + np.einsum("pdn,dn->pn", a, u)
        for shift, c in zip(shifts, own):
            nu = nu + np.moveaxis(shift, 0, -1)[:, np.arange(len(c)), c]
        value = family.simulate(rng, nu, aux, rows.data)
        if model.sample.endog.ndim == 2:
            value = np.rint(value * rows.data.n_trials)
        columns.append(value)
    return pd.DataFrame(dict(enumerate(columns)), index=model.sample.index, columns=range(n))


def _drawn_classes(model, working, rng) -> list[np.ndarray]:
    """A class (n_units,) for every unit of every variable, from the highest level down."""
    variables, levels = model.structure.classes, model.structure.levels
    delta = working[model.design.layout.positions("prob")]
    found: dict[int, np.ndarray] = {}
    for v in sorted(variables, key=lambda own: -own.level):
        above = [found[other.number][ancestors(levels, v.level, variables[other.number].level)]
                 for other in v.above]
        w = [v.membership, *(np.eye(len(other.labels))[c][:, 1:]
                             for other, c in zip(v.above, above))]
        edges = np.cumsum(np.exp(v.log_probabilities(delta[v.places[1]], np.hstack(w))), axis=0)
        drawn = (rng.random(levels[v.level].n_units) > edges[:-1]).sum(axis=0)
        found[v.number] = np.where(v.known >= 0, v.known, drawn)
    return [found[number] for number in range(len(variables))]


def _of_classes(parts, own):
    """Offsets (P, n), loadings (P, D, n) and auxiliary predictors (m, n) of rows in their classes."""
    if len(parts) == 1:
        return next(iter(parts.values()))
    out = None
    for choice, values in parts.items():
        here = np.all([c == k for c, k in zip(own, choice)], axis=0)
        out = [np.zeros_like(x) for x in values] if out is None else out
        for whole, x in zip(out, values):
            whole[..., here] = x[..., here]
    return out
