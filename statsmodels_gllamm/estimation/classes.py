r"""Starting points of models with latent classes, and the order of the classes.

A random start puts each class at the pooled model plus a deviation of the size that the data of one
unit can tell,

.. math:: \beta_c = \hat\beta + M^{-1/2} z_c, \qquad M = \frac{1}{n} \sum_j s_j s_j',

with s_j the score of unit j of the pooled model in the columns with class-specific coefficients.
Coefficients with a design rise with the number of its column.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.class_factors import pooled_values
from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.mixture import MixtureObjective
from statsmodels_gllamm.integration.marginal import evaluate
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.latent.classes import (
    IN_CLASSES,
    IN_FIXED,
    IN_THRESHOLDS,
    LatentClasses,
    one_class,
)
from statsmodels_gllamm.latent.ordered import in_order

STARTS = 10  # starting points by default, for every class but the first
FEW = 3  # the same with designs, whose classes are told apart
SHARES = 0.2, 0.8  # between which a draw takes a share of the deviations above
APART = 0.2, 0.45  # the same of a column with a design: probabilities of any link stay in range
COARSE = 3  # points per dimension of levels above those with classes, in searches from random starts
SAME = 1e-2  # log-likelihood by which two optima of short searches differ at least
SHORT = 1e-5  # log-likelihood still to be gained at which a short search stops
HALVINGS = 12  # of the deviations of parameters that vary between classes, until they are possible
FLOOR = 1e-3  # smallest eigenvalue of the scaled M that is believed


@dataclass(frozen=True)
class Starts:
    """Random starting points of a model with latent classes.

    Attributes
    ----------
    pooled : ndarray (k,)
        Working coordinates with classes that do not differ.
    roots : tuple of ndarray (P + m, P + m)
        For every class variable a root of the inverse of M, for its columns and what varies.
    mixture : ClassMixture
        Of the whole design, without constraints.
    possible : callable
        Of working coordinates (k,): whether they have a likelihood; thresholds may be out of order.
    """

    pooled: np.ndarray
    roots: tuple[np.ndarray, ...]
    mixture: ClassMixture
    possible: Callable[[np.ndarray], bool]

    def draw(self, rng) -> np.ndarray:
        """Working coordinates (k,) of a random start."""
        working = self.pooled
        for classes, root in zip(self.mixture.variables, self.roots):
            working = self._drawn(working, classes, root, rng)
        places = [p for v in self.mixture.design.varying for p in (v.source, *v.target)]
        for _ in range(HALVINGS if places else 0):
            if self.possible(working):
                break
            for place in places:
                working[place] = (working[place] + self.pooled[place]) / 2
        return working

    def _drawn(self, working, classes: LatentClasses, root, rng) -> np.ndarray:
        p = len(classes.columns)
        z = rng.normal(size=(classes.n, len(root)))
        pooled = absolute(self.mixture, working, classes)
        moved = rng.uniform(*SHARES) * z @ root.T
        own = in_order(self.mixture.design.order, classes, pooled + moved[:, :p])
        share = rng.uniform(*APART)
        for design in classes.designs:
            total = design.values @ np.arange(design.values.shape[1])
            middle, half = (total.max() + total.min()) / 2, max(np.ptp(total) / 2, 1e-300)
            size = share * np.sqrt((root[design.column]**2).sum())
            own[:, design.column] = pooled[:, design.column] + size * (total - middle) / half
        working = from_absolute(self.mixture, working, own, classes)
        for varying in _varying(self.mixture, classes):
            for place, step in zip((varying.source, *varying.target), moved[:, p:]):
                working[place] += step
        return working


def _varying(mixture: ClassMixture, classes: LatentClasses):
    return [v for v in mixture.design.inner.varying if v.variable == classes.number]


def starts_of(structure, rows, objective: MixtureObjective, linear_aux: bool) -> Starts:
    """What random starting points are drawn from.

    Parameters
    ----------
    structure : Structure
    rows : EngineRows
    objective : MixtureObjective
        With any points.
    linear_aux : bool
    """
    variables, design = structure.classes, structure.design
    mixture = ClassMixture(design, variables)
    single = one_class(design, variables)
    start = pooled_values(structure, single, variables, rows, linear_aux)
    pooled = np.zeros(design.layout.size)
    for kind in ("lambda", "gamma", "b", "cov", "aux"):
        pooled[design.layout.positions(kind)] = start[single.layout.positions(kind)]
    for varying in design.varying:
        pooled[varying.target] = pooled[varying.source]
    coef = start[single.layout.positions("coef")]
    p = design.layout.positions("coef").size
    pooled[design.layout.positions("coef")] = coef[:p]
    for classes in variables:
        own, mine = np.zeros((classes.n, len(classes.columns))), [
            not column.relative for column in classes.columns]
        own[:, mine] = coef[p:p + sum(mine)]
        p += sum(mine)
        at = design.layout.positions("class")[classes.places[0]]
        pooled[at] = classes.parameters(own)

    def possible(working) -> bool:
        try:
            objective.at(working, gradient=False)
        except ModeError:
            return False
        return True

    return Starts(pooled, _roots(objective, mixture, pooled), mixture, possible)


def _roots(objective: MixtureObjective, mixture: ClassMixture, pooled) -> tuple[np.ndarray, ...]:
    """Roots of the inverses of M, from the scores of the units of every class variable's level."""
    problem, found = objective.distinct.problem, []
    value = evaluate(problem, objective.task, mixture.psi(pooled, mixture.first), units=True)
    jacobian = mixture.jacobian(pooled, mixture.first)
    for classes in mixture.variables:
        _, number, slots = classes.pieces
        bar = np.zeros((len(classes.columns), value.unit_bar.shape[1]))
        np.add.at(bar, number, mixture.loadings(pooled, mixture.first)[slots, None]
                  * value.unit_bar[mixture.places(classes)])
        more = [(value.unit_bar.T @ jacobian[:, v.source]).T for v in _varying(mixture, classes)]
        scores, weight = np.concatenate([bar, *more]), problem.top_weight
        for link in objective.within[:mixture.stages.index(classes.level)]:
            scores, weight = (link.counts @ scores.T).T, np.ones(link.n_parents)
        found.append(_inverse_root((scores * weight) @ scores.T / weight.sum()))
    return tuple(found)


