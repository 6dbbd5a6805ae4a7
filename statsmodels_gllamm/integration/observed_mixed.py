"""Rows of several responses: every part has its own, and all have one log density."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from statsmodels_gllamm.integration.observed import Diagonal, Rows, Sets


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
