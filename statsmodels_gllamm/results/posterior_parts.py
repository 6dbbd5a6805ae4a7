r"""The posterior of the latent variables as a mixture, whatever the kind of model.

.. math:: p(\eta \mid y) = \sum_k p_k\, p(\eta \mid y, k)

Components k are latent classes, or nodes of latent variables that multiply others; a model without
either has one.  Given k the engine has nodes of coordinates u of its own, some of which may be
without effect, and

.. math:: \eta = \eta_0 + R u

for the latent variables of a level and those above (results/regression.py).
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.mixture import Reduced
from statsmodels_gllamm.integration.chunks import Problem
from statsmodels_gllamm.integration.marginal import Task
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.results.regression import regressors, solution

BELOW = ("this is not available for models with latent classes below the highest level; latent() has "
         "posterior means and standard errors")


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Which of the model's coordinates those of the engine are.

    Attributes
    ----------
    engine, design : tuple of int
        Coordinates by level, bottom level first.
    place : ndarray of int (D',)
        Number of every coordinate of the engine among the model's; -1 for one without effect.
    """

    engine: tuple[int, ...]
    design: tuple[int, ...]
    place: np.ndarray

    def embed(self, level: int, x: np.ndarray) -> np.ndarray:
        """Coordinates (d', ...) of a level and those above, put among the model's (d, ...); given
        ones are zero."""
        first = sum(self.design[:level])
        place = self.place[sum(self.engine[:level]):][:len(x)]
        out = np.zeros((sum(self.design) - first,) + x.shape[1:])
        out[place[place >= 0] - first] = x[place >= 0]
        return out

    def embed_matrix(self, level: int, x: np.ndarray) -> np.ndarray:
        """The same of covariances (d', d', ...)."""
        return np.swapaxes(self.embed(level, np.swapaxes(self.embed(level, x), 0, 1)), 0, 1)


@dataclass(frozen=True, slots=True)
class Part:
    """A component of the posterior.

    Attributes
    ----------
    weight : ndarray (n_top,)
        Its posterior probability for every top-level unit.
    psi : ndarray (r, 1 + D' + m)
        Expanded coefficients.
    working : ndarray (k,)
        Coordinates of the parameters, those of its classes in the places of what varies.
    u : ndarray (D,) or None
        Coordinates of latent variables that multiply others.
    """

    weight: np.ndarray
    psi: np.ndarray
    working: np.ndarray
    u: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The posterior of a model at some parameters.

    Attributes
    ----------
    problem : Problem
    task : Task
    coordinates : Coordinates
    parts : tuple of Part
    choices : ndarray of int (K, V)
        Classes of the components, by variable; no columns without latent classes.
    names : tuple of str (V,)
        Class variables.
    """

    problem: Problem
    task: Task
    coordinates: Coordinates
    parts: tuple[Part, ...]
    choices: np.ndarray
    names: tuple[str, ...] = ()

    def class_columns(self, number: np.ndarray) -> dict[str, np.ndarray]:
        """Classes, from 1, of components by number, for every class variable."""
        return {name: self.choices[number, v] + 1 for v, name in enumerate(self.names)}


def coordinates_of(model) -> Coordinates:
    """Which of the model's coordinates the engine has."""
    design = model.design
    every = np.arange(design.n_latent)
    if model.structure.classes:
        mixture = ClassMixture(design, model.structure.classes)
        place = np.full(sum(mixture.q), -1)
        place[mixture.kept] = every[:len(mixture.kept)]
        return Coordinates(mixture.q, design.q, place)
    if len(design.given):
        reduced = Reduced(design)
        place = np.where(np.isin(reduced.kept, design.given), -1, reduced.kept)
        return Coordinates(reduced.q, design.q, place)
    return Coordinates(tuple(design.q), tuple(design.q), every)


def parts_of(model, working: np.ndarray, n_quad, integration="adaptive", *, merge=True,
             modal=False) -> Parts:
    """The posterior at working coordinates (k,).

    Parameters
    ----------
    model : GLLAMMModel
    working : ndarray (k,)
    n_quad : tuple of int
        Points per dimension by level.
    integration : str
    merge : bool
        Identical units are computed once.
    modal : bool
        Of latent classes: given the most probable class of every cluster.
    """
    objective, variables = model._objective(n_quad, integration, merge=merge), model.structure.classes
    n_top, choices = objective.problem.n_top, np.zeros((1, 0), dtype=np.int64)
    if not variables and not len(model.design.given):
        parts = (Part(np.ones(n_top), model.design.psi(working), working),)
    elif not variables:
        parts = tuple(Part(weight, part.psi(working), working, part.u)
                      for part, weight in zip(objective.parts, objective.weights(working)))
        choices = np.zeros((len(parts), 0), dtype=np.int64)
    else:
        if objective.within:
            raise NotImplementedError(BELOW)
        mixture, weights = ClassMixture(model.design, variables), objective.weights(working)
        choices = np.array([part.choice.classes for part in objective.parts])
        if modal:
            weights = (weights.argmax(axis=0) == np.arange(len(weights))[:, None]) * 1.0
        parts = tuple(Part(weight, part.psi(working), mixture.of_class(working, part.choice))
                      for part, weight in zip(objective.parts, weights))
    return Parts(objective.problem, objective.task, coordinates_of(model), parts, choices,
                 tuple(v.name for v in variables))


def level_map(model, working, level: int, u=None):
    """eta_0 (q, n_units), or None where it is zero, and R (q, d), or (q, d, n_units), of the latent
    variables of a level, on the coordinates of it and of the levels above; with coordinates ``u``
    (D,) of moderators at these."""
    design, lev = model.design, model.structure.levels[level]
    covariates = regressors(model, model.sample.designs)
    if len(covariates):
        covariates = covariates[:, first_rows(lev.codes, lev.n_units)]
    eta_0, root = solution(design, working, covariates, u)
    first = sum(design.q[:level])
    own = slice(first, first + design.q[level])
    if eta_0 is not None:
        eta_0 = np.broadcast_to(eta_0[own], (design.q[level], lev.n_units))
    return eta_0, root[own, first:]


def natural_moments(eta_0, root, mean, cov):
    """Mean (q, G) and covariance (q, q, G) of eta from those of u, (d, G) and (d, d, G)."""
    root = root[:, :len(mean)]
    if root.ndim == 2:
        eta, cov = root @ mean, np.einsum("ij,jkg,lk->ilg", root, cov, root)
    else:
        eta = np.einsum("ijg,jg->ig", root, mean)
        cov = np.einsum("ijg,jkg,lkg->ilg", root, cov, root)
    return (eta if eta_0 is None else eta + eta_0), cov


def prior_moments(model, working):
    """Prior mean (q, n_units) and variances (q, n_units) of the latent variables of every level."""
    if model.design.varying:
        raise NotImplementedError("standardized=True is not available where parameters differ between "
                                  "latent classes; latent() has means and standard errors")
    if model.design.structural is not None and model.design.structural.products:
        raise NotImplementedError("standardized=True is not available for models with products of "
                                  "latent variables; latent() has means and standard errors")
    found = []
    for number, level in enumerate(model.structure.levels):
        eta_0, root = level_map(model, working, number)
        variance = (root**2).sum(axis=1)
        variance = variance[:, None] if variance.ndim == 1 else variance
        shape = (model.design.q[number], level.n_units)
        found.append((np.zeros(shape) if eta_0 is None else eta_0, np.broadcast_to(variance, shape)))
    return found
