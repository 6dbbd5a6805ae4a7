r"""The log-likelihood of a mixture as a function of the working coordinates.

A `MixtureObjective` has the interface of an `Objective`.  Its components are functions of the
parameters: each has expanded coefficients Psi_k(theta), their Jacobian, and a log weight.  With
products of latent variables, component k is the model given the coordinates u_k of the moderators,

.. math:: \ell_j = \log \int \phi(u) e^{\ell_j(u)} du \approx
          \log \sum_k \pi_k e^{\ell_j(u_k)}, \qquad \Psi_k = \Psi(\theta; u_k)

by the trapezoid rule over the prior, in which every component is linear in the other latent
variables and integrated as any model.  Top-level units that are identical are evaluated once.
"""
from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from statsmodels_gllamm.estimation.objective import Point
from statsmodels_gllamm.integration.grids import GaussianProblem
from statsmodels_gllamm.integration.marginal import Task
from statsmodels_gllamm.integration.mixture import (
    Component,
    NodeStates,
    Within,
    component_weights,
    evaluate_mixture,
)
from statsmodels_gllamm.integration.problem import Distinct, Problem, distinct_units
from statsmodels_gllamm.integration.rules import prior_lattice, rules_of
from statsmodels_gllamm.latent.constrained import ConstrainedDesign
from statsmodels_gllamm.latent.design import LatentDesign


class Part(Protocol):
    """A component as a function of the working coordinates."""

    def psi(self, working: np.ndarray) -> np.ndarray:
        """Expanded coefficients (r, 1 + D + m)."""

    def jacobian(self, working: np.ndarray) -> np.ndarray:
        """Derivative of their used entries (E, k)."""

    def log_weight(self, working: np.ndarray) -> tuple[np.ndarray | float, np.ndarray | float]:
        """Log weight, of all units or of each distinct one (G,), and its derivative (k,) or
        (G, k)."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """The components of the units within; none where they have no components."""


@dataclass(frozen=True, slots=True)
class Tops:
    """The independent units of a mixture: their frequency ``weight`` (G,), and ``place`` (n_top,)
    which of them stands for each unit of the data; ``merged`` where some stand for several."""

    weight: np.ndarray
    place: np.ndarray
    merged: bool


@dataclass(frozen=True)
class MixtureObjective:
    """Log-likelihood of the parts that ``make_parts`` gives for some points per dimension.

    Attributes
    ----------
    problem : Problem
    task : Task
        Of every component.
    design : LatentDesign
        Of the whole model.
    n_quad : tuple of int
        Points per dimension by level.
    make_parts : callable
        Points per dimension by level -> sequence of Part.
    make_task : callable
        Points per dimension by level -> Task.
    pool : Executor, optional
    linear_aux, closed : bool
        False: there is no formula for the information.
    within : tuple of Within
        Units with components of their own within units of higher levels, from the bottom up.
    inner : Problem, optional
        Then the problem of the lowest of them; ``problem`` has the top-level units.
    """

    problem: Problem | GaussianProblem
    task: Task
    design: LatentDesign
    n_quad: tuple[int, ...]
    make_parts: Callable
    make_task: Callable
    pool: Executor | None = None
    linear_aux: bool = False
    closed: bool = False
    within: tuple[Within, ...] = ()
    inner: Problem | None = None

    @cached_property
    def tops(self) -> Tops:
        """The independent units."""
        if self.within:
            n = self.problem.n_top
            return Tops(self.problem.top_weight, np.arange(n), False)
        found = self.distinct
        return Tops(found.problem.top_weight, found.place, found.merged)

    @cached_property
    def distinct(self) -> Distinct:
        """The units that are evaluated: top-level ones, or the lowest with components."""
        if self.inner is not None:
            return distinct_units(self.inner)
        if isinstance(self.problem, GaussianProblem):  # units are patterns there
            every = np.arange(self.problem.n_top)
            return Distinct(self.problem, every, every)
        return distinct_units(self.problem)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The components."""
        return tuple(self.make_parts(self.n_quad))

    def components(self, working: np.ndarray, gradient=False):
        """The components at working coordinates (k,), one at a time."""
        return self._components(self.parts, working, gradient)

    def _components(self, parts, working, gradient):
        for part in parts:
            weight, slope = part.log_weight(working)
            if part.parts:
                yield Component(None, weight, None, slope,
                                self._components(part.parts, working, gradient))
            else:
                jacobian = part.jacobian(working) if gradient else None
                yield Component(part.psi(working), weight, jacobian, slope)

    def at(self, working: np.ndarray, state=None, gradient=True, **wanted) -> MixturePoint:
        """Evaluate at working coordinates (k,); the scores of units come with the gradient."""
        if not (isinstance(state, NodeStates) and len(state.states) == count_leaves(self.parts)):
            state = None
        value = evaluate_mixture(self.distinct.problem, self.task,
                                 self.components(working, gradient), state, gradient=gradient,
                                 weight=self.tops.weight, within=self.within, pool=self.pool)
        return MixturePoint(self.design, self.problem, working, value, self.tops)

    def weights(self, working: np.ndarray) -> np.ndarray:
        """Posterior probabilities (K, n_top) of the components for the top-level units."""
        return self.all_weights(working)[0]

    def all_weights(self, working: np.ndarray) -> list[np.ndarray]:
        """Those, and (K, L, n) of components l of the units within and k of their parents, and so on
        from the top down."""
        weights = component_weights(self.distinct.problem, self.task, self.components(working),
                                    self.within, self.pool)
        return weights if self.within else [weights[0][:, self.tops.place]]

    def with_points(self, n_quad) -> MixtureObjective:
        """The same with other points per dimension by level."""
        return replace(self, n_quad=tuple(n_quad), task=self.make_task(n_quad))


