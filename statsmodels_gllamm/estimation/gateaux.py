r"""The directional (Gateaux) derivative of the log-likelihood towards a mass point.

.. math:: D(z) = \lim_{a \to 0} \frac{\ell\{(1 - a) P + a\, \delta_z\} - \ell(P)}{a}
               = \sum_j w_j \Big\{\frac{f_j(z)}{f_j(P)} - 1\Big\}

with f_j(z) the likelihood of unit j at location z, f_j(P) its marginal likelihood and w_j its
frequency weight.  P is the nonparametric maximum likelihood estimate, given the other parameters, if
and only if D(z) <= 0 for all z, and sup D is no less than what any other distribution can gain in
log-likelihood (Lindsay, 1983, Annals of Statistics 11, 86-94).
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.optimize import minimize, minimize_scalar

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.integration.marginal import evaluate
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.latent.classes import with_rows

GRID = 161  # locations of one column; of several, per column GRID_OF_SEVERAL
GRID_OF_SEVERAL = 25
GAIN = 1e-6  # log-likelihood that a unit may gain beyond the end of the grid
MANY = 500  # units whose own maxima are looked at, of several columns
OUT = 50  # lengths that the data of one unit can tell, beyond which a mass is out of the grid
BESIDE = 0.05  # lengths that the data of one unit can tell, within which a mass is the same
REFINED = 5  # local maxima of the grid that are followed


@dataclass(frozen=True)
class Towards:
    """A fitted mixing distribution and what its derivative is taken with.

    Attributes
    ----------
    problem, task : Problem, Task
    psi : ndarray (r, 1 + D + m)
        Expanded coefficients at location zero.
    directions : ndarray (P, r)
        What a location adds to column 0.
    loglik : ndarray (n_top,)
        Log-likelihoods of the units under P.
    centre : ndarray (n, P)
        Locations that P has, or its mean.
    size : ndarray (P,) or None
        Scale of locations; by default what the data of one unit can tell.
    """

    problem: object
    task: object
    psi: np.ndarray
    directions: np.ndarray
    loglik: np.ndarray
    centre: np.ndarray
    size: np.ndarray | None = None

    def _psi(self, z) -> np.ndarray:
        psi = self.psi.copy()
        psi[:, 0] += np.asarray(z) @ self.directions
        return psi

    def unit_loglik(self, z: np.ndarray) -> np.ndarray:
        """Log-likelihoods (n_top,) of the units at a location (P,)."""
        with np.errstate(over="ignore", invalid="ignore"):  # far out the likelihood is zero
            value = evaluate(self.problem, self.task, self._psi(z), gradient=False, units=True)
        return np.where(np.isnan(value.unit_loglik), -np.inf, value.unit_loglik)

    def ratios(self, z: np.ndarray) -> np.ndarray:
        """f_j(z) / f_j(P) - 1 (n_top,)."""
        with np.errstate(over="ignore"):
            return np.expm1(self.unit_loglik(z) - self.loglik)

    def derivative(self, z: np.ndarray) -> float:
        """D(z); minus infinity where the likelihood cannot be evaluated."""
        try:
            return float(self.problem.top_weight @ self.ratios(z))
        except ModeError:
            return -np.inf

    @property
    def middle(self) -> np.ndarray:
        """Median of the locations (P,): a mass far out moves their mean."""
        return np.median(self.centre, axis=0)

    @cached_property
    def near(self) -> np.ndarray:
        """Which masses (n,) do not lie far out."""
        return (np.abs(self.centre - self.middle) <= OUT * self.scale).all(axis=1)

    @cached_property
    def scale(self) -> np.ndarray:
        """Lengths (P,) that the data of one unit can tell: moving so far from the middle, to either
        side, takes between a quarter and one from the mean log-likelihood of the units."""
        if self.size is not None:
            return self.size
        middle, out = self.middle, np.ones(len(self.directions))
        weight = self.problem.top_weight / self.problem.top_weight.sum()
        here = weight @ self.unit_loglik(middle)
        for p, e in enumerate(np.eye(len(out))):
            low, high = 0.0, np.inf
            for _ in range(200):
                try:
                    loss = here - weight @ (self.unit_loglik(middle + out[p] * e)
                                            + self.unit_loglik(middle - out[p] * e)) / 2
                except ModeError:
                    loss = np.inf
                if 0.25 <= loss <= 1:
                    break
                low, high = (out[p], high) if loss < 0.25 else (low, out[p])
                out[p] = 2 * low if np.isinf(high) else (low + high) / 2
        return out

    def _end(self, column: int, side: int) -> float:
        """The location along a column beyond which no unit gains."""
        step = 2 * self.scale[column]
        z, near = self.middle.copy(), self.centre[self.near]
        z[column] = side * ((side * near[:, column]).max() + step)
        try:
            now = self.unit_loglik(z)
            for _ in range(60):
                further = z.copy()
                further[column] += side * step
                then = self.unit_loglik(further)
                if not (then > now + GAIN).any():
                    break
                z, now, step = further, then, 1.2 * step
        except ModeError:
            pass
        return z[column]

    @cached_property
    def ends(self) -> list[tuple[float, float]]:
        """Ends of the grid of every column: along it no unit's likelihood rises beyond them."""
        return [(self._end(p, -1), self._end(p, 1)) for p in range(len(self.directions))]

    def grid(self) -> np.ndarray:
        """Locations (m, P): those of P, and others that lie evenly."""
        p = len(self.directions)
        axes = [np.linspace(*ends, GRID if p == 1 else GRID_OF_SEVERAL) for ends in self.ends]
        even = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, p)
        return np.concatenate([even, self.centre])

    def beside(self, z: np.ndarray) -> bool:
        """Whether a location is (all but) that of a mass."""
        return bool((np.abs((self.centre - z) / self.scale).max(axis=1) < BESIDE).any())

    def supremum(self) -> tuple[np.ndarray, float]:
        """Location (P,) and value of the largest derivative: the best of a grid, and from there."""
        grid = self.grid()
        value = np.array([self.derivative(z) for z in grid])
        found = [(value.max(), grid[value.argmax()])]
        if len(self.directions) == 1:
            order = np.argsort(grid[:, 0])
            grid, value = grid[order, 0], value[order]
            inner = np.flatnonzero((value[1:-1] >= value[:-2]) & (value[1:-1] >= value[2:])) + 1
            for i in inner[np.argsort(-value[inner])][:REFINED]:
                if grid[i - 1] < grid[i + 1]:
                    end = minimize_scalar(lambda z: -self.derivative([z]), method="bounded",
                                          bounds=(grid[i - 1], grid[i + 1]), options={"xatol": 1e-7})
                    found.append((-end.fun, np.array([end.x])))
        else:
            p, own = len(self.directions), self.own_peaks(grid[:GRID_OF_SEVERAL**len(self.directions)])
            low, high = np.transpose(self.ends)
            low, high = np.minimum(low, own.min(axis=0)), np.maximum(high, own.max(axis=0))

            def inside(z):
                return -self.derivative(z) if (low <= z).all() and (z <= high).all() else np.inf

            first = np.array([self.derivative(z) for z in own])
            for z in own[np.argsort(first)[:-REFINED - 1:-1]]:
                found.append(self._followed(inside, z))
            lattice = value[:GRID_OF_SEVERAL**p].reshape((GRID_OF_SEVERAL,) * p)
            peaks = np.flatnonzero(lattice == maximum_filter(lattice, size=3, mode="nearest"))
            for i in peaks[np.argsort(-value[peaks])][:REFINED]:
                found.append(self._followed(inside, grid[i]))
        best = max(found, key=lambda one: one[0])
        return best[1], float(best[0])


    def _followed(self, inside, z) -> tuple[float, np.ndarray]:
        """Value and location of the maximum that is reached from a location."""
        end = minimize(inside, z, method="Nelder-Mead",
                       options={"xatol": 1e-5, "fatol": 1e-7, "initial_simplex": np.vstack(
                           [z, z + 0.3 * np.diag(self.scale)])})
        return -end.fun, end.x

    def _possible(self, z) -> np.ndarray:
        """Log-likelihoods of the units, minus infinity where they cannot be evaluated."""
        try:
            return self.unit_loglik(z)
        except ModeError:
            return np.full(len(self.loglik), -np.inf)

    def own_peaks(self, lattice: np.ndarray) -> np.ndarray:
        """Locations (at most MANY, P) at which units are most likely, by quadratic functions through
        their log-likelihoods at the points of a lattice around the highest one: a narrow peak of the
        derivative is at one of these."""
        size, (lowest, highest) = (GRID_OF_SEVERAL,) * lattice.shape[1], np.transpose(self.ends)
        units = np.unique(np.linspace(0, len(self.loglik) - 1, MANY).astype(int))
        value = np.array([self._possible(z)[units] for z in lattice])
        found = []
        for column in value.T:
            top = np.array(np.unravel_index(column.argmax(), size))
            low = np.clip(top - 1, 0, GRID_OF_SEVERAL - 3)
            around = np.meshgrid(*(low[:, None] + np.arange(3)), indexing="ij")
            near = np.ravel_multi_index(around, size).ravel()
            z = _summit(lattice[near], column[near])
            found.append(lattice[column.argmax()] if z is None else np.clip(
                z, 2 * lowest - highest, 2 * highest - lowest))
        return np.array(found)


