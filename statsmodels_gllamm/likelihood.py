"""The likelihood of a model at any parameters: which problem and which rule evaluate it."""
from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from statsmodels_gllamm.estimation import boundary, certify, information
from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.class_objective import mixture_of_classes
from statsmodels_gllamm.estimation.mixture import Reduced, mixture_of_nodes
from statsmodels_gllamm.estimation.objective import Objective
from statsmodels_gllamm.estimation.points import points_of
from statsmodels_gllamm.estimation.starts import start_values
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.terms import linear_constraints
from statsmodels_gllamm.integration.chunks import build_problem
from statsmodels_gllamm.integration.engine_rows import EngineRows
from statsmodels_gllamm.integration.grids import GaussianProblem
from statsmodels_gllamm.integration.marginal import Task
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.integration.patterns import build_patterns
from statsmodels_gllamm.integration.problem import Problem
from statsmodels_gllamm.integration.reach import Reach, find_reach
from statsmodels_gllamm.integration.rules import rules_of
from statsmodels_gllamm.latent.sampling import weights_of
from statsmodels_gllamm.parameters.constraints import Constraints, solve

NODE_CLASSES = (16, 128, 1024, 2**30)  # chunks are cut anew when the nodes pass one of these


def _up_to(levels, number: int):
    """The levels up to one of them, as if there were none above."""
    return (*levels[:number], replace(levels[number], parent=None))