@dataclass(frozen=True)
class MixturePoint(Point):
    """An evaluated point of a mixture; ``value`` is a MixtureEvaluation of the ``tops``."""

    tops: Tops

    @cached_property
    def gradient(self) -> np.ndarray:
        """Gradient (k,)."""
        return self.tops.weight @ self.value.unit_scores

    @cached_property
    def unit_scores(self) -> np.ndarray:
        """Gradient of every top-level unit (n_top, k), without its frequency weight."""
        return self.value.unit_scores[self.tops.place]

    @property
    def scores_to_keep(self) -> np.ndarray | None:
        """None where identical units are evaluated once: many times the size of what made them."""
        return None if self.tops.merged else self.unit_scores

    @cached_property
    def opg(self) -> np.ndarray:
        """Outer product of the units' scores (k, k), frequency-weighted."""
        scores = self.value.unit_scores
        return (scores.T * self.tops.weight) @ scores


def count_leaves(parts) -> int:
    """Number of components of the lowest units."""
    return sum(count_leaves(part.parts) if part.parts else 1 for part in parts)


@dataclass(frozen=True, slots=True)
class GivenLatent:
    """A model with products of latent variables, given the coordinates ``u`` (D,) of moderators."""

    reduced: Reduced
    u: np.ndarray
    weight: float

    def psi(self, working: np.ndarray) -> np.ndarray:
        """Expanded coefficients (r, 1 + D' + m) of the coordinates that are left."""
        return self.reduced.psi(self.reduced.design.psi(working, self.u))

    def jacobian(self, working: np.ndarray) -> np.ndarray:
        """Derivative of their used entries (E, k)."""
        return self.reduced.design.jacobian(working, self.u)

    def log_weight(self, working: np.ndarray) -> tuple[float, float]:
        """Log weight, which does not depend on parameters."""
        return self.weight, 0.0

    @property
    def parts(self) -> tuple:
        """None: the components of top-level units have none within."""
        return ()


@dataclass(frozen=True)
class Reduced:
    """A design with products of latent variables without the coordinates that are given.

    A level that would have no coordinate left keeps one without effect, so that the levels of the
    data stay.
    """

    design: LatentDesign | ConstrainedDesign

    @property
    def given(self) -> np.ndarray:
        """Numbers of the coordinates that are given."""
        return self.design.inner.given

    @cached_property
    def kept(self) -> np.ndarray:
        """Numbers of the coordinates that are left, those without effect included."""
        given, first, kept = set(self.given.tolist()), 0, []
        for q in self.design.q:
            own = range(first, first + q)
            kept += [d for d in own if d not in given] or [own[0]]
            first += q
        return np.array(kept)

    @cached_property
    def q(self) -> tuple[int, ...]:
        """Coordinates left by level."""
        ends = np.cumsum(self.design.q)
        return tuple(np.diff(np.searchsorted(self.kept, ends), prepend=0).tolist())

    @cached_property
    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns in use of Psi without the given coordinates."""
        rows, columns = self.design.entries
        design = self.design.inner
        place = np.concatenate([[0], 1 + np.searchsorted(self.kept, np.arange(design.n_latent)),
                                1 + len(self.kept) + np.arange(design.n_aux)])
        return rows, place[columns]

    def psi(self, psi: np.ndarray) -> np.ndarray:
        """Expanded coefficients without the columns of given coordinates."""
        d = self.design.inner.n_latent
        latent = psi[:, 1 + self.kept]
        latent[:, np.isin(self.kept, self.given)] = 0.0
        return np.concatenate([psi[:, :1], latent, psi[:, 1 + d:]], axis=1)

    def task(self, n_quad, adaptive=True) -> Task:
        """What is integrated in every component, with points per dimension by level."""
        return Task(self.q, rules_of(n_quad, self.q), self.entries, adaptive=adaptive)

    def embed(self, moments):
        """Means (q, G) and covariances (q, q, G) of each level's coordinates and those above, put
        among all coordinates; given ones have zeros."""
        out, first = [], 0
        idle = np.isin(self.kept, self.given)
        for (mean, cov), q, own in zip(moments, self.design.q, np.cumsum(self.q) - self.q):
            left = np.flatnonzero(~idle[own:])
            at = self.kept[own:][left] - first
            size, n = self.design.inner.n_latent - first, mean.shape[1]
            whole = np.zeros((size, n)), np.zeros((size, size, n))
            whole[0][at], whole[1][np.ix_(at, at)] = mean[left], cov[np.ix_(left, left)]
            out.append(whole)
            first += q
        return out

    def parts(self, n_quad) -> list[GivenLatent]:
        """The components of a lattice over the prior of the given coordinates, with the top level's
        points per dimension."""
        nodes, weight = prior_lattice(n_quad[-1], len(self.given))
        u = np.zeros((len(nodes), self.design.inner.n_latent))
        u[:, self.given] = nodes
        return [GivenLatent(self, row, float(w)) for row, w in zip(u, weight)]


def mixture_of_nodes(problem: Problem, reduced: Reduced, n_quad, pool=None,
                     adaptive=True) -> MixtureObjective:
    """The objective of a design with products of latent variables, with points per dimension."""
    def make_task(n):
        return reduced.task(n, adaptive)

    return MixtureObjective(problem, make_task(n_quad), reduced.design, tuple(n_quad), reduced.parts,
                            make_task, pool)