def _summit(x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """The maximum (P,) of a quadratic function through values (m,) at points (m, P); None where it has
    none."""
    if not np.isfinite(y).all():
        return None
    middle, half = x.mean(axis=0), np.ptp(x, axis=0) / 2
    u, (i, j) = (x - middle) / half, np.triu_indices(x.shape[1])
    terms = np.column_stack([np.ones(len(u)), u, u[:, i] * u[:, j]])
    beta = np.linalg.lstsq(terms, y, rcond=None)[0]
    p = x.shape[1]
    curve = np.zeros((p, p))
    curve[i, j] = beta[1 + p:]
    curve = curve + curve.T
    if np.linalg.eigvalsh(curve)[-1] >= 0:
        return None
    return middle - half * np.linalg.solve(curve, beta[1:1 + p])


def towards_mass(objective, working: np.ndarray, mixture: ClassMixture) -> Towards:
    """The derivative of a model with latent classes, in directions of further classes.

    Locations are centred: deviations from the mean.
    """
    classes = mixture.classes
    own = mixture.coefficients(working)
    size = np.exp(mixture.log_prior(working)[:, 0])
    mean, psi = size @ own, mixture.psi(working, mixture.first)
    rows, number, slots = classes.pieces
    directions = np.zeros((len(classes.columns), len(psi)))
    np.add.at(directions, (number, rows), mixture.loadings(working, mixture.first)[slots])
    psi[:, 0] += (mean - own[0]) @ directions
    value = objective.at(working, gradient=False).value
    return Towards(objective.distinct.problem, objective.task, psi, directions, value.unit_loglik,
                   own - mean)


def towards_value(objective, working: np.ndarray) -> Towards:
    """The derivative of a model with one normal latent variable, towards values of that variable."""
    psi, root = objective.design.psi(working), objective.design.roots(working)[0]
    sd = float(root[0, 0])
    direction = psi[:, 1] / sd
    without = psi.copy()
    without[:, 1] = 0.0
    entries = with_rows(objective.design.entries, np.flatnonzero(direction))
    value = objective.at(working, gradient=False, units=True).value
    return Towards(objective.problem, replace(objective.task, entries=entries), without,
                   direction[None, :], value.unit_loglik, np.zeros((1, 1)), np.array([sd]))
