r"""Combinations of the classes of several variables, and their probabilities.

.. math:: P(c_1, \ldots, c_V \mid w) = \prod_v P(c_v \mid w_v, c_{v' \text{ above}})

with the class variables that memberships depend on before those that depend on them.
"""
from __future__ import annotations

from itertools import product

import numpy as np

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.latent.classes import LatentClasses
from statsmodels_gllamm.results.units import unit_weights


def one_variable(model, name: str | None = None) -> LatentClasses:
    """The class variable of a name; without one, the only one.

    Raises
    ------
    ValueError
        There is none of that name, or several to choose from.
    """
    variables = model.structure.classes
    names = ", ".join(repr(v.name) for v in variables)
    if name is None:
        if len(variables) > 1:
            raise ValueError(f"the model has the class variables {names}; say which, variable=...")
        return variables[0]
    for classes in variables:
        if classes.name == name:
            return classes
    raise ValueError(f"variable={name!r} is not a class variable of the model; these are {names}")


def class_weights(model, classes: LatentClasses) -> np.ndarray:
    """Weights (n_units,) of the units that a variable's classes are of."""
    return unit_weights(model, model.structure.levels[classes.level])


def combinations_of(variables) -> list[tuple[int, ...]]:
    """All combinations of the variables' classes, the last variable fastest."""
    return list(product(*(range(classes.n) for classes in variables)))


def labels_of(variables) -> list[str]:
    """"c=1", or "c=1,d=2" of several variables, for every combination."""
    return [",".join(classes.label(c) for classes, c in zip(variables, choice))
            for choice in combinations_of(variables)]


def shared(combination: np.ndarray, variables, classes: LatentClasses) -> np.ndarray:
    """Probabilities (n_classes, n) of a variable's classes from those (K, n) of combinations."""
    own = combination.reshape(*(v.n for v in variables), -1)
    return own.sum(axis=tuple(i for i in range(len(variables)) if i != classes.number))


def prior_of_rows(model, working, membership) -> np.ndarray:
    """Prior probabilities (K, n) of the combinations, from the covariates of every variable's
    membership, a list of (n, m)."""
    variables, design = model.structure.classes, model.design
    delta = design.full(working)[design.inner.layout.positions("prob")]
    return np.array([np.prod([
        np.exp(v.log_probabilities(delta[v.places[1]], v.covariates_given(choice, w))[c])
        for v, w, c in zip(variables, membership, choice)], axis=0)
        for choice in combinations_of(variables)])


def prior_of_units(model, working, classes: LatentClasses) -> np.ndarray:
    """Prior probabilities (n_classes, n_units) of a variable's classes, over those of higher levels
    that its membership depends on."""
    variables, levels = model.structure.classes, model.structure.levels
    if not classes.above:
        return np.exp(ClassMixture(model.design, variables).log_prior(working, classes))
    membership = []
    for other in variables:
        if other.level < classes.level:
            w = np.zeros((levels[classes.level].n_units, other.membership.shape[1]))
        else:
            w = other.membership[ancestors(levels, classes.level, other.level)]
        membership.append(w)
    return shared(prior_of_rows(model, working, membership), variables, classes)


def ancestors(levels, here: int, above: int) -> np.ndarray:
    """Unit of level ``above`` that holds each unit of level ``here``."""
    unit = np.arange(levels[here].n_units)
    for level in levels[here:above]:
        unit = level.parent[unit]
    return unit
