r"""Averages of functions of the sample's linear predictors over what is known of the latent variables.

.. math:: \text{prior: } E f(\nu_i), \qquad \text{posterior: } E\{f(\nu_i) \mid y_j\}, \qquad
          \text{history: } E\{f(\nu_i) \mid y_{j1}, \ldots, y_{j,i-1}\}

with y_j all responses of the row's top-level unit, in the order of the data.  Latent classes are
averaged over with prior or posterior probabilities.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.estimation.options import one_of
from statsmodels_gllamm.results import linear, regression
from statsmodels_gllamm.results.class_posterior import class_average, in_classes, prior_average
from statsmodels_gllamm.results.history import sample_history, units_of
from statsmodels_gllamm.results.past import Known, past
from statsmodels_gllamm.results.predict_averages import averages_of
from statsmodels_gllamm.results.rows import Asked, Rows, rows_of

GIVEN = ("prior", "posterior", "history", "zero")


def averages(model, record, given: str):
    """The function that averages what make(rows, aux) gives over the latent variables, (..., n), of
    the sample's rows; aux (m, n) are auxiliary predictors of all rows.

    Parameters
    ----------
    model : GLLAMMModel
    record : FitRecord
    given : {"prior", "posterior", "history", "zero"}
        What latent variables are.
    """
    one_of("given", given, GIVEN)
    working = record.working
    ask = Asked("mean", given if given in ("zero", "prior") else "posterior")
    rows = rows_of(model, None, ask)
    outcomes = model.fitted_family.outcomes(rows.data)
    known = None
    if given == "history" and model.structure.levels:
        known = _before(model, rows, linear.row_sets(outcomes))
    if model.structure.classes:
        return _of_classes(model, record, rows, outcomes, given, known)
    aux = linear.aux_predictors(model, working, outcomes, rows.data.n)
    o, c = linear.linear_parts(model, working, rows)
    integration = "quadrature" if record.integration == "quadrature" else "adaptive"
    rows = replace(rows, given=regression.deviations(model.design, working, rows))
    average = averages_of(model, working, rows, ask, o, c, outcomes, integration, record.n_quad, known)
    return lambda make: average(lambda piece: make(piece, aux))


def _of_classes(model, record, rows: Rows, outcomes, given: str, known: Known | None):
    """Over classes and the latent variables in them."""
    working, sets = record.working, linear.row_sets(outcomes)
    if given in ("prior", "zero"):
        parts = in_classes(model, working, rows, outcomes, sets is not None)
        if given == "zero":
            parts = {choice: replace(part, a=0.0 * part.a) for choice, part in parts.items()}
        return prior_average(model, working, rows, parts, sets)
    if known is None:
        history = sample_history(model)
        known = Known(history, *units_of(history, model.sample.groups, rows))
    return class_average(model, working, rows, outcomes, known.history, known.level, known.unit,
                         record.n_quad, sets, record.integration != "quadrature")


def _before(model, rows: Rows, sets) -> Known:
    """The responses before each in its top-level unit."""
    if model.structure.residuals is not None or len(model.design.given):
        raise NotImplementedError("given='history' is not available for models with residual "
                                  "covariances or products of latent variables; use given='prior'")
    history, place = sample_history(model), positions(model, sets)
    level, unit = units_of(history, model.sample.groups, rows)
    return Known(*past(history, place, level, unit, place))


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