def _inverse_root(m: np.ndarray) -> np.ndarray:
    scale = np.sqrt(np.diag(m))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(m / np.outer(scale, scale))
    return (vectors / np.sqrt(np.maximum(values, FLOOR))) / scale[:, None]


def absolute(mixture: ClassMixture, working: np.ndarray, classes=None) -> np.ndarray:
    """Coefficients (n, P) of the columns in every class of a variable (the only one by default),
    those of the fixed part added."""
    classes = classes or mixture.classes
    out = mixture.coefficients(working, classes)
    coef = working[mixture.design.layout.positions("coef")]
    for p, column in enumerate(classes.columns):
        if column.beside >= 0:
            out[:, p] += coef[column.beside]
    return out


def from_absolute(mixture: ClassMixture, working: np.ndarray, own: np.ndarray,
                  classes=None) -> np.ndarray:
    """The coordinates with other coefficients (n, P) of the columns in the classes."""
    classes = classes or mixture.classes
    working, at, own = working.copy(), mixture.design.layout.positions, own.copy()
    for p, column in enumerate(classes.columns):
        if column.beside >= 0:
            working[at("coef")[column.beside]] = own[0, p]
        elif column.beside == IN_THRESHOLDS:
            working[at("aux")] -= own[0, p] * column.shift
        elif column.beside == IN_FIXED:
            number, weight = column.shift
            working[at("coef")[number]] += own[0, p] * weight
        elif column.beside == IN_CLASSES:
            other, k = mixture.variables[column.shift[0]], column.shift[1]
            theirs = mixture.coefficients(working, other)
            theirs[:, k] += own[0, p]
            working[at("class")[other.places[0]]] = other.parameters(theirs)
        if column.relative:
            own[:, p] -= own[0, p]
    working[at("class")[classes.places[0]]] = classes.parameters(own)
    return working


