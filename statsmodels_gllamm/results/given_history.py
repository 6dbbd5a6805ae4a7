r"""The posterior of latent variables given a history, at any parameters.

The rows of a history are evaluated with the row columns o, a and the auxiliary predictors at the
parameters themselves, so that Psi is the identity (latent/design.py).  Models with products of latent
variables, or with latent classes, are mixtures of components k:

.. math:: E(f \mid y) = \sum_k p_{jk} E_k(f \mid y), \qquad p_{jk} \propto \pi_{jk} e^{\ell_{jk}}
"""
from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from statsmodels_gllamm.estimation.mixture import Reduced
from statsmodels_gllamm.formula.residuals import RESIDUAL_ITEM
from statsmodels_gllamm.integration.chunks import build_problem
from statsmodels_gllamm.integration.engine_rows import EngineRows
from statsmodels_gllamm.integration.marginal import Task, evaluate
from statsmodels_gllamm.integration.posterior import row_expectation, unit_moments
from statsmodels_gllamm.integration.problem import Problem
from statsmodels_gllamm.integration.reach import find_reach
from statsmodels_gllamm.integration.rules import rules_of
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.results import linear, regression
from statsmodels_gllamm.results import residuals as residual_covariances
from statsmodels_gllamm.results.history import History
from statsmodels_gllamm.results.normal_average import over_normal
from statsmodels_gllamm.results.rows import Rows


@dataclass(frozen=True, slots=True)
class Component:
    """A component on some rows: predictors ``o`` (P, n) with latent variables of zero, loadings ``a``
    (P, D, n) of the spherical ones, log weight by row (n,), coordinates ``u`` of moderators or None."""

    o: np.ndarray
    a: np.ndarray
    log_weight: np.ndarray
    u: np.ndarray | None = None


def dimensions(model) -> tuple[int, ...]:
    """Spherical latent variables by level, of every component."""
    return Reduced(model.design).q if len(model.design.given) else tuple(model.design.q)


def components(model, working, rows: Rows, n_quad) -> list[Component]:
    """The components of a model on rows."""
    design, zero = model.design, np.zeros(len(rows.offset))
    if not len(design.given):
        o, c = linear.linear_parts(model, working, rows)
        root = regression.solution(design, working, rows.regressors)[1]
        return [Component(o, regression.loadings(c, root), zero)]
    reduced, out = Reduced(design), []
    for part in reduced.parts(n_quad):
        o, c = linear.linear_parts(model, working, rows, part.u)
        a = regression.loadings(c, regression.solution(design, working, rows.regressors, part.u)[1])
        out.append(Component(o, a[:, reduced.kept], zero + part.weight, part.u))
    return out


@dataclass(frozen=True)
class Given:
    """A history at some parameters: a problem for every component and the posterior probabilities
    ``weight`` (K, n_top) of these."""

    problems: list[Problem]
    tasks: list[Task]
    psi: np.ndarray
    weight: np.ndarray
    parts: list[Component]


def given(model, working, history: History, n_quad, adaptive=True) -> Given:
    """Evaluate a history at working coordinates (k,)."""
    q = dimensions(model)
    parts = components(model, working, history.rows, n_quad)
    aux = linear.aux_predictors(model, working, history.outcomes, history.rows.data.n)
    size = 1 + sum(q) + len(aux)
    entries = np.arange(size), np.arange(size)
    task = Task(q, rules_of(n_quad, q), entries, adaptive=adaptive)
    problems = [_problem(history, part, aux, q, entries, n_quad, len(parts) == 1) for part in parts]
    psi, n_top = np.eye(size), history.engine_levels[-1].n_units
    if len(parts) == 1:
        return Given(problems, [task], psi, np.ones((1, n_top)), parts)
    logs = np.array([
        part.log_weight[history.first]
        + evaluate(problem, task, psi, gradient=False, units=True).unit_loglik
        for part, problem in zip(parts, problems)])
    weight = np.exp(logs - logs.max(axis=0))
    return Given(problems, [task] * len(parts), psi, weight / weight.sum(axis=0), parts)


def _problem(history: History, part: Component, aux, q, entries, n_quad, merge) -> Problem:
    """The engine's problem of a component."""
    rows = engine_rows(history, part, aux)
    reach = find_reach(rows, history.engine_levels, q, entries)
    return build_problem(rows, history.engine_levels, history.unit_weight,
                         n_nodes=reach.n_nodes(n_quad), merge=merge, reach=reach)


def engine_rows(history: History, part: Component, aux) -> EngineRows:
    """The engine's rows with columns o, a and auxiliary predictors."""
    out = history.outcomes
    n = sum(member.y.shape[1] for member in out.members)
    data_row = np.arange(n) if out.rows is None else out.rows
    predictor = np.zeros(n, dtype=np.int64) if out.part is None else out.part
    there = predictor >= 0  # -1 for a predictor of zero
    columns = [np.where(there, part.o[predictor, data_row], 0.0),
               *(np.where(there, a, 0.0) for a in part.a[predictor, :, data_row].T),
               *aux[:, data_row]]
    members = tuple((member.response, member.y) for member in out.members)
    if history.take is not None:
        columns = [column[history.take] for column in columns]
        ends = np.cumsum([y.shape[1] for _, y in members])
        number = np.searchsorted(ends, history.take, "right")
        members = tuple(
            (response, np.ascontiguousarray(y[:, history.take[number == k] - end + y.shape[1]]))
            for k, ((response, y), end) in enumerate(zip(members, ends)))
    return EngineRows(members, columns, None, history.sets, history.row_weight)


