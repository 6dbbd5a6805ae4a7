r"""The posterior of the latent variables as a mixture, whatever the kind of model.

.. math:: p(\eta \mid y) = \sum_k p_k\, p(\eta \mid y, k)

Components k are combinations of latent classes of top-level units, or nodes of latent variables that
multiply others; a model without either has one.  Given k the engine has nodes of coordinates u of
its own, some of which may be without effect, and

.. math:: \eta = \eta_0 + R u

for the latent variables of a level and those above (results/regression.py).
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.mixture import Reduced
from statsmodels_gllamm.integration.marginal import Task
from statsmodels_gllamm.integration.problem import Problem
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.results.regression import regressors, solution


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
        Working coordinates of the component, of which its R is a function.
    u : ndarray (D,) or None
        Coordinates of latent variables that multiply others.
    choice : tuple of int
        Classes of the class variables, by number.
    """

    weight: np.ndarray
    psi: np.ndarray
    working: np.ndarray
    u: np.ndarray | None = None
    choice: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """The posterior of a model at some parameters.

    Attributes
    ----------
    problem : Problem
    task : Task
    coordinates : Coordinates
    parts : tuple of Part
    classes : tuple of str
        Names of the class variables.
    """

    problem: Problem
    task: Task
    coordinates: Coordinates
    parts: tuple[Part, ...]
    classes: tuple[str, ...] = ()


def coordinates_of(model) -> Coordinates:
    """Which of the model's coordinates the engine has."""
    design = model.design
    every = np.arange(design.n_latent)
    if model.structure.classes:
        mixture = ClassMixture(design, model.structure.classes)
        place = np.full(sum(mixture.q), -1)
        place[mixture.kept] = every
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
    refuse_classes_within(model)
    objective, classes = model._objective(n_quad, integration, merge=merge), model.structure.classes
    if not classes and not len(model.design.given):
        parts = (Part(np.ones(objective.problem.n_top), model.design.psi(working), working),)
    elif not classes:
        parts = tuple(Part(weight, part.psi(working), working, part.u)
                      for part, weight in zip(objective.parts, objective.weights(working)))
    else:
        mixture = ClassMixture(model.design, classes)
        parts = tuple(Part(weight, part.psi(working), mixture.of_class(working, part.choice), None,
                           part.choice.classes)
                      for part, weight in zip(objective.parts, objective.weights(working)))
    if modal:
        best = np.array([part.weight for part in parts]).argmax(axis=0)
        parts = tuple(replace(part, weight=(best == c) * 1.0) for c, part in enumerate(parts))
    return Parts(objective.problem, objective.task, coordinates_of(model), parts,
                 tuple(variable.name for variable in classes or ()))


def classes_within(model) -> bool:
    """Whether units below the top level belong to latent classes."""
    levels = model.structure.levels
    return any(classes.level + 1 < len(levels) for classes in model.structure.classes or ())


def refuse_classes_within(model) -> None:
    """Refuse latent classes below the top level, given which the posterior is no single mixture."""
    if classes_within(model):
        raise NotImplementedError("quantiles, modes, posterior_nodes() and plausible_values() are not "
                                  "available for latent classes below the top level; latent() has "
                                  "means and standard errors")


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
    if model.design.structural is not None and model.design.structural.products:
        raise NotImplementedError("standardized=True is not available for models with products of "
                                  "latent variables; latent() has means and standard errors")
    if model.design.varying:
        raise NotImplementedError("standardized=True is not available where classes have covariance "
                                  "matrices of their own; latent() has means and standard errors")
    found = []
    for number, level in enumerate(model.structure.levels):
        eta_0, root = level_map(model, working, number)
        variance = (root**2).sum(axis=1)
        variance = variance[:, None] if variance.ndim == 1 else variance
        shape = (model.design.q[number], level.n_units)
        found.append((np.zeros(shape) if eta_0 is None else eta_0, np.broadcast_to(variance, shape)))
    return found
