"""The log-likelihood of a model with latent classes, as an objective of a search."""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.mixture import MixtureObjective
from statsmodels_gllamm.integration.mixture import Within
from statsmodels_gllamm.integration.problem import distinct_units


def mixture_of_classes(problem, mixture: ClassMixture, levels, weights, n_quad, pool=None,
                       adaptive=True) -> MixtureObjective:
    """The objective of a model with latent classes.

    Parameters
    ----------
    problem : Problem
        Up to the lowest level with classes.
    mixture : ClassMixture
    levels : tuple of Level
        All levels, with the codes of any rows.
    weights : list of (ndarray (n_units,) or None)
        Frequency weights of the levels' units.
    n_quad : tuple of int
        Points per dimension by level.
    """
    def make_task(n):
        return mixture.task(n, adaptive)

    distinct = distinct_units(problem)

    def make_parts(n):
        return mixture.parts(n, distinct.first)

    within = _within(mixture.stages, distinct, levels, weights)
    face = problem
    if within:
        top = weights[-1]
        face = replace(problem, top_weight=np.ones(levels[-1].n_units) if top is None else top)
    return MixtureObjective(face, make_task(n_quad), mixture.design, tuple(n_quad), make_parts,
                            make_task, pool, within=within, inner=problem if within else None)


def _within(stages, distinct, levels, weights) -> tuple[Within, ...]:
    """How the units of every stage lie in those of the next."""
    found = []
    for here, above in zip(stages, stages[1:]):
        parent, weight = np.arange(levels[here].n_units), np.ones(levels[here].n_units)
        if weights[here] is not None:
            weight = weight * weights[here]
        for level in range(here, above):
            if level > here and weights[level] is not None:
                weight = weight * weights[level][parent]
            parent = levels[level].parent[parent]
        if found:
            place, n_computed = np.arange(levels[here].n_units), levels[here].n_units
        else:
            place, n_computed = distinct.place, len(distinct.first)
        found.append(Within(place, parent, weight, n_computed, levels[above].n_units))
    return tuple(found)
