r"""Nonparametric maximum likelihood: masses are added until no further one gains.

At the maximum of the directional derivative D a mass is added, of the size a that maximises

.. math:: \sum_j w_j \log\{1 + a\, r_j\}, \qquad r_j = f_j(z) / f_j(P) - 1

and all parameters are estimated anew, until sup D <= 1e-4.  Then masses that can be merged or left out
are.  Simar (1976, Annals of Statistics 4, 1200-1209); Lindsay (1983); Rabe-Hesketh, Pickles and
Skrondal (2003, Statistical Modelling 3, 215-232).
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.classes import absolute, from_absolute
from statsmodels_gllamm.estimation.gateaux import Towards, towards_mass
from statsmodels_gllamm.estimation.information import FLAT, observed_information
from statsmodels_gllamm.estimation.optimize import positive_definite
from statsmodels_gllamm.estimation.record import FitRecord, with_vanished
from statsmodels_gllamm.integration.mode import ModeError

SUPREMUM = 1e-4  # of the derivative, at which masses suffice
MOST = 40  # masses
LOST = 1e-6  # log-likelihood that merging or leaving out may lose
EMPTY = 1e-9  # probability of a mass that is left out at once
CLOSER = 3  # searches for a maximum that is closer
STEPS = 4  # of Newton at most
HALVINGS = 8
GAINED = 1e-9  # log-likelihood by which one mass more must raise it
FAR = 1e-4  # relative change of a unit's likelihood that a mass at infinity makes no more
SEARCH = 1e-11  # log-likelihood still to be gained at which a search stops
FINE = 1e-15  # the same where the derivative at a mass is not zero yet


@dataclass(frozen=True)
class Masses:
    """A fitted number of masses.

    Attributes
    ----------
    model : GLLAMMModel
    objective : MixtureObjective
    working : ndarray (k,)
    """

    model: object
    objective: object
    working: np.ndarray

    @property
    def mixture(self) -> ClassMixture:
        """The design with its classes."""
        return ClassMixture(self.model.design, self.model.structure.classes)

    @property
    def loglik(self) -> float:
        """Log-likelihood."""
        return self.objective.at(self.working, gradient=False).loglik

    @property
    def own(self) -> np.ndarray:
        """Coefficients (n, P) of the columns in the classes, the fixed part added."""
        return absolute(self.mixture, self.working)

    @property
    def size(self) -> np.ndarray:
        """Probabilities (n,)."""
        return np.exp(self.mixture.log_prior(self.working)[:, 0])

    def towards(self) -> Towards:
        """The derivative in directions of further masses."""
        return towards_mass(self.objective, self.working, self.mixture)


def placed(masses: Masses, model, objective, own: np.ndarray, size: np.ndarray) -> Masses:
    """Other masses, (n, P) and (n,), with the other parameters as they are; the largest first."""
    order = np.argsort(-size, kind="stable")
    own, size = own[order], size[order]
    old, new = masses.model.design.layout, model.design.layout
    working = np.zeros(new.size)
    for kind in ("coef", "lambda", "gamma", "b", "cov", "aux"):
        working[new.positions(kind)] = masses.working[old.positions(kind)]
    mixture = ClassMixture(model.design, model.structure.classes)
    working = from_absolute(mixture, working, own)
    working[new.positions("prob")] = np.log(size[1:] / size[0])
    return Masses(model, objective, working)


class Growth:
    """Adds masses and takes them away.

    Parameters
    ----------
    make : callable
        Number of masses -> (GLLAMMModel, MixtureObjective).
    search : callable
        As `maximize`.
    maxiter : int
    """

    def __init__(self, make, search, maxiter: int) -> None:
        self.make, self.search, self.maxiter = make, search, maxiter

    def refit(self, masses: Masses, tol=SEARCH) -> Masses:
        """The maximum with as many masses."""
        with np.errstate(over="ignore", invalid="ignore"):  # a step may be too far for a mass
            end = self.search(masses.objective, masses.working, tol=tol, maxiter=self.maxiter)
        return Masses(masses.model, masses.objective, end.point.working)

    def start(self, working: np.ndarray) -> Masses:
        """One mass."""
        return self.refit(Masses(*self.make(1), working))

    def added(self, masses: Masses, towards: Towards, z: np.ndarray) -> Masses:
        """With a mass at a location, of the best size."""
        r, weight = towards.ratios(z), towards.problem.top_weight
        best = minimize_scalar(lambda a: -(weight @ np.log1p(a * r)), bounds=(0.0, 1.0),
                               method="bounded", options={"xatol": 1e-8})
        size, own = masses.size, masses.own
        mean = size @ own
        return placed(masses, *self.make(len(size) + 1), np.vstack([own, mean + z]),
                      np.append((1 - best.x) * size, best.x))

    def fewer(self, masses: Masses) -> list[Masses]:
        """All that have two masses merged at their mean, or one left out, best first."""
        own, size = masses.own, masses.size
        n, found = len(size), []
        if n == 1:
            return []
        made = self.make(n - 1)
        for c in range(n):
            rest = np.delete(np.arange(n), c)
            found.append(placed(masses, *made, own[rest], size[rest] / size[rest].sum()))
            for d in range(c):
                rest, both = np.delete(np.arange(n), [d, c]), size[c] + size[d]
                mean = (size[c] * own[c] + size[d] * own[d]) / both
                found.append(placed(masses, *made, np.vstack([own[rest], mean]),
                                    np.append(size[rest], both)))
        return sorted(found, key=_loglik, reverse=True)

    def without_empty(self, masses: Masses) -> Masses:
        """Without masses of no size."""
        kept = masses.size > EMPTY
        if kept.all():
            return masses
        return self.refit(placed(masses, *self.make(int(kept.sum())), masses.own[kept],
                                 masses.size[kept] / masses.size[kept].sum()))

    def grow(self, masses: Masses) -> tuple[Masses, float]:
        """Masses added until the derivative is nowhere positive, and its supremum."""
        towards, closer = masses.towards(), 0
        z, sup = towards.supremum()
        while sup > SUPREMUM and len(masses.size) < MOST:
            more = None
            if not towards.beside(z) or closer == CLOSER:
                more = self.without_empty(self.refit(self.added(masses, towards, z)))
                least = LOST if closer == CLOSER else GAINED
                more = more if more.loglik > masses.loglik + least else None
            if more is None:
                if closer == CLOSER:
                    break
                more, closer = self.closer(masses), closer + 1
            masses, towards = more, more.towards()
            z, sup = towards.supremum()
        return masses, sup

    def closer(self, masses: Masses) -> Masses:
        """The maximum with as many masses, by Newton steps: where the derivative at a mass is not zero,
        which the log-likelihood hardly shows of small masses.  Masses that coincide are merged."""
        masses = self.merged(self.refit(masses, FINE))
        point, every = masses.objective.at(masses.working), np.arange(len(masses.working))
        for _ in range(STEPS):
            try:
                matrix = observed_information(masses.objective, point, every, point.opg).matrix
            except ModeError:
                break
            step = np.linalg.solve(positive_definite(matrix), point.gradient)
            if point.gradient @ step < FINE:
                break
            new = _raised(masses.objective, point, step)
            if new is None:
                break
            point = new
        return Masses(masses.model, masses.objective, point.working)

    def merged(self, masses: Masses) -> Masses:
        """With masses that coincide as one, as long as the log-likelihood stays."""
        while fewer := self.fewer(masses)[:1]:
            if fewer[0].loglik < masses.loglik - LOST:
                break
            less = self.refit(fewer[0])
            if less.loglik < masses.loglik - LOST:
                break
            masses = less
        return masses

    def pruned(self, masses: Masses, sup: float) -> tuple[Masses, float]:
        """As few masses as have the same log-likelihood and still no positive derivative."""
        while fewer := self.fewer(masses)[:1]:
            if fewer[0].loglik < masses.loglik - 100 * LOST:
                break
            less = self.refit(fewer[0])
            _, own_sup = less.towards().supremum()
            if own_sup > max(SUPREMUM, sup) or less.loglik < masses.loglik - LOST:
                break
            masses, sup = less, own_sup
        return masses, sup


def _raised(objective, point, step):
    """The point after a step, halved until the log-likelihood rises; None where it does not."""
    for k in range(HALVINGS):
        try:
            new = objective.at(point.working + step / 2**k)
        except ModeError:
            continue
        if new.loglik > point.loglik:
            return new
    return None


def _loglik(masses: Masses) -> float:
    try:
        return masses.loglik
    except ModeError:
        return -np.inf


def at_infinity(objective, working: np.ndarray, mixture: ClassMixture) -> np.ndarray:
    """Which locations (n, P) may move outwards, in one column, without a change in the likelihood of
    any unit."""
    towards = towards_mass(objective, working, mixture)
    found = np.zeros(towards.centre.shape, dtype=bool)
    middle = np.median(towards.centre, axis=0)  # a mass far out has moved the mean
    for c, z in enumerate(towards.centre):
        now = np.exp(towards.unit_loglik(z) - towards.loglik)
        for p, step in enumerate(2 * towards.scale):
            further = z.copy()
            further[p] += np.copysign(step, z[p] - middle[p])
            try:
                then = np.exp(towards.unit_loglik(further) - towards.loglik)
            except ModeError:  # so far out that it overflows
                continue
            found[c, p] = np.abs(then - now).max() < FAR
    return found & (mixture.classes.n > 1)


def held_masses(record: FitRecord, design, objective, mixture: ClassMixture) -> FitRecord:
    """The record of centred masses, with the mean and the locations held if a mass is at infinity."""
    far = at_infinity(objective, record.working, mixture).any(axis=0)
    if not far.any():
        return record
    centring = design.centring
    moved = np.flatnonzero(centring.carrier[far].any(axis=0))
    positions = np.union1d(moved, centring.own[:, far].ravel())
    names = {design.layout.names[i] for i in positions}
    flat, info = tuple(d for d in record.flat if not names.issuperset(d)), record.information
    if not flat and info.flat.shape[1]:
        scale = np.sqrt(np.abs(np.diag(info.matrix)))
        scale[scale == 0] = 1.0
        values = np.linalg.eigvalsh(info.matrix / np.outer(scale, scale))
        info = replace(info, definite=bool((values < FLAT).sum() <= info.flat.shape[1]))
    record = replace(record, flat=flat, information=info)
    return with_vanished(record, positions, design.layout.names, "a mass point has gone to infinity, "
                         "so that there is no mean for the locations to be centred at; mass_points has "
                         "the levels of the other masses")
