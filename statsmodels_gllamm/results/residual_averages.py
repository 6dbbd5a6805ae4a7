r"""Averages of functions of the sample's linear predictors over what is known of the latent variables.

.. math:: \text{prior: } E f(\nu_i), \qquad \text{posterior: } E\{f(\nu_i) \mid y_j\}, \qquad
          \text{history: } E\{f(\nu_i) \mid y_{j1}, \ldots, y_{j,i-1}\}

with y_j all responses of the row's top-level unit, in the order of the data.  Latent classes are
averaged over with prior or posterior probabilities.  The history of the t-th outcomes of all units is
one problem, whose rows are those before.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.estimation import classes as latent_classes
from statsmodels_gllamm.estimation.options import one_of
from statsmodels_gllamm.integration.chunks import build_problem
from statsmodels_gllamm.integration.posterior import row_expectation
from statsmodels_gllamm.latent.build import weights_of
from statsmodels_gllamm.results import linear, regression
from statsmodels_gllamm.results.class_predictions import class_shifts, prior_probabilities
from statsmodels_gllamm.results.posterior_parts import coordinates_of
from statsmodels_gllamm.results.predict import _averages, _over_normal
from statsmodels_gllamm.results.rows import Asked, Rows, rows_of

GIVEN = ("prior", "posterior", "history", "zero")


def averages(model, record, given: str):
    """(function that averages what make(rows) gives over the latent variables, (..., n); auxiliary
    predictors (m, n)) of the sample's rows.

    Parameters
    ----------
    model : GLLAMMModel
    record : FitRecord
    given : {"prior", "posterior", "history", "zero"}
        What latent variables are.
    """
    one_of("given", given, GIVEN)
    working, design = record.working, model.design
    ask = Asked("mean", "zero" if given == "zero" else "prior" if given == "prior" else "posterior")
    rows = rows_of(model, None, ask)
    outcomes = model.fitted_family.outcomes(rows.data)
    aux = linear.aux_predictors(model, working, outcomes, rows.data.n)
    with_classes = model.structure.classes is not None
    if given == "history" and model.structure.levels:
        return _of_history(model, record, rows, outcomes), aux
    o, c = linear.linear_parts(model, working, rows)
    if with_classes:
        return _of_classes(model, record, rows, outcomes, o, c, given), aux
    integration = "quadrature" if record.integration == "quadrature" else "adaptive"
    rows = replace(rows, given=regression.deviations(design, working, rows))
    return _averages(model, working, rows, ask, o, c, outcomes, integration, record.n_quad), aux


def _loadings(model, working, rows: Rows, c):
    """Loadings (P, D', n) of the engine's coordinates."""
    if not rows.random or not model.design.n_latent:
        a = np.zeros((c.shape[0], 0, c.shape[2]))
    else:
        a = regression.loadings(c, regression.solution(model.design, working, rows.regressors)[1])
    place = coordinates_of(model).place
    out = np.zeros((a.shape[0], len(place), a.shape[2]))
    if a.shape[1]:
        out[:, place >= 0] = a[:, place[place >= 0]]
    return out


def _of_classes(model, record, rows: Rows, outcomes, o, c, given: str):
    """Over classes and the latent variables in them."""
    working, sets = record.working, linear.row_sets(outcomes)
    shifts, a = class_shifts(model, working, rows), _loadings(model, working, rows, c)
    level, unit = _bottom_units(model)
    if given != "posterior":
        weights = prior_probabilities(model, working, rows)
        if given == "zero":
            a = np.zeros_like(a)
        functions = [_over_normal(o + shift, a, sets) for shift in shifts]
    else:
        objective = model._objective(record.n_quad, record.integration)
        with model._explained():
            weights = objective.weights(working)[:, model.structure.levels[-1].codes]
        functions = [
            _given_data(model, objective.problem, objective.task, part.psi(working), o + shift, a,
                        level, unit, sets) for part, shift in zip(objective.parts, shifts)]
    return lambda make: sum(w * f(make) for w, f in zip(weights, functions))


def _bottom_units(model):
    bottom = model.structure.levels[0].codes
    return np.zeros(len(bottom), dtype=np.int64), bottom


def _given_data(model, problem, task, psi, o, a, level, unit, sets, rows=None):
    """The function that averages some rows over the posterior given the data of a problem, or over
    the prior without one."""
    rows = np.arange(len(level)) if rows is None else rows
    o, a, level, unit = o[:, rows], a[..., rows], level[rows], unit[rows]
    sets = None if sets is None else sets[rows]

    def average(make):
        def piece_of(piece):
            return make(rows[piece])

        if problem is None:
            return _over_normal(o, a, sets)(piece_of)
        with model._explained():
            return row_expectation(problem, task, psi, piece_of, o, a, level, unit, sets)

    return average


def positions(model, sets) -> np.ndarray:
    """Place (n,) of every row, or of its outcome, among those of its top-level unit."""
    top = model.structure.levels[-1].codes
    n = len(top)
    outcome = np.arange(n) if sets is None else sets
    first = np.full(int(outcome.max()) + 1, n)
    np.minimum.at(first, outcome, np.arange(n))  # an outcome stands where its first row does
    order = np.lexsort([first[outcome], top])
    new = np.concatenate([[True], np.diff(first[outcome][order]) != 0])
    start = np.concatenate([[True], np.diff(top[order]) != 0])
    count = np.cumsum(new)
    place = np.empty(n, dtype=np.int64)
    place[order] = count - np.maximum.accumulate(np.where(start, count, 0))
    return place


def _of_history(model, record, rows: Rows, outcomes):
    """Given the responses before each in its top-level unit."""
    if model.structure.residuals is not None or len(model.design.given):
        raise NotImplementedError("given='history' is not available for models with residual "
                                  "covariances or products of latent variables; use given='prior'")
    working, sets = record.working, linear.row_sets(outcomes)
    o, c = linear.linear_parts(model, working, rows)
    a, place = _loadings(model, working, rows, c), positions(model, sets)
    level, unit = _bottom_units(model)
    if model.structure.classes is None:
        shifts, psis = [0.0], [model.design.psi(working)]
    else:
        shifts = class_shifts(model, working, rows)
        mixture = latent_classes.ClassMixture(model.design, model.structure.classes)
        psis = [part.psi(working) for part in mixture.parts()]
    steps = []
    for t in range(int(place.max(initial=0)) + 1):
        here = np.flatnonzero(place == t)
        problem, task, weights = _before(model, record, place < t)
        steps.append((here, [1.0] if weights is None else weights[:, here], [
            _given_data(model, problem, task, psi, o + shift, a, level, unit, sets, here)
            for psi, shift in zip(psis, shifts)]))

    def average(make):
        out = None
        for here, weights, functions in steps:
            value = sum(w * f(make) for w, f in zip(weights, functions))
            if out is None:
                out = np.empty(value.shape[:-1] + (len(place),))
            out[..., here] = value
        return out

    return average


def _before(model, record, known: np.ndarray):
    """Problem and task with the rows that are ``known`` (n,), None without any, and the class
    probabilities of the rows given these (n_classes, n) or None."""
    structure, classes = model.structure, model.structure.classes
    if classes is not None:
        mixture = latent_classes.ClassMixture(model.design, classes)
    if not known.any():
        if classes is None:
            return None, None, None
        prior = np.exp([part.log_weight(record.working)[0] for part in mixture.parts()])
        return None, None, (prior / prior.sum(axis=0))[:, structure.levels[-1].codes]
    objective = model._objective(record.n_quad, record.integration)
    weights, units = weights_of(model.sample, structure.levels)
    weights = known * (1.0 if weights is None else weights)
    problem = build_problem(
        model._engine_rows(weights), structure.engine_levels, units, merge=False,
        n_nodes=model._reach.n_nodes(record.n_quad), reach=model._reach)
    if classes is None:
        return problem, objective.task, None
    adaptive = model._exact or record.integration != "quadrature"
    given = latent_classes.mixture_of_classes(
        problem, mixture, record.n_quad, adaptive=adaptive).weights(record.working)
    return problem, objective.task, given[:, structure.levels[-1].codes]
