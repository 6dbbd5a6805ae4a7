r"""Estimation of models with latent classes: their components, starting points, and order.

A random start puts each class at the pooled model plus a deviation of the size that the data of one
unit can tell,

.. math:: \beta_c = \hat\beta + M^{-1/2} z_c, \qquad M = \frac{1}{n} \sum_j s_j s_j',

with s_j the score of unit j of the pooled model in the columns with class-specific coefficients.
Coefficients with a design rise with the number of its column.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.mixture import MixtureObjective
from statsmodels_gllamm.estimation.starts import start_values
from statsmodels_gllamm.integration.chunks import distinct_units
from statsmodels_gllamm.integration.marginal import Task, evaluate
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.integration.rules import rules_of
from statsmodels_gllamm.latent.classes import IN_FIXED, IN_THRESHOLDS, LatentClasses, one_class
from statsmodels_gllamm.latent.constrained import ConstrainedDesign
from statsmodels_gllamm.latent.design import LatentDesign
from statsmodels_gllamm.latent.ordered import in_order

STARTS = 10  # starting points by default, for every class but the first
FEW = 3  # the same with designs, whose classes are told apart
SHARES = 0.2, 0.8  # between which a draw takes a share of the deviations above
APART = 0.2, 0.45  # the same of a column with a design: probabilities of any link stay in range
SAME = 1e-2  # log-likelihood by which two optima of short searches differ at least
SHORT = 1e-5  # log-likelihood still to be gained at which a short search stops
FLOOR = 1e-3  # smallest eigenvalue of the scaled M that is believed


@dataclass(frozen=True, slots=True)
class GivenClass:
    """The model given that units belong to class number ``number``."""

    mixture: ClassMixture
    number: int

    def psi(self, working: np.ndarray) -> np.ndarray:
        """Expanded coefficients (r, 1 + D' + m)."""
        return self.mixture.psi(working, self.number)

    def jacobian(self, working: np.ndarray) -> np.ndarray:
        """Derivative of their used entries (E, k)."""
        return self.mixture.jacobian(working, self.number)

    def log_weight(self, working: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log probability of the class and of what is known of the class (n_top,), and its
        derivative (n_top, k)."""
        return self.mixture.log_weight(working, self.number)


@dataclass(frozen=True)
class ClassMixture:
    """A design with latent classes.

    A level without latent variables gets a coordinate without effect, so that its units stay.
    """

    design: LatentDesign | ConstrainedDesign
    classes: LatentClasses

    @cached_property
    def q(self) -> tuple[int, ...]:
        """Coordinates by level."""
        return tuple(max(q, 1) for q in self.design.q)

    @cached_property
    def kept(self) -> np.ndarray:
        """Places (D,) of the design's coordinates among these."""
        first = np.cumsum((0, *self.q[:-1]))
        return np.concatenate([np.zeros(0, dtype=np.int64), *(
            a + np.arange(q) for a, q in zip(first, self.design.q))])

    @cached_property
    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns in use of Psi."""
        rows, columns = self.design.entries
        inner = self.design.inner
        extra = inner.n_columns - 1 - inner.n_latent
        place = np.concatenate([[0], 1 + self.kept, 1 + sum(self.q) + np.arange(extra)])
        return rows, place[columns]

    @cached_property
    def _basis(self) -> np.ndarray:
        """Derivative of all working coordinates in those of the search (k, f)."""
        if self.design is self.design.inner:
            return np.eye(self.design.layout.size)
        return self.design.constraints.basis

    @cached_property
    def _at(self) -> dict[str, np.ndarray]:
        """Positions of the parameters of the classes."""
        return {kind: self.design.inner.layout.positions(kind) for kind in ("class", "prob")}

    @cached_property
    def _places(self) -> np.ndarray:
        """Which entry each class-specific column has (P,)."""
        rows, columns = self.design.entries
        number = {int(r): e for e, (r, c) in enumerate(zip(rows, columns)) if c == 0}
        return np.array([number[int(r)] for r in self.classes.rows])

    def coefficients(self, working: np.ndarray) -> np.ndarray:
        """Class-specific coefficients (n, P)."""
        return self.classes.coefficients(self.design.full(working)[self._at["class"]])

    def psi(self, working: np.ndarray, c: int) -> np.ndarray:
        """Expanded coefficients (r, 1 + D' + m) in class number c."""
        psi = self.design.psi(working)
        np.add.at(psi[:, 0], self.classes.rows, self.coefficients(working)[c])
        n_latent = self.design.inner.n_latent
        latent = np.zeros((len(psi), sum(self.q)))
        latent[:, self.kept] = psi[:, 1:1 + n_latent]
        return np.concatenate([psi[:, :1], latent, psi[:, 1 + n_latent:]], axis=1)

    def jacobian(self, working: np.ndarray, c: int) -> np.ndarray:
        """Derivative of their used entries (E, k)."""
        out = self.design.jacobian(working)
        columns, own, values = self.classes.slopes(c)
        np.add.at(out, self._places[columns], values[:, None] * self._basis[self._at["class"][own]])
        return out

    def log_prior(self, working: np.ndarray) -> np.ndarray:
        """Log of the prior class probabilities (n, n_top)."""
        return self.classes.log_probabilities(self.design.full(working)[self._at["prob"]])

    def log_weight(self, working: np.ndarray, c: int) -> tuple[np.ndarray, np.ndarray]:
        """Log probability of class number c, minus infinity where another one is known (n_top,),
        and its derivative (n_top, k)."""
        log_prior, w = self.log_prior(working), self.classes.membership
        residual = -np.exp(log_prior)
        residual[c] += 1.0
        slope = np.concatenate([r[:, None] * w for r in residual[1:]] or [w[:, :0]], axis=1)
        known = self.classes.known
        value = np.where((known == -1) | (known == c), log_prior[c], -np.inf)
        return value, slope @ self._basis[self._at["prob"]]

    def parts(self, n: int = 1) -> list[GivenClass]:
        """The components."""
        return [GivenClass(self, c) for c in range(self.classes.n)]

    def task(self, n_quad, adaptive=True) -> Task:
        """What is integrated in every class, with points per dimension by level."""
        rules = rules_of(n_quad, self.q)
        return Task(self.q, rules, self.entries, adaptive=adaptive)


def mixture_of_classes(problem, mixture: ClassMixture, n_quad, pool=None,
                       adaptive=True) -> MixtureObjective:
    """The objective of a model with latent classes, with points per dimension."""
    def make_task(n):
        return mixture.task(n, adaptive)

    units = distinct_units(problem).first
    parts = replace(mixture, classes=mixture.classes.at(units)).parts
    return MixtureObjective(problem, make_task(n_quad), mixture.design, tuple(n_quad), parts,
                            make_task, pool)


@dataclass(frozen=True)
class Starts:
    """Random starting points of a model with latent classes.

    Attributes
    ----------
    pooled : ndarray (k,)
        Working coordinates with classes that do not differ.
    root : ndarray (P, P)
        A root of the inverse of M.
    mixture : ClassMixture
        Of the whole design, without constraints.
    """

    pooled: np.ndarray
    root: np.ndarray
    mixture: ClassMixture

    def draw(self, rng) -> np.ndarray:
        """Working coordinates (k,) of a random start."""
        classes = self.mixture.classes
        z = rng.normal(size=(classes.n, len(classes.columns)))
        pooled = absolute(self.mixture, self.pooled)
        own = in_order(self.mixture.design.order, pooled + rng.uniform(*SHARES) * z @ self.root.T)
        share = rng.uniform(*APART)
        for design in classes.designs:
            total = design.values @ np.arange(design.values.shape[1])
            middle, half = (total.max() + total.min()) / 2, max(np.ptp(total) / 2, 1e-300)
            size = share * np.sqrt((self.root[design.column]**2).sum())
            own[:, design.column] = pooled[:, design.column] + size * (total - middle) / half
        return from_absolute(self.mixture, self.pooled, own)


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
    classes, design = structure.classes, structure.design
    mixture = ClassMixture(design, classes)
    single = one_class(design, classes)
    start = start_values(replace(structure, design=single), rows, linear_aux)
    pooled = np.zeros(design.layout.size)
    for kind in ("lambda", "gamma", "b", "cov", "aux"):
        pooled[design.layout.positions(kind)] = start[single.layout.positions(kind)]
    coef = start[single.layout.positions("coef")]
    p = design.layout.positions("coef").size
    pooled[design.layout.positions("coef")] = coef[:p]
    own = np.zeros((classes.n, len(classes.columns)))
    own[:, [not column.relative for column in classes.columns]] = coef[p:]
    pooled[design.layout.positions("class")] = classes.parameters(own)
    if classes.n == 1:
        return Starts(pooled, np.zeros((own.shape[1],) * 2), mixture)
    problem = objective.distinct.problem
    value = evaluate(problem, objective.task, mixture.psi(pooled, 0), units=True)
    scores = value.unit_bar[mixture._places]
    weight = problem.top_weight
    return Starts(pooled, _inverse_root((scores * weight) @ scores.T / weight.sum()), mixture)


def _inverse_root(m: np.ndarray) -> np.ndarray:
    scale = np.sqrt(np.diag(m))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(m / np.outer(scale, scale))
    return (vectors / np.sqrt(np.maximum(values, FLOOR))) / scale[:, None]


def absolute(mixture: ClassMixture, working: np.ndarray) -> np.ndarray:
    """Coefficients (n, P) of the columns in every class, those of the fixed part added."""
    out = mixture.coefficients(working)
    coef = working[mixture.design.layout.positions("coef")]
    for p, column in enumerate(mixture.classes.columns):
        if column.beside >= 0:
            out[:, p] += coef[column.beside]
    return out


def from_absolute(mixture: ClassMixture, working: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The coordinates with other coefficients (n, P) of the columns in the classes."""
    working, at, own = working.copy(), mixture.design.layout.positions, own.copy()
    for p, column in enumerate(mixture.classes.columns):
        if column.beside >= 0:
            working[at("coef")[column.beside]] = own[0, p]
        elif column.beside == IN_THRESHOLDS:
            working[at("aux")] -= own[0, p] * column.shift
        elif column.beside == IN_FIXED:
            number, weight = column.shift
            working[at("coef")[number]] += own[0, p] * weight
        if column.relative:
            own[:, p] -= own[0, p]
    working[at("class")] = mixture.classes.parameters(own)
    return working


def reordered(mixture: ClassMixture, working: np.ndarray, order) -> np.ndarray:
    """The same model with the classes in another order."""
    working = from_absolute(mixture, working, absolute(mixture, working)[order])
    at = mixture.design.layout.positions("prob")
    size = len(mixture.classes.covariates)
    delta = np.concatenate([np.zeros((1, size)), working[at].reshape(mixture.classes.n - 1, size)])
    working[at] = (delta[order] - delta[order[0]])[1:].ravel()
    return working


def by_size(objective: MixtureObjective, working: np.ndarray, mixture: ClassMixture) -> np.ndarray:
    """The coordinates with the largest class first, where classes have no names of their own."""
    classes = mixture.classes
    if mixture.design is not mixture.design.inner or (classes.known >= 0).any() or classes.named or (
            mixture.design.order is not None):
        return working
    size = objective.weights(working) @ objective.problem.top_weight
    order = np.argsort(-size, kind="stable")
    if (order == np.arange(len(order))).all():
        return working
    moved = reordered(mixture, working, order)
    value = objective.at(working, gradient=False).loglik
    try:
        same = abs(objective.at(moved, gradient=False).loglik - value) < 1e-8 * (1 + abs(value))
    except ModeError:
        same = False
    return moved if same else working


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
