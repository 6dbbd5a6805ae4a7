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


@dataclass(frozen=True)
class Part:
    """Outcomes of one distribution among others: which rows and outcomes they are, and which of
    the auxiliary predictors theirs; ``m`` of their auxiliary values."""

    observed: Rows | Sets
    rows: np.ndarray
    outcomes: np.ndarray
    aux: slice
    m: int


@dataclass(frozen=True)
class Mixed:
    """Outcomes of several distributions; methods as of `Rows`."""

    parts: tuple[Part, ...]
    n_rows: int
    n_outcomes: int

    @property
    def concave(self) -> bool:
        return all(part.observed.concave for part in self.parts)

    @property
    def log_concave(self) -> bool:
        return all(part.observed.log_concave for part in self.parts)

    def _phi(self, part: Part, phi):
        return phi[:part.m, part.outcomes]

    def row_aux(self, aux):
        phi = np.zeros((max(part.m for part in self.parts), self.n_outcomes))
        for part in self.parts:
            phi[:part.m, part.outcomes] = part.observed.row_aux(aux[part.aux][:, part.rows])
        return phi

    def row_aux_adjoint(self, aux, bar):
        out = np.zeros_like(aux)
        for part in self.parts:
            out[part.aux, part.rows] = part.observed.row_aux_adjoint(
                aux[part.aux][:, part.rows], self._phi(part, bar))
        return out

    def constant(self, phi):
        out = np.empty(self.n_outcomes)
        for part in self.parts:
            out[part.outcomes] = part.observed.constant(self._phi(part, phi))
        return out

    def kernel(self, nu, phi):
        out = np.empty(nu.shape[:-1] + (self.n_outcomes,))
        for part in self.parts:
            out[..., part.outcomes] = part.observed.kernel(nu[..., part.rows], self._phi(part, phi))
        return out

    def kernel_score(self, nu, phi):
        kernel, score = np.empty(nu.shape[:-1] + (self.n_outcomes,)), np.empty(nu.shape)
        for part in self.parts:
            k, s = part.observed.kernel_score(nu[..., part.rows], self._phi(part, phi))
            kernel[..., part.outcomes], score[..., part.rows] = k, s
        return kernel, score

    def local(self, nu, phi):
        return MixedLocal(self, nu.shape, tuple(
            part.observed.local(nu[..., part.rows], self._phi(part, phi)) for part in self.parts))

    def aux_score(self, nu, phi):
        out = np.zeros((len(phi),) + nu.shape[:-1] + (self.n_outcomes,))
        for part in self.parts:
            if part.m:
                out[:part.m, ..., part.outcomes] = part.observed.aux_score(
                    nu[..., part.rows], self._phi(part, phi))
        return out

    def aux_curvature(self, nu, phi):
        out = np.zeros((len(phi), len(phi)) + nu.shape[:-1] + (self.n_outcomes,))
        for part in self.parts:
            if part.m:
                out[:part.m, :part.m, ..., part.outcomes] = part.observed.aux_curvature(
                    nu[..., part.rows], self._phi(part, phi))
        return out

    def best_predictor(self, phi):
        out = np.empty(self.n_rows)
        for part in self.parts:
            out[part.rows] = part.observed.best_predictor(self._phi(part, phi))
        return out


class MixedLocal:
    """Derivatives of mixed outcomes, put together from their parts."""

    def __init__(self, mixed: Mixed, shape, locals_) -> None:
        self.parts = tuple(zip(mixed.parts, locals_))
        self.n_outcomes = mixed.n_outcomes
        self.m = max(part.m for part in mixed.parts)
        self.first = np.empty(shape)
        for part, local in self.parts:
            self.first[..., part.rows] = local.first

    @property
    def by_row(self) -> bool:
        """Whether every outcome has one row; then there are ``l2`` and ``aux`` as of `Diagonal`."""
        return all(isinstance(local, Diagonal) for _, local in self.parts)

    @cached_property
    def l2(self):
        out = np.empty(self.first.shape)
        for part, local in self.parts:
            out[..., part.rows] = local.l2
        return out

    @cached_property
    def aux(self):
        out = np.zeros((2, self.m) + self.first.shape)
        for part, local in self.parts:
            if part.m:
                out[:, :part.m, ..., part.rows] = np.stack(local.aux)
        return out

    def _by_row(self, method, *vectors):
        out = np.empty(np.broadcast_shapes(self.first.shape, *(np.shape(v) for v in vectors)))
        for part, local in self.parts:
            out[..., part.rows] = getattr(local, method)(*(v[..., part.rows] for v in vectors))
        return out

    def _by_outcome(self, method, *vectors):
        shape = np.broadcast_shapes(self.first.shape, *(np.shape(v) for v in vectors))[:-1]
        out = np.zeros((self.m,) + shape + (self.n_outcomes,))
        for part, local in self.parts:
            if part.m:
                out[:part.m, ..., part.outcomes] = getattr(local, method)(
                    *(v[..., part.rows] for v in vectors))
        return out

    def second(self, v):
        return self._by_row("second", v)

    def third(self, u, v):
        return self._by_row("third", u, v)

    def ascent(self, v):
        return self._by_row("ascent", v)

    def aux_first(self, v):
        return self._by_outcome("aux_first", v)

    def aux_second(self, u, v):
        return self._by_outcome("aux_second", u, v)


def kernel_on_grid(response, y, phi, grid=GRID) -> np.ndarray:
    """Kernels of all rows at every linear predictor of a grid (N, n); minus infinity for NaN."""
    with np.errstate(all="ignore"):
        value = response.kernel(y, np.repeat(grid[:, None], y.shape[1], axis=1), phi)
    return np.where(np.isnan(value), -np.inf, value)
