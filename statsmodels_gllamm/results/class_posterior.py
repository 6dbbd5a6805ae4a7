r"""Predictions given responses in models with latent classes, with or without latent variables.

.. math:: E(f_i \mid y) = \sum_k p_k\, E(f_i \mid k, y_{u(i)}), \qquad p_k = P(k \mid y)

over leaves k: combinations of the classes of all variables and, above the lowest level with classes,
nodes of the latent variables (estimation/class_mixture.py), given which the units u of that level are
independent.  A row outside of the units of some levels has prior probabilities there, given the
classes and nodes of the levels at which it is known.

Rows of a history carry the columns o, a and the auxiliary predictors of every combination of classes at
the parameters themselves, and Psi of a leaf selects those of its own.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.estimation.class_mixture import ClassMixture, Given
from statsmodels_gllamm.estimation.class_objective import mixture_of_classes
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.integration.chunks import build_problem
from statsmodels_gllamm.integration.marginal import Task
from statsmodels_gllamm.integration.mixture import Component as MixtureComponent
from statsmodels_gllamm.integration.mixture import component_weights
from statsmodels_gllamm.integration.posterior import row_expectation, unit_moments
from statsmodels_gllamm.integration.problem import Problem
from statsmodels_gllamm.integration.reach import find_reach
from statsmodels_gllamm.integration.rules import rules_of
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.results import linear, regression
from statsmodels_gllamm.results.class_combinations import ancestors, combinations_of
from statsmodels_gllamm.results.given_history import Component, engine_rows, natural_of_level
from statsmodels_gllamm.results.history import History, units_at
from statsmodels_gllamm.results.normal_average import over_normal
from statsmodels_gllamm.results.rows import Rows


@dataclass(frozen=True, slots=True)
class InClasses:
    """Rows in a combination of classes: predictors ``o`` (P, n), loadings ``a`` (P, D, n) of the
    spherical latent variables, auxiliary predictors ``aux`` (m, n)."""

    o: np.ndarray
    a: np.ndarray
    aux: np.ndarray


@dataclass(frozen=True, slots=True)
class Leaf:
    """A component: ``path`` of the stages from the top, and their numbers ``index`` there."""

    path: tuple[Given, ...]
    index: tuple[int, ...]

    @property
    def choice(self):
        """Classes and coordinates."""
        return self.path[-1].choice


def in_classes(model, working, rows: Rows, outcomes,
               coupled=False) -> dict[tuple[int, ...], InClasses]:
    """The rows in every combination of classes; where they are ``coupled``, latent variables with the
    same loadings on all rows are one."""
    mixture = ClassMixture(model.design, model.structure.classes)
    shifts, out = class_shifts(model, working, rows), {}
    for choice in combinations_of(model.structure.classes):
        here = mixture.of_class(working, replace(mixture.first, classes=choice))
        o, c = linear.linear_parts(model, here, rows)
        root = regression.solution(model.design, here, rows.regressors)[1]
        o = o + sum(own[k] for own, k in zip(shifts, choice))
        if coupled:
            o, a = linear.prior(o, c, root, {}, coupled)
        else:
            a = regression.loadings(c, root)
        out[choice] = InClasses(o, a, linear.aux_predictors(model, here, outcomes, rows.data.n))
    return out


def class_shifts(model, working, rows: Rows) -> list[np.ndarray]:
    """What the classes of every variable add to the linear predictors of the rows (n_classes, P, n)."""
    predictors, found = list(model.structure.predictors), []
    mixture = ClassMixture(model.design, model.structure.classes)
    for variable, classes in zip(model.classes, model.structure.classes):
        beta = mixture.coefficients(working, classes)
        values = {name: column.to_numpy() for key in variable.parts
                  for name, column in rows.data.designs[key].items()}
        for column in classes.columns:
            if column.factor is not None:
                loading = linear.row_loadings(model.design, working, rows)[column.factor]
                values[column.term] = values[column.term] * loading
        out = np.zeros((classes.n, len(predictors), len(rows.offset)))
        for column, own in zip(classes.columns, beta.T):
            out[:, predictors.index(column.predictor)] += own[:, None] * values[column.term]
        found.append(out)
    return found


@dataclass(frozen=True)
class ClassGiven:
    """A history at some parameters: the leaves, the engine's problem with Psi of every leaf, and joint
    probabilities of the stages, from the top down."""

    mixture: ClassMixture
    leaves: list[Leaf]
    problem: Problem
    task: Task
    psi: dict[tuple, np.ndarray]
    weights: list[np.ndarray]


def given_classes(model, working, history: History, n_quad, adaptive=True) -> ClassGiven:
    """Evaluate a history of a model with latent classes at working coordinates (k,)."""
    mixture = _mixture_on(model, history)
    lowest, q = mixture.lowest, mixture.q
    parts = in_classes(model, working, history.rows, history.outcomes)
    stacked = [engine_rows(history, Component(own.o, own.a, np.zeros(0)), own.aux)
               for own in parts.values()]
    levels = history.engine_levels[:lowest + 1]
    levels = (*levels[:-1], replace(levels[-1], parent=None))
    alike = tuple(column[levels[-1].codes] for v in mixture.at(lowest) for column in v.of_units)
    rows = replace(stacked[0], columns=[c for own in stacked for c in own.columns], alike=alike)
    size = len(stacked[0].columns)
    psi = {choice: _selection(mixture, k, len(parts), size) for k, choice in enumerate(parts)}
    entries = np.nonzero(sum(np.abs(one) for one in psi.values()))
    reach = find_reach(rows, levels, q, entries)
    problem = build_problem(rows, levels, list(history.unit_weight[:lowest + 1]),
                            n_nodes=reach.n_nodes(n_quad), reach=reach)
    task = Task(q, rules_of(n_quad, q), entries, adaptive=adaptive)
    objective = mixture_of_classes(problem, mixture, history.levels, list(history.unit_weight),
                                   n_quad)

    def components(parts):
        for part in parts:
            weight, _ = part.log_weight(working)
            own = None if part.parts else at_nodes(mixture, psi, part.choice)
            yield MixtureComponent(own, weight, parts=components(part.parts))

    with model._explained():
        weights = component_weights(objective.distinct.problem, task, components(objective.parts),
                                    objective.within)
    if not objective.within:
        weights = [weights[0][:, objective.tops.place]]
    return ClassGiven(mixture, list(_leaves(objective.parts)), problem, task, psi, weights)


def _mixture_on(model, history: History) -> ClassMixture:
    """The class variables on the units of a history."""
    variables = []
    for variable, classes, known in zip(model.classes, model.structure.classes, history.known):
        w = history.rows.data.designs[variable.membership].to_numpy()
        unit, row = _rows_of_units(history, classes.level)
        _check_constant(history, w, known, row[unit], variable.name)
        variables.append(replace(classes, membership=w[row], known=known[row]))
    return ClassMixture(model.design, tuple(variables))


def _rows_of_units(history: History, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit of every data row, or of every copy, and some data row of every unit."""
    lev = history.levels[level]
    row = first_rows(lev.codes, lev.n_units)
    return lev.codes, row if history.copies is None else history.copies[row]


