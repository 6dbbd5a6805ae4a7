"""The log-likelihood as a function of the working coordinates.

An Objective is a problem, a task and a latent design together; evaluating it is a pure function of
the coordinates and of the modes it starts from.
"""
from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from statsmodels_gllamm.integration import gaussian
from statsmodels_gllamm.integration.grids import GaussianProblem
from statsmodels_gllamm.integration.marginal import Evaluation, Task, evaluate
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.integration.problem import Problem
from statsmodels_gllamm.integration.rules import rules_of
from statsmodels_gllamm.latent.design import LatentDesign


@dataclass(frozen=True)
class Objective:
    """Log-likelihood of ``problem`` under ``task`` with parameters mapped by ``design``.

    ``linear_aux``: the responses' auxiliary values are linear in the auxiliary predictors.  A
    Gaussian problem by patterns has a closed form, and no use for the task.
    """

    problem: Problem | GaussianProblem
    task: Task
    design: LatentDesign
    pool: Executor | None = None
    linear_aux: bool = True

    def at(self, working: np.ndarray, state=None, **wanted) -> Point:
        """Evaluate at working coordinates (k,), with what ``evaluate`` is asked for."""
        psi = self.design.psi(working)
        if not np.isfinite(psi).all():
            raise ModeError("the parameters are not finite, or a covariance matrix is not positive "
                            "definite,", np.zeros(1, dtype=int))
        if self.closed:
            value = gaussian.evaluate(self.problem, psi, pool=self.pool, **wanted)
        else:
            value = evaluate(self.problem, self.task, psi, state, pool=self.pool, **wanted)
        return Point(self.design, self.problem, working, value)

    @property
    def closed(self) -> bool:
        """Whether log-likelihood and second derivatives have a closed form."""
        return isinstance(self.problem, GaussianProblem)

    def with_points(self, n_quad) -> Objective:
        """The same with other points per dimension by level."""
        return replace(self, task=replace(self.task, rules=rules_of(n_quad, self.task.q)))


@dataclass(frozen=True)
class Point:
    """An evaluated point: value and derivatives in the working coordinates."""

    design: LatentDesign
    problem: Problem | GaussianProblem
    working: np.ndarray
    value: Evaluation

    @property
    def loglik(self) -> float:
        """Log-likelihood."""
        return self.value.loglik

    @cached_property
    def gradient(self) -> np.ndarray:
        """Gradient (k,)."""
        return self.design.adjoint(self.working, self.value.bar)

    @cached_property
    def jacobian(self) -> np.ndarray:
        """d entries of Psi / d working coordinates (E, k)."""
        return self.design.jacobian(self.working)

    @cached_property
    def unit_scores(self) -> np.ndarray | None:
        """Gradient of every top-level unit (n_top, k), without its frequency weight, if it was
        asked for."""
        return None if self.value.unit_bar is None else self.value.unit_bar.T @ self.jacobian

    @property
    def scores_to_keep(self) -> np.ndarray | None:
        """The same for results; None where they are found again when they are needed."""
        return self.unit_scores

    @cached_property
    def opg(self) -> np.ndarray:
        """Outer product of the units' scores (k, k), frequency-weighted."""
        bar = self.value.unit_bar
        return self.jacobian.T @ ((bar * self.problem.top_weight) @ bar.T) @ self.jacobian

    @cached_property
    def louis(self) -> np.ndarray:
        """Observed information (k, k) by Louis' formula, or in closed form."""
        j = self.jacobian
        return j.T @ self.value.information @ j - self.design.curvature(self.working, self.value.bar)

    @cached_property
    def expected(self) -> np.ndarray:
        """Expected information (k, k) of a Gaussian problem in closed form."""
        psi = self.design.psi(self.working)
        value = gaussian.evaluate(self.problem, psi, information="expected")
        return self.jacobian.T @ value.information @ self.jacobian


class OfObjective:
    """What an object has of its ``objective`` (`Objective` or `MixtureObjective`)."""

    @property
    def problem(self):
        """The data."""
        return self.objective.problem

    @property
    def task(self):
        """What is integrated."""
        return self.objective.task

    @property
    def design(self):
        """The map from parameters to row designs."""
        return self.objective.design

    @property
    def closed(self) -> bool:
        """Whether second derivatives have a closed form."""
        return self.objective.closed

    @property
    def linear_aux(self) -> bool:
        """Whether auxiliary values are linear in the auxiliary predictors."""
        return self.objective.linear_aux