def reordered(mixture: ClassMixture, working: np.ndarray, order, classes=None) -> np.ndarray:
    """The same model with the classes of a variable in another order."""
    classes = classes or mixture.classes
    working = from_absolute(mixture, working, absolute(mixture, working, classes)[order], classes)
    prob = mixture.design.layout.positions("prob")
    at = prob[classes.places[1]]
    if classes.n > 1:
        delta = working[at].reshape(classes.n - 1, -1)
        delta = np.concatenate([np.zeros((1, delta.shape[1])), delta])
        working[at] = (delta[order] - delta[order[0]])[1:].ravel()
    for varying in _varying(mixture, classes):
        places = np.vstack([varying.source, varying.target])
        working[places] = working[places[order]]
    for other in mixture.variables:
        if classes.number in (above.number for above in other.above):
            _turn_dummies(other, classes.number, order, working, prob[other.places[1]])
    return working


def _turn_dummies(classes: LatentClasses, number: int, order, working, at) -> None:
    """Put the classes of variable ``number`` in order in the membership of another."""
    delta = working[at].reshape(classes.n - 1, -1)
    first = len(classes.covariates)
    for above in classes.above:
        own = slice(first, first + len(above.labels) - 1)
        if above.number == number:
            value = np.hstack([np.zeros((len(delta), 1)), delta[:, own]])[:, order]
            delta[:, classes.covariates.index("Intercept")] += value[:, 0]
            delta[:, own] = value[:, 1:] - value[:, :1]
        first = own.stop
    working[at] = delta.ravel()


def by_size(objective: MixtureObjective, working: np.ndarray, mixture: ClassMixture) -> np.ndarray:
    """The coordinates with the largest class first, where classes have no names of their own."""
    if mixture.design is not mixture.design.inner:
        return working
    value = objective.at(working, gradient=False).loglik
    for classes, p in zip(mixture.variables, class_probabilities(objective, mixture, working)):
        order = np.argsort(-p.sum(axis=1), kind="stable")
        if (order == np.arange(len(order))).all() or not _turnable(mixture, classes):
            continue
        moved = reordered(mixture, working, order, classes)
        try:
            if abs(objective.at(moved, gradient=False).loglik - value) < 1e-8 * (1 + abs(value)):
                working = moved
        except ModeError:
            continue
    return working


def _turnable(mixture: ClassMixture, classes: LatentClasses) -> bool:
    """Whether the classes have no order of their own, and memberships can take them in any."""
    order = mixture.design.order
    if (order is not None and classes.number in order.columns) or classes.named or (
            classes.known >= 0).any():
        return False
    return all("Intercept" in other.covariates for other in mixture.variables
               if classes.number in (above.number for above in other.above))


def class_probabilities(objective: MixtureObjective, mixture: ClassMixture,
                        working: np.ndarray) -> list[np.ndarray]:
    """Posterior probabilities (n, n_units) of the classes of every variable, by units of its level."""
    found = {}
    for level, weights in zip(mixture.stages[::-1], objective.all_weights(working)):
        variables = mixture.at(level)
        own = weights.reshape(-1, *weights.shape[-2:]).sum(axis=0)
        own = own.reshape(-1, *(v.n for v in variables), own.shape[-1]).sum(axis=0)
        for k, classes in enumerate(variables):
            others = tuple(i for i in range(len(variables)) if i != k)
            found[classes.number] = own.sum(axis=others)
    return [found[number] for number in range(len(mixture.variables))]


def best_of(search, objective: MixtureObjective, starts, maxiter: int, callback=None):
    """The best end of short searches (k,), and a table of the distinct optima.

    Parameters
    ----------
    search : callable
    objective : MixtureObjective
    starts : list of ndarray (k,)
    maxiter : int
    callback : callable, optional
        Of the searches.

    Returns
    -------
    working : ndarray (k,)
    optima : DataFrame
        ``loglik``, best first, and ``found``, how many searches ended there; of searches that did
        not converge ``converged`` is False.

    Raises
    ------
    ModeError
        No start is possible.
    """
    ends, error = [], None
    for start in starts:
        try:
            ends.append(search(objective, start, tol=SHORT, maxiter=maxiter, callback=callback))
        except ModeError as failed:
            error = failed
    if not ends:
        raise error
    ends.sort(key=lambda end: -end.point.loglik)
    rows = []
    for end in ends:
        same = [row for row in rows if row[2] == end.converged and
                abs(row[0] - end.point.loglik) < SAME]
        if same:
            same[0][1] += 1
        else:
            rows.append([end.point.loglik, 1, end.converged])
    return ends[0].point.working, pd.DataFrame(rows, columns=["loglik", "found", "converged"])