def _check_constant(history: History, w, known, first, name) -> None:
    rows = np.arange(len(w)) if history.copies is None else history.copies
    varies = (w[rows] != w[first]).any(axis=1) | (known[rows] != known[first])
    if varies.any():
        bad = history.rows.index[history.rows.kept][rows[int(np.argmax(varies))]]
        raise DataError(f"the membership's covariates of the classes {name!r}, or a known class, in "
                        f"row {show(bad)} are not those of other rows of the same cluster")


def _selection(mixture: ClassMixture, number: int, n: int, size: int) -> np.ndarray:
    """Psi (n size, 1 + D' + m) that selects the columns of a combination of classes; in column 0 those
    of latent variables of higher levels count once."""
    d, q = mixture.design.inner.n_latent, sum(mixture.q)
    out, first = np.zeros((n * size, 1 + q + size - 1 - d)), number * size
    out[first, 0] = 1.0
    out[first + 1 + np.arange(len(mixture.kept)), 1 + mixture.kept] = 1.0
    out[first + 1 + mixture.upper, 0] = 1.0
    aux = np.arange(size - 1 - d)
    out[first + 1 + d + aux, 1 + q + aux] = 1.0
    return out


def at_nodes(mixture: ClassMixture, psi, choice) -> np.ndarray:
    """Psi of a choice: the selection with latent variables of higher levels at its coordinates."""
    out = psi[choice.classes].copy()
    first = int(np.argmax(out[:, 0] != 0))
    out[first + 1 + mixture.upper, 0] = choice.u[mixture.upper]
    return out


def _leaves(parts, path=(), index=()):
    for number, part in enumerate(parts):
        own = (*path, part), (*index, number)
        if part.parts:
            yield from _leaves(part.parts, *own)
        else:
            yield Leaf(*own)


def class_average(model, working, rows: Rows, outcomes, history: History | None, level, unit, n_quad,
                  sets, adaptive=True, check=None):
    """The function that averages what make(rows, aux) gives over the posterior given a history (None:
    the prior), of rows in its units (``level``, ``unit``)."""
    parts = in_classes(model, working, rows, outcomes, history is None and sets is not None)
    if check is not None and (level.any() or min(n_quad) == 1):
        for part in parts.values():
            check(part.a)
    if history is None:
        return prior_average(model, working, rows, parts, sets)
    found = given_classes(model, working, history, n_quad, adaptive)
    mixture = found.mixture
    inside = level <= mixture.lowest
    level_in = np.where(inside, level, mixture.lowest + 1)
    unit_in = np.where(inside, unit, 0)
    of_stage = [units_at(history.levels, level, unit)[stage] for stage in mixture.stages[::-1]]
    weight = [_row_weight(model, working, rows, found, leaf, of_stage) for leaf in found.leaves]

    def average(make):
        total = 0.0
        for leaf, w in zip(found.leaves, weight):
            part, u = parts[leaf.choice.classes], leaf.choice.u
            o = part.o + np.einsum("pdn,d->pn", part.a[:, mixture.upper], u[mixture.upper])
            a = np.zeros((len(o), sum(mixture.q), o.shape[1]))
            a[:, mixture.kept] = part.a[:, :len(mixture.kept)]
            with model._explained():
                value = row_expectation(
                    found.problem, found.task, at_nodes(mixture, found.psi, leaf.choice),
                    lambda piece, aux=part.aux: make(piece, aux), o, a, level_in, unit_in, sets)
            total = total + w * value
        return total

    return average


