r"""What predictions are averaged over: the prior or the posterior of the latent variables of rows.

With products of latent variables these are mixtures over the nodes of the moderators (products.py).
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.estimation.mixture import Reduced
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.integration.posterior import row_expectation
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.results import linear, regression
from statsmodels_gllamm.results.given_history import averages
from statsmodels_gllamm.results.history import needs_sample
from statsmodels_gllamm.results.normal_average import over_normal
from statsmodels_gllamm.results.residuals import row_average
from statsmodels_gllamm.results.rows import Asked, Rows, known_units
from statsmodels_gllamm.results.units import top_units

N_QUAD = 7  # points per dimension where none are given
PRIOR_POINTS = {1: 16, 2: 15, 3: 9}  # of the moderators' lattice, by their coordinates


def averages_of(model, working, rows: Rows, ask: Asked, o, c, outcomes, integration, n_quad,
              known=None):
    """The function that averages what make(rows) gives over the latent variables, (..., n)."""
    sets = linear.row_sets(outcomes)
    if known is not None:
        refuse_cut_sets(rows, sets, known.level, known.unit)
        return averages(model, working, rows, known.history, known.level, known.unit, n_quad, sets,
                        integration != "quadrature", lambda a: check_mean(model, outcomes, a))
    if len(model.design.given) and rows.random and ask.given != "zero":
        return _of_nodes(model, working, rows, ask, outcomes, sets, integration, n_quad)
    t = regression.solution(model.design, working, rows.regressors)[1]
    if ask.given == "posterior" and rows.random:
        a = regression.loadings(c, t)
        return _posterior(model, working, rows, o, a, outcomes, sets, integration, n_quad)
    if rows.random and ask.given == "prior":
        nu, root = linear.prior(o, c, t, rows.given, sets is not None)
        check_mean(model, outcomes, root)
    else:
        nu, root = linear.at_latent(o, c, rows.given), np.zeros((len(o), 0, o.shape[1]))
    return over_normal(nu, root, sets)


def _of_nodes(model, working, rows: Rows, ask: Asked, outcomes, sets, integration, n_quad):
    """As `_averages` with products of latent variables: sum_k p_k f_k over the moderators' nodes, with
    the prior's weights or the posterior ones of the row's top-level unit."""
    posterior, reduced = ask.given == "posterior", Reduced(model.design)
    if posterior:
        needs_sample(model)
        objective, level, unit = _for_posterior(model, rows, sets, integration, n_quad)
        parts = objective.parts
        with model._explained():
            weights = objective.weights(working)
        tops = [*top_units(model.structure.levels), np.zeros(1, dtype=np.int64)]
        outside = level == len(tops) - 1
        top = np.select([level == i for i in range(len(tops))],
                        [of[np.where(level == i, unit, 0)] for i, of in enumerate(tops)])
    else:
        parts = reduced.parts((PRIOR_POINTS[min(len(model.design.given), 3)],))

    def average(make):
        total = 0.0
        for k, part in enumerate(parts):
            o, c = linear.linear_parts(model, working, rows, part.u)
            a = regression.loadings(c, regression.solution(model.design, working, rows.regressors,
                                                           part.u)[1])
            p = np.exp(part.weight)
            if not posterior or level.any():
                check_mean(model, outcomes, a)
            if posterior:
                p = np.where(outside, p, weights[k, top])
                with model._explained():
                    value = row_expectation(objective.problem, objective.task, part.psi(working), make,
                                            o, a[:, reduced.kept], level, unit, sets)
            else:
                value = over_normal(o, a, sets)(make)
            total = total + p * value
        return total

    return average


def check_mean(model, outcomes, root) -> None:
    """Refuse to integrate a mean that is infinite inside a normal distribution's range."""
    if not np.any(root):
        return
    for member in outcomes.members:
        response = member.response
        if not isinstance(response, Response):
            response = getattr(response, "inner", None)
        if response is None or not response.bounded:
            continue
        aux = np.zeros((len(response.aux_names), 2))
        if not np.isfinite(response.mean(np.array([0.0, -1.0]), aux, response.blank(2))).all():
            raise ValueError(
                f"{model.fitted_family.name} has no mean over normal latent variables, because it "
                "has none for all linear predictors; use which='conditional', or 'posterior' for "
                "clusters of the sample with n_quad of 2 or more")


def _for_posterior(model, rows: Rows, sets, integration, n_quad):
    """The objective, and the level and unit of every row, for a posterior."""
    level, unit = known_units(model, rows)
    refuse_cut_sets(rows, sets, level, unit)
    return model._objective(points_for(model, integration, n_quad), integration), level, unit


def points_for(model, integration, n_quad) -> tuple[int, ...]:
    """Points per dimension by level."""
    if isinstance(n_quad, tuple):
        return n_quad
    n_quad = 1 if integration == "laplace" else n_quad
    return model._points(n_quad, integration) or (N_QUAD,) * len(model.design.q)


def _posterior(model, working, rows: Rows, o, a, outcomes, sets, integration, n_quad):
    needs_sample(model)
    if model.structure.residuals is not None:
        return row_average(model, working, o, a, *known_units(model, rows))
    objective, level, unit = _for_posterior(model, rows, sets, integration, n_quad)
    if min(rule.size for rule in objective.task.rules) == 1 or level.any():
        check_mean(model, outcomes, a)
    psi = model.design.psi(working)

    def average(make):
        with model._explained():
            found = row_expectation(objective.problem, objective.task, psi, make, o, a, level, unit,
                                    sets)
        if not np.isfinite(found).all():  # latent variables that no response touches have their prior
            check_mean(model, outcomes, a)
        return found

    return average


def refuse_cut_sets(rows: Rows, sets, level, unit) -> None:
    """Refuse rows of one outcome in different clusters."""
    if sets is None:
        return
    some = first_rows(sets, int(sets.max(initial=-1)) + 1)
    other = (level[some[sets]] != level) | (unit[some[sets]] != unit)
    if other.any():
        raise DataError(f"row {rows.index[rows.kept][int(np.argmax(other))]!r} does not lie in the "
                        "same clusters as the other rows of its set")