class Likelihood:
    """Methods of `GLLAMMModel` that evaluate its log-likelihood."""

    def _engine_rows(self, row_weight) -> EngineRows:
        """The rows that the engine sees, with frequency weights (n,) of the data rows or None."""
        out, offset = self.outcomes, self.sample.offset
        if not offset.any():
            offset = None
        elif out.rows is not None:
            offset = offset[out.rows]
        if offset is not None and out.part is not None:
            main = [p for p, predictor in enumerate(out.predictors) if predictor.key == "exog"]
            offset = np.where(np.isin(out.part, main), offset, 0.0)
        if row_weight is not None and out.rows is not None:
            row_weight = row_weight[out.rows]
        members = tuple((member.response, member.y) for member in out.members)
        alike = ()
        levels = self.structure.engine_levels
        lowest = min((classes.level for classes in self.structure.classes), default=0)
        alike = tuple(column[levels[lowest].codes] for classes in self.structure.classes
                      if classes.level == lowest for column in classes.of_units)
        return EngineRows(members, self.structure.columns, offset, out.sets, row_weight, alike)

    @property
    def _reach(self) -> Reach:
        """Which latent variables the rows of top-level units touch."""
        if not self._reaches:
            over = Reduced(self.design) if len(self.design.given) else self.design
            levels = self.structure.engine_levels
            if self.structure.classes:
                over = ClassMixture(self.design, self.structure.classes)
                levels = _up_to(levels, over.lowest)
            self._reaches["units"] = find_reach(self._engine_rows(None), levels, over.q, over.entries)
        return self._reaches["units"]

    @property
    def _dimensions(self) -> tuple[tuple[int, ...], ...]:
        """Latent variables per level that take several points, for every kind of top-level unit."""
        given = len(self.design.given)
        kinds = self._reach.counts() if self.design.q else ((),)
        if self.structure.classes:  # levels above those with classes have nodes over the prior
            upper = self.design.q[len(kinds[0]):]
            return tuple((*kind, *upper) for kind in kinds)
        return tuple((*kind[:-1], kind[-1] + given) for kind in kinds) if given else kinds

    def _problem(self, n_nodes: int, merge: bool = True) -> Problem:
        key = next(size for size in NODE_CLASSES if n_nodes <= size), merge
        if key not in self._problems:
            rows, units = weights_of(self.sample, self.structure.levels)
            levels = self.structure.engine_levels
            if self.structure.classes:
                levels = _up_to(levels, min(v.level for v in self.structure.classes))
            self._problems[key] = build_problem(
                self._engine_rows(rows), levels, units[:len(levels)], n_nodes=n_nodes,
                merge=merge, reach=self._reach if self.design.q else None)
        return self._problems[key]

    @property
    def _patterns(self) -> GaussianProblem | None:
        """The data by patterns, where the log-likelihood has a closed form that pays."""
        reduced = Reduced(self.design) if len(self.design.given) else None
        exact = self._gaussian if reduced else self._exact
        if "patterns" not in self._problems and exact and not self.structure.classes:
            rows, units = weights_of(self.sample, self.structure.levels)
            self._problems["patterns"] = build_patterns(
                self._engine_rows(rows), self.structure.engine_levels, units,
                *((reduced.q, reduced.entries) if reduced else (self.design.q, self.design.entries)),
                self.structure.residuals)
        return self._problems.get("patterns")

    def _likelihood(self, n_quad, integration="adaptive", pool=None, design=None) -> Objective:
        """As `_objective`, in closed form where there is one."""
        if self._patterns is None:
            return self._objective(n_quad, integration, pool, design=design)
        design = design or self.design
        if len(self.design.given):
            return mixture_of_nodes(self._patterns, Reduced(design), n_quad, pool)
        task = Task(self.design.q, rules_of(n_quad, self.design.q), self.design.entries)
        return Objective(self._patterns, task, design, pool, self._linear_aux)

    @property
    def _linear_aux(self) -> bool:
        return all(member.response.linear_aux for member in self.outcomes.members)

    def _objective(self, n_quad, integration="adaptive", pool=None, merge=True, design=None,
                   problem=None):
        """Log-likelihood with given points per level, as a function of working coordinates, or of
        those of another ``design``, of all data or of another ``problem`` (without classes); an
        `Objective` or a `MixtureObjective`."""
        if self.structure.residuals is not None:
            raise NotImplementedError("residual covariances are not available with weights of rows, or "
                                      "of clusters below the top level, or with products of latent "
                                      "variables")
        q, design = self.design.q, design or self.design
        if self.structure.classes:
            mixture = ClassMixture(design, self.structure.classes)
            problem = self._problem(self._reach.n_nodes(n_quad), merge)
            return mixture_of_classes(
                problem, mixture, self.structure.levels, weights_of(
                    self.sample, self.structure.levels)[1], n_quad, pool,
                self._gaussian or integration != "quadrature")
        if len(self.design.given):
            if problem is None:
                problem = self._problem(self._reach.n_nodes(n_quad), merge)
            return mixture_of_nodes(problem, Reduced(design), n_quad, pool,
                                    self._gaussian or integration != "quadrature")
        task = Task(q, rules_of(n_quad, q), self.design.entries,
                    adaptive=self._exact or integration != "quadrature")
        if problem is None:
            problem = self._problem(self._reach.n_nodes(n_quad) if q else 1, merge)
        return Objective(problem, task, design, pool, self._linear_aux)

    def _solved(self, constraints) -> Constraints | None:
        """Linear constraints on the natural parameters, solved; None where there are none."""
        if not (isinstance(constraints, (str, dict)) or len(constraints)):
            return None
        try:
            r, q = linear_constraints(constraints, self.param_names)
        except Exception as error:
            raise ValueError(f"the constraints cannot be read ({error}); the parameters are "
                             f"{', '.join(self.param_names)}") from error
        return solve(r, q, self.param_names)

    def _together(self, constraints) -> Constraints | None:
        """The model's constraints and others."""
        more = self._solved(constraints)
        if more is None or self._linear is None:
            return more or self._linear
        own = self._linear
        return solve(np.vstack([own.r, more.r]), np.concatenate([own.q, more.q]), self.param_names)

    def __getstate__(self):
        return {**self.__dict__, "_problems": {}, "_reaches": {}}

    @property
    def _exact(self) -> bool:
        gaussian = self._gaussian and not len(self.design.given) and not self._above_classes
        return gaussian or not any(map(any, self._dimensions))

    @property
    def _above_classes(self) -> bool:
        """Whether there are latent variables of higher levels than the lowest with classes."""
        lowest = min((classes.level for classes in self.structure.classes), default=None)
        return lowest is not None and any(self.design.q[lowest + 1:])

    @property
    def _gaussian(self) -> bool:
        return all(member.response.gaussian for member in self.outcomes.members)

    def _points(self, n_quad, integration: str) -> tuple[int, ...] | None:
        """Points per level, or None for "auto"."""
        if integration == "laplace" and len(self.design.given):
            raise ValueError("integration='laplace' is not for products of latent variables: the "
                             "moderators have several nodes; use 'adaptive'")
        if integration == "laplace" and self._above_classes:
            raise ValueError("integration='laplace' is not for latent variables of a higher level than "
                             "latent classes, which have several nodes; use 'adaptive'")
        return points_of(n_quad, integration, self.structure.levels, self._dimensions, self._exact)

    def _at(self, params, integration, n_quad, off_boundary=False, **wanted):
        params = np.asarray(params, dtype=float)
        if params.shape != (len(self.param_names),):
            raise ValueError(f"params has shape {params.shape}; this model has "
                             f"{len(self.param_names)} parameters: {', '.join(self.param_names)}")
        points = self._points(1 if integration == "laplace" else n_quad, integration)
        if points is None:
            points = certify.first_n_quad(self._dimensions)
        working = self.design.to_working(params)
        if off_boundary and len(boundary.zero_coordinates(self.design, working)):
            size = boundary.TINY * np.abs(self.design.to_working(self.start_params))
            working = boundary.leave(self.design, working, size)
        with self._explained():
            objective = self._likelihood(points, integration)
            return objective, objective.at(working, **wanted)

    @contextmanager
    def _explained(self):
        """Turn a failed mode search into an error that names the cluster."""
        try:
            yield
        except ModeError as error:
            number = int(error.units[0])
            if self.structure.levels:
                name = self.structure.levels[-1].name
                where = f"cluster {show(self.sample.groups[name].labels[number])} of {name!r}"
            else:
                where = f"row {show(self.sample.index[number])}"
            advice = ("the parameters are not possible for this response and link, or the data are "
                      "extreme there; check the rows, or give start_params")
            if getattr(self.response, "takes_constant", False):
                advice = ("thresholds may be out of order there: with covariates in thresholds= take "
                          "them out or use Ordinal(increments=True), and give start_params in order")
                if self.design.varying:
                    advice = ("thresholds may be out of order there, or coincide where a class has no "
                              "responses in a category: use Ordinal(increments=True) or Nominal()")
            raise DataError(f"{error} in {where} ({len(error.units)} affected): {advice}") from error

    def loglike(self, params, integration="adaptive", n_quad=7) -> float:
        """Log-likelihood at any parameters, with any rule.

        Parameters
        ----------
        params : array_like (k,)
            Natural parameters, as in ``param_names``.
        integration : {"adaptive", "laplace", "quadrature"}
        n_quad : int, {group: int} or "auto"
            Points per dimension.

        Returns
        -------
        float

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> model = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data)
        >>> print(round(model.loglike([251.4, 10.5, 1300.0, 3.4]), 2))
        -897.2
        """
        return self._at(params, integration, n_quad, gradient=False)[1].loglik

    def score(self, params, integration="adaptive", n_quad=7) -> np.ndarray:
        """Gradient (k,) of ``loglike``; one-sided where a variance is zero."""
        _, point = self._at(params, integration, n_quad, off_boundary=True)
        return np.linalg.solve(self.design.natural_jacobian(point.working).T, point.gradient)

    def score_obs(self, params, integration="adaptive", n_quad=7) -> np.ndarray:
        """Gradient of every top-level cluster's log-likelihood (clusters, k); sums to ``score``.

        A cluster with a weight counts that often.
        """
        _, point = self._at(params, integration, n_quad, off_boundary=True, units=True)
        jacobian = self.design.natural_jacobian(point.working)
        weight = point.problem.top_weight[:, None]
        return np.linalg.solve(jacobian.T, (point.unit_scores * weight).T).T

    def hessian(self, params, integration="adaptive", n_quad=7) -> np.ndarray:
        """Second derivatives (k, k) of ``loglike``: the exact gradient, differenced centrally."""
        objective, point = self._at(params, integration, n_quad, off_boundary=True, units=True)
        return information.natural_hessian(objective, point)

    def information(self, params, integration="adaptive", n_quad=7) -> np.ndarray:
        """Minus the Hessian (k, k)."""
        return -self.hessian(params, integration, n_quad)

    @property
    def start_params(self) -> np.ndarray:
        """Natural parameters (k,) that a fit starts from; with latent classes, the first of them."""
        if self.structure.classes:
            working = self._class_starts().draw(np.random.default_rng(0))
            return self.design.to_natural(working)
        rows, _ = weights_of(self.sample, self.structure.levels)
        working = start_values(self.structure, self._engine_rows(rows), self._linear_aux)
        return self.design.to_natural(working)