def prior_average(model, working, rows: Rows, parts, sets):
    """The same over the prior."""
    weight = prior_probabilities(model, working, rows)

    def average(make):
        return sum(w * over_normal(part.o, part.a, sets)(
            lambda piece, aux=part.aux: make(piece, aux)) for w, part in zip(weight, parts.values()))

    return average


def prior_probabilities(model, working, rows: Rows) -> np.ndarray:
    """Probabilities (K, n) of the combinations of classes by the covariates of the rows."""
    return np.array([np.prod([_prior(model, working, rows, v, choice)
                              for v in range(len(model.classes))], axis=0)
                     for choice in combinations_of(model.structure.classes)])


def _prior(model, working, rows: Rows, number: int, choice) -> np.ndarray:
    """Probability (n,) of the class that a choice has of a variable, given its other classes."""
    classes = model.structure.classes[number]
    w = rows.data.designs[model.classes[number].membership].to_numpy()
    delta = working[model.design.layout.positions("prob")][classes.places[1]]
    return np.exp(classes.log_probabilities(delta, classes.covariates_given(choice, w))[choice[number]])


def _row_weight(model, working, rows: Rows, found: ClassGiven, leaf: Leaf, of_stage) -> np.ndarray:
    """Probability (n,) of a leaf for the rows, whose units are known at the first stages."""
    weight, mixture = np.ones(len(rows.offset)), found.mixture
    for depth, (stage, unit) in enumerate(zip(mixture.stages[::-1], of_stage)):
        known = unit >= 0
        joint = found.weights[depth][leaf.index[:depth + 1]]
        prior = weight * np.exp(leaf.path[depth].weight)
        for classes in mixture.at(stage):
            prior = prior * _prior(model, working, rows, classes.number, leaf.choice.classes)
        weight = np.where(known, joint[np.where(known, unit, 0)], prior)
    return weight


def class_unit_posterior(model, working, history: History, n_quad, adaptive=True):
    """Posterior mean (q, n_units) and covariance (q, q, n_units) of every level's latent variables in
    natural units, over the classes."""
    found = given_classes(model, working, history, n_quad, adaptive)
    mixture, levels, q = found.mixture, history.levels, model.design.q
    total = [(np.zeros((k, lev.n_units)), np.zeros((k, k, lev.n_units)))
             for k, lev in zip(q, levels)]

    def add(number, weight, here, mean, cov):
        eta, spread = natural_of_level(model, here, history, number, mean, cov)
        total[number][0][:] += weight * eta
        total[number][1][:] += weight * (spread + eta[:, None] * eta)

    for leaf in found.leaves:
        here = mixture.of_class(working, leaf.choice)
        with model._explained():
            moments = unit_moments(found.problem, found.task,
                                   at_nodes(mixture, found.psi, leaf.choice), ancestors=True)
        joint, upper = found.weights[-1][leaf.index], leaf.choice.u[mixture.upper]
        for number, (mean, cov) in enumerate(moments):
            weight = joint[ancestors(levels, number, mixture.lowest)]
            add(number, weight, here, *_embedded(mixture, number, mean, cov, upper))
    for depth, stage in enumerate(mixture.stages[::-1]):
        if stage == mixture.lowest:
            continue
        for index, leaf in {leaf.index[:depth + 1]: leaf for leaf in found.leaves}.items():
            n, first = levels[stage].n_units, sum(q[:stage])
            u = np.repeat(leaf.choice.u[first:, None], n, axis=1)
            here = mixture.of_class(working, leaf.choice)
            add(stage, found.weights[depth][index], here, u, np.zeros((len(u), len(u), n)))
    return [(mean, square - mean[:, None] * mean) for mean, square in total]


def _embedded(mixture: ClassMixture, number: int, mean, cov, upper):
    """Moments of a level's coordinates and those above among the design's, those of levels above the
    lowest with classes at their nodes."""
    q, first = mixture.design.q, sum(mixture.q[:number])
    start = sum(q[:number])
    inside = mixture.kept[start:] - first  # places of the design's coordinates among the engine's
    size, n = sum(q) - start, mean.shape[1]
    whole, spread = np.zeros((size, n)), np.zeros((size, size, n))
    k = len(inside)
    whole[:k], spread[:k, :k] = mean[inside], cov[np.ix_(inside, inside)]
    whole[k:] = upper[:, None]
    return whole, spread
