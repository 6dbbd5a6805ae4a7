r"""The outcomes of a chunk: responses bound to their rows, so that the engine sees nu only.

.. math:: \ell_s(\nu_{i \in s}, \phi_s), \qquad s = 1..S

`Rows` has one row per outcome, `Sets` several, `Mixed` puts several of both together.  Everything
is multiplied with the outcomes' frequency weights here.  phi (m', S) are the outcomes' auxiliary
values, made from the auxiliary predictors of the rows (m, n) by `row_aux`.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from statsmodels_gllamm.latent.runs import Runs

GRID = np.concatenate([[0.0], np.geomspace(1e-4, 1e4, 49), -np.geomspace(1e-4, 1e2, 25)])


def weighted(x, weight):
    """x times a weight; None means one."""
    return x if weight is None else x * weight


class OfResponse:
    """What outcomes have of their response."""

    response: object

    @property
    def concave(self) -> bool:
        """Log-concave on the whole line."""
        return self.response.log_concave and not self.response.bounded

    @property
    def log_concave(self) -> bool:
        """Log-concave wherever the density is."""
        return self.response.log_concave


@dataclass(frozen=True)
class Rows(OfResponse):
    """Outcomes of one row each."""

    response: object
    y: np.ndarray
    weight: np.ndarray | None = None

    @property
    def n_outcomes(self) -> int:
        return self.y.shape[1]

    def row_aux(self, aux):
        """phi (m', S) from the auxiliary predictors (m, n)."""
        return self.response.row_aux(self.y, aux)

    def row_aux_adjoint(self, aux, bar):
        """Derivative in the predictors (m, n) from that in phi (m', S)."""
        return self.response.row_aux_adjoint(self.y, aux, bar)

    def constant(self, phi):
        """Terms free of nu (S,)."""
        return weighted(self.response.constant(self.y, phi), self.weight)

    def kernel(self, nu, phi):
        """Log densities less `constant` (..., S)."""
        return weighted(self.response.kernel(self.y, nu, phi), self.weight)

    def kernel_score(self, nu, phi):
        """Kernel (..., S) and its derivative in each row's nu (..., n)."""
        kernel, score = self.response.kernel_score(self.y, nu, phi)
        return weighted(kernel, self.weight), weighted(score, self.weight)

    def local(self, nu, phi):
        """Derivatives at nu (..., n)."""
        l1, l2, l3 = self.response.derivatives(self.y, nu, phi)
        w = self.weight
        return Diagonal(self, nu, phi, weighted(l1, w), weighted(l2, w), weighted(l3, w))

    def curvature(self, nu, phi):
        """Minus the second derivative in nu (..., n)."""
        return weighted(self.response.curvature(self.y, nu, phi), self.weight)

    def aux_score(self, nu, phi):
        """Derivatives of the log density in phi (m', ..., S)."""
        return weighted(self.response.aux_score(self.y, nu, phi), self.weight)

    def aux_curvature(self, nu, phi):
        """Second derivatives in phi (m', m', ..., S)."""
        return weighted(self.response.aux_curvature(self.y, nu, phi), self.weight)

    def best_predictor(self, phi):
        """The linear predictor (n,) on a grid at which each row's density is highest."""
        return GRID[np.argmax(kernel_on_grid(self.response, self.y, phi), axis=0)]


@dataclass(frozen=True)
class Diagonal:
    """Derivatives of outcomes of one row each at nu: ``first``, ``l2``, ``l3`` (..., n), weighted."""

    rows: Rows
    nu: np.ndarray
    phi: np.ndarray
    first: np.ndarray
    l2: np.ndarray
    l3: np.ndarray
    by_row = True

    def second(self, v):
        """l2 v."""
        return self.l2 * v

    def third(self, u, v):
        """l3 u v."""
        return self.l3 * u * v

    def ascent(self, v):
        """Expected information times v."""
        return self._expected * v

    @cached_property
    def _expected(self):
        rows = self.rows
        return weighted(rows.response.expected_information(rows.y, self.nu, self.phi), rows.weight)

    @cached_property
    def aux(self):
        """Derivatives in phi of the first and second derivative (m', ..., n) each."""
        rows = self.rows
        first, second = rows.response.aux_derivatives(rows.y, self.nu, self.phi)
        return weighted(first, rows.weight), weighted(second, rows.weight)

    def aux_first(self, v):
        """v dl1/dphi (m', ..., S)."""
        return self.aux[0] * v

    def aux_second(self, u, v):
        """u v dl2/dphi (m', ..., S)."""
        return self.aux[1] * (u * v)


@dataclass(frozen=True)
class Sets(OfResponse):
    """Outcomes of several rows each; methods as of `Rows`."""

    response: object
    y: np.ndarray
    sets: Runs
    weight: np.ndarray | None = None

    @property
    def n_outcomes(self) -> int:
        return self.sets.size

    @cached_property
    def row_weight(self):
        """Weight of every row (n,), or None."""
        return None if self.weight is None else self.sets.spread(self.weight)

    def row_aux(self, aux):
        return self.response.row_aux(self.y, aux, self.sets)

    def row_aux_adjoint(self, aux, bar):
        return self.response.row_aux_adjoint(self.y, aux, bar, self.sets)

    def constant(self, phi):
        return weighted(self.response.constant(self.y, phi, self.sets), self.weight)

    def kernel(self, nu, phi):
        return weighted(self.response.kernel(self.y, nu, phi, self.sets), self.weight)

    def kernel_score(self, nu, phi):
        kernel, score = self.response.kernel_score(self.y, nu, phi, self.sets)
        return weighted(kernel, self.weight), weighted(score, self.row_weight)

    def local(self, nu, phi):
        local = self.response.local(self.y, nu, phi, self.sets)
        return local if self.weight is None else WeightedLocal(local, self.row_weight, self.weight)

    def aux_score(self, nu, phi):
        return weighted(self.response.aux_score(self.y, nu, phi, self.sets), self.weight)

    def aux_curvature(self, nu, phi):
        return weighted(self.response.aux_curvature(self.y, nu, phi, self.sets), self.weight)

    def best_predictor(self, phi):
        """Zero: any linear predictor is possible."""
        return np.zeros(self.sets.n)


@dataclass(frozen=True)
class WeightedLocal:
    """Derivatives of sets times their weights, by row (n,) and by outcome (S,)."""

    local: object
    row_weight: np.ndarray
    weight: np.ndarray

    @property
    def first(self):
        return self.local.first * self.row_weight

    def second(self, v):
        return self.local.second(v) * self.row_weight

    def third(self, u, v):
        return self.local.third(u, v) * self.row_weight

    def ascent(self, v):
        return self.local.ascent(v) * self.row_weight

    def aux_first(self, v):
        return self.local.aux_first(v) * self.weight

    def aux_second(self, u, v):
        return self.local.aux_second(u, v) * self.weight


def kernel_on_grid(response, y, phi, grid=GRID) -> np.ndarray:
    """Kernels of all rows at every linear predictor of a grid (N, n); minus infinity for NaN."""
    with np.errstate(all="ignore"):
        value = response.kernel(y, np.repeat(grid[:, None], y.shape[1], axis=1), phi)
    return np.where(np.isnan(value), -np.inf, value)
