"""Which problem and which rule evaluate the log-likelihood of a model."""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.class_objective import mixture_of_classes
from statsmodels_gllamm.estimation.mixture import Reduced, mixture_of_nodes
from statsmodels_gllamm.estimation.objective import Objective
from statsmodels_gllamm.estimation.points import points_of
from statsmodels_gllamm.integration.chunks import build_problem
from statsmodels_gllamm.integration.engine_rows import EngineRows
from statsmodels_gllamm.integration.grids import GaussianProblem
from statsmodels_gllamm.integration.marginal import Task
from statsmodels_gllamm.integration.patterns import build_patterns
from statsmodels_gllamm.integration.problem import Problem
from statsmodels_gllamm.integration.reach import Reach, find_reach
from statsmodels_gllamm.integration.rules import rules_of
from statsmodels_gllamm.latent.sampling import weights_of

NODE_CLASSES = (16, 128, 1024, 2**30)  # chunks are cut anew when the nodes pass one of these


def _up_to(levels, number: int):
    """The levels up to one of them, as if there were none above."""
    return (*levels[:number], replace(levels[number], parent=None))


class Problems:
    """Methods of `GLLAMMModel` that set up its log-likelihood."""

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
