r"""Penalised quasi-likelihood: a linear mixed model of the working response, again and again.

1. z, w = working response and weight of every row (responses/working.py) at nu = o + a'u;
2. maximum likelihood of the linear mixed model z_i ~ N(o_i + a_i'u, phi / w_i), u ~ N(0, I), z and w
   held, with known row variances: the exact Gaussian case of the engine;
3. u = its posterior means; back to 1 until parameters do not change any more, in the metric of the
   working model's information.  Where changes grow, nu goes only a part of the way.

There is no function that this maximises (Breslow and Clayton, 1993, JASA 88, 9-25; Schall, 1991,
Biometrika 78, 719-727), and no likelihood at the end; variances are by maximum likelihood, not REML.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.estimation.certify import Certificate
from statsmodels_gllamm.estimation.fit import Fit, Options, fit
from statsmodels_gllamm.estimation.objective import Objective
from statsmodels_gllamm.estimation.optimize import maximize
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.integration.chunks import build_problem
from statsmodels_gllamm.integration.engine_rows import EngineRows
from statsmodels_gllamm.integration.marginal import Task, expand, zero_start
from statsmodels_gllamm.integration.reach import find_reach
from statsmodels_gllamm.integration.rules import rules_of
from statsmodels_gllamm.integration.task import portion_of
from statsmodels_gllamm.responses.working import (
    WorkingResponse,
    has_working_response,
    working_statistics,
)

SETTLING = 5  # iterations after which changes should fall
LEAST = 1 / 16  # share of the way to new linear predictors that a step goes at least
INNER = 1e-3  # share of tol at which the search of a linear mixed model stops
POINTS = 3  # per dimension: exact, and enough for second derivatives
TEXT = ("penalised quasi-likelihood has no likelihood, and an error that more points would not show")


def refuse(structure, outcomes, starts, n_quad, method) -> None:
    """Refuse models and options that PQL is not for.

    Raises
    ------
    NotImplementedError, ValueError
    """
    wrong = next((m.response.name for m in outcomes.members
                  if m.y.size and not has_working_response(m.response)), None)
    what = (f"a response of {wrong}" if wrong is not None else
            "outcomes of several rows" if outcomes.sets is not None else
            "several linear predictors" if outcomes.part is not None else
            "latent classes" if structure.classes else
            "products of latent variables" if len(structure.design.given) else None)
    if what is not None:
        raise NotImplementedError(f"integration='pql' is not available with {what}: it is for the "
                                  "families of statsmodels' GLM, alone or by label")
    for name, given, default in (("starts", starts, (None, 1)), ("n_quad", n_quad, ("auto", 1)),
                                 ("method", method, ("newton",))):
        if isinstance(given, dict) or given not in default:
            raise ValueError(f"integration='pql' takes no {name}; leave it out")


@dataclass(frozen=True)
class Working:
    """The linear mixed models of working responses.

    Attributes
    ----------
    rows : EngineRows
        Of the model itself.
    levels : tuple of Level
    unit_weight : sequence of (ndarray (n_units,) or None)
    design : LatentDesign or ConstrainedDesign
    pool : Executor, optional
    where : callable
        Engine row -> text, for messages.
    """

    rows: EngineRows
    levels: tuple
    unit_weight: list
    design: object
    pool: object
    where: Callable[[int], str]

    def fixed_predictor(self, working) -> np.ndarray:
        """Linear predictors (n,) with latent variables of zero."""
        psi = self.design.psi(working)[:, 0]
        nu = np.zeros(self.rows.n) if self.rows.offset is None else self.rows.offset.copy()
        for weight, column in zip(psi, self.rows.columns):
            if weight:
                nu += weight * column
        return nu

    def objective(self, nu) -> Objective:
        """The log-likelihood of the linear mixed model at linear predictors (n,)."""
        members, first = [], 0
        for response, y in self.rows.members:
            own = working_statistics(response, y, nu[first:first + y.shape[1]])
            bad = ~np.isfinite(own).all(axis=0) | ~(own[1] > 0)
            if bad.any():
                raise DataError(
                    f"there is no working response for {self.where(first + int(np.argmax(bad)))} "
                    f"({int(bad.sum())} affected): its mean is at the edge of what is possible, as "
                    "with separated data, or beyond it; use integration='laplace', or give "
                    "start_params")
            members.append((WorkingResponse(response.aux_names), own))
            first += y.shape[1]
        rows = replace(self.rows, members=tuple(members))
        q, entries = self.design.q, self.design.entries
        task = Task(q, rules_of((POINTS,) * len(q), q), entries)
        reach = find_reach(rows, self.levels, q, entries)
        n_nodes = reach.n_nodes((POINTS,) * len(q))
        problem = build_problem(rows, self.levels, self.unit_weight, n_nodes=n_nodes, merge=False,
                                reach=reach)
        return Objective(problem, task, self.design, self.pool)

    def predictor(self, objective: Objective, working) -> np.ndarray:
        """Linear predictors (n,) at the posterior means of the latent variables."""
        nu, psi = self.fixed_predictor(working), self.design.psi(working)
        for chunk in objective.problem.chunks:
            portion = portion_of(chunk.active, objective.task)
            task = objective.task if portion is None else portion.task
            own = psi if portion is None else portion.psi(psi)
            found = expand(chunk, task, own, zero_start(chunk, task.q))
            nu[chunk.rows] = found.mode.nu
        return nu


def fit_pql(model: Working, start, options: Options) -> Fit:
    """Penalised quasi-likelihood from working coordinates (f,).

    ``options.callback`` is called as callback(iteration, point, change), with the change in
    log-likelihood units of the working model.
    """
    nu, working, used, k = model.fixed_predictor(start), start, 0, 0
    change = before = np.inf
    share = 1.0
    for k in range(1, max(options.maxiter, 1) + 1):
        objective = model.objective(nu)
        found = maximize(objective, working, tol=INNER * options.tol)
        used += found.n_evaluations
        step = found.point.working - working
        before, change = change, 0.5 * float(step @ found.curvature @ step) / share**2
        working = found.point.working
        if options.callback is not None:
            options.callback(k, found.point, change)
        if change < options.tol:
            break
        if change > before and k > SETTLING:  # going round in circles
            share = max(share / 2, LEAST)
        nu = nu + share * (model.predictor(objective, working) - nu)
    converged = change < options.tol
    points = (POINTS,) * len(model.design.q)
    last = fit(lambda n: objective, (model.design.q,), [start],
               replace(options, n_quad=points, callback=None), True)
    reason = ("the parameters of the working model do not change any more" if converged else
              "the iteration limit was reached while the working model still changed")
    optimum = replace(last.optimum, converged=converged and last.optimum.converged, reason=reason,
                      gain=change, n_iterations=k)
    certificate = Certificate(False, (1,) * len(points), (), np.nan, np.nan, options.quad_tol, TEXT,
                              True)
    return replace(last, optimum=optimum, certificate=certificate, path=(certificate,),
                   n_evaluations=used + last.n_evaluations)