def averages(model, working, rows: Rows, history: History | None, level, unit, n_quad, sets,
             adaptive=True, check=None):
    """The function that averages what make(rows) gives over the posterior given a history (None: the
    prior), of rows in its units (``level``, ``unit``)."""
    parts = components(model, working, rows, n_quad)
    if check is not None and (level.any() or min(n_quad) == 1):
        for part in parts:
            check(part.a)
    if model.structure.residuals is not None:
        return _with_residuals(model, working, parts[0], history, level, unit)
    if history is None:
        return _prior(parts, sets)
    found = given(model, working, history, n_quad, adaptive)
    weight = [np.exp(part.log_weight) for part in parts]
    if len(parts) > 1:
        weight = _row_weights(history, found, weight, level, unit)

    def average(make):
        total = 0.0
        for part, problem, task, w in zip(parts, found.problems, found.tasks, weight):
            with model._explained():
                total = total + w * row_expectation(problem, task, found.psi, make, part.o, part.a,
                                                    level, unit, sets)
        return total

    return average


def _prior(parts, sets):
    def average(make):
        return sum(np.exp(part.log_weight) * over_normal(part.o, part.a, sets)(make)
                   for part in parts)

    return average


def _row_weights(history: History, found: Given, prior, level, unit) -> list[np.ndarray]:
    """Posterior probabilities of the components for the rows (n,), prior ones outside."""
    top, levels = unit.copy(), history.engine_levels
    for k in range(len(levels) - 1):
        below = level <= k
        top[below] = levels[k].parent[top[below]]
    outside = level == len(levels)
    return [np.where(outside, p, w[np.where(outside, 0, top)]) for p, w in zip(prior, found.weight)]


def _stand_in(model, working, history: History, part: Component):
    """What residuals.py asks of a model, for Gaussian rows with residual covariances."""
    aux = linear.aux_predictors(model, working, history.outcomes, history.rows.data.n)
    q, rescov = model.design.q, working[model.design.layout.positions("rescov")]
    rows = engine_rows(history, part, aux)
    d = sum(q)
    psi = np.zeros((d + 2, d + 2 + len(rescov)))
    psi[:, :d + 2] = np.eye(d + 2)
    psi[0, d + 2:] = rescov
    labels = history.rows.data.labels[RESIDUAL_ITEM][0]
    if history.take is not None:
        labels = labels[history.take]
    endog = rows.members[0][1][0]
    structure = SimpleNamespace(
        levels=history.engine_levels, columns=rows.columns,
        residuals=SimpleNamespace(labels=labels, pairs=model.structure.residuals.pairs))
    return SimpleNamespace(design=SimpleNamespace(q=q), structure=structure,
                           sample=SimpleNamespace(endog=endog, offset=0.0)), psi


def _with_residuals(model, working, part: Component, history, level, unit):
    """As `averages` for Gaussian rows with residual covariances."""
    if history is None:
        return _prior([part], None)
    model_in, psi = _stand_in(model, working, history,
                              components(model, working, history.rows, (1,))[0])
    moments = residual_covariances.moments_of_levels(model_in, psi, True)
    return residual_covariances.average_of(moments, model.design.q, part.o, part.a, level, unit)


def unit_posterior(model, working, history: History, n_quad, adaptive=True):
    """Posterior mean (q, n_units) and covariance (q, q, n_units) of every level's latent variables in
    natural units."""
    n_levels = len(history.levels)
    if model.structure.residuals is not None:
        part = components(model, working, history.rows, n_quad)[0]
        model_in, psi = _stand_in(model, working, history, part)
        return _natural(model, working, history,
                        residual_covariances.moments_of_levels(model_in, psi, True))
    found = given(model, working, history, n_quad, adaptive)
    reduced = Reduced(model.design) if len(model.design.given) else None
    total = [(0.0, 0.0)] * n_levels
    tops = _top_units(history.levels)
    for part, problem, task, weight in zip(found.parts, found.problems, found.tasks, found.weight):
        with model._explained():
            moments = unit_moments(problem, task, found.psi, ancestors=True)
        if reduced is not None:
            moments = reduced.embed(moments)
        natural = _natural(model, working, history, moments, part.u)
        total = [(a + weight[top] * mean, b + weight[top] * (cov + mean[:, None] * mean))
                 for (a, b), top, (mean, cov) in zip(total, tops, natural)]
    return [(mean, square - mean[:, None] * mean) for mean, square in total]


def _top_units(levels) -> list[np.ndarray]:
    tops = [np.arange(levels[-1].n_units)]
    for level in levels[-2::-1]:
        tops.insert(0, tops[0][level.parent])
    return tops


def _natural(model, working, history: History, moments, u=None):
    """Moments of eta from those of the spherical latent variables of units and their ancestors."""
    return [natural_of_level(model, working, history, number, mean, cov, u)
            for number, (mean, cov) in enumerate(moments)]


def natural_of_level(model, working, history: History, number: int, mean, cov, u=None):
    """Mean (q, n_units) and covariance (q, q, n_units) of the latent variables of a level, from those
    of the spherical ones of its units and their ancestors, (d, n_units) and (d, d, n_units)."""
    level, q, x = history.levels[number], model.design.q, history.rows.regressors
    own = slice(sum(q[:number]), sum(q[:number + 1]))
    some = first_rows(level.codes, level.n_units)
    eta_0, root = regression.solution(model.design, working, x[:, some] if len(x) else x, u)
    t = root[own, own.start:]
    if t.ndim == 2:
        t = np.repeat(t[..., None], level.n_units, axis=-1)
    eta = np.einsum("ijg,jg->ig", t, mean)
    return (eta if eta_0 is None else eta + eta_0[own],
            np.einsum("ijg,jkg,lkg->ilg", t, cov, t))
