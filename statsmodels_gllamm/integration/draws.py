r"""Draws from the posterior of the latent variables of a chunk, level by level from the top.

Given the ancestors' draws a unit's latent variables have density

.. math:: p(u \mid u_{anc}, y) \propto e^{-|u|^2/2}
          \prod_i f_i(\nu_i) \ \text{ or }\ e^{-|u|^2/2} \prod_c e^{b_c(u, u_{anc})}

over its rows or its children, whose own latent variables nested quadrature integrates out of
:math:`b_c`; units are independent given their ancestors.  Draws are those of a Markov chain with that
stationary distribution, iterated sampling importance resampling (Andrieu, Lee and Vihola, 2018,
Bernoulli 24, 842-872): the next state is one of K, the present one and K - 1 new proposals, with
probabilities proportional to density over proposal density w.  Its distance from the posterior in
total variation after T steps is at most

.. math:: \Big(1 - \frac{K - 1}{2 w^* + K - 2}\Big)^T, \qquad w^* = \sup w / E(w)

Proposals are multivariate t, d = L^-T (z - M d_anc), around the mode of all latent variables with
their curvature (nodes.py), which bounds w: the tails of the density are no heavier than the prior's.
Every draw has a chain of its own.  Gaussian densities are drawn from directly.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.integration import small
from statsmodels_gllamm.integration.arrow import unit_weight
from statsmodels_gllamm.integration.marginal import Task, linear_predictors, zero_start
from statsmodels_gllamm.integration.mode import Mode, ModeError, find_mode
from statsmodels_gllamm.integration.nodes import at_rows
from statsmodels_gllamm.integration.problem import Chunk
from statsmodels_gllamm.integration.task import portion_of

PROPOSALS, STEPS = 24, 5  # K and T: the distance is at most 2e-5 with w* = 2, 2e-4 with w* = 3
DF = 5.0  # of the proposals' t distribution
PIECE = 2_000_000  # rows x nodes x proposals at a time


def draw_units(chunk: Chunk, task: Task, psi: np.ndarray, rng, n: int,
               gaussian: bool = False) -> list[np.ndarray]:
    """Draws (q, n, G) of the latent variables of every level's units, bottom level first."""
    portion, task = portion_of(chunk.active, task), replace(task, adaptive=True)
    inner, own = task, psi
    if portion is not None:
        inner, own = replace(portion.task, adaptive=True), portion.psi(psi)
    o, a, aux = linear_predictors(chunk, inner, own)
    phi = chunk.observed.row_aux(aux)
    mode = find_mode(chunk, inner.q, o, a, phi, zero_start(chunk, inner.q))
    sampler = _Sampler(chunk, inner, a, phi, mode, rng, gaussian)
    nodes = max(int(np.prod([rule.size for rule in inner.rules[:-1]])), 1)
    step = max(1, PIECE // (nodes * (1 if gaussian else PROPOSALS) * max(a.shape[1], 1)))
    found = [sampler.draw(min(step, n - first)) for first in range(0, n, step)]
    out = []
    for level, q in enumerate(task.q):
        u = np.concatenate([one[level] for one in found], axis=1)
        if portion is not None:  # those that no row touches have their prior
            whole = rng.standard_normal((q,) + u.shape[1:])
            whole[portion.own[level]] = u
            u = whole
        out.append(u)
    return out


class _Sampler:
    """Draws for one chunk around the mode of its latent variables."""

    def __init__(self, chunk: Chunk, task: Task, a, phi, mode: Mode, rng, gaussian: bool) -> None:
        self.chunk, self.task, self.a, self.phi, self.mode = chunk, task, a, phi, mode
        self.rng, self.gaussian = rng, gaussian
        self.first = np.concatenate([[0], np.cumsum(task.q)])
        constant = chunk.observed.constant(phi)
        self.constant = chunk.runs[0].sum(constant)

    def draw(self, n: int) -> list[np.ndarray]:
        """Draws (q, n, G) of every level."""
        out, anc, nu = [None] * len(self.task.q), None, self.mode.nu[None]
        nu = np.repeat(nu, n, axis=0)
        for level in range(len(self.task.q) - 1, -1, -1):
            if anc is not None:
                anc = self.chunk.runs[level + 1].spread(anc)
            d = self._level(level, n, anc, nu)
            out[level] = self.mode.u[level][:, None] + d
            nu = nu + self._shift(level, d)
            anc = d if anc is None else np.concatenate([d, anc])
        return out

    def _shift(self, level: int, d) -> np.ndarray:
        """What deviations d (q, N, G) of a level add to the linear predictors (N, n)."""
        return at_rows(self.chunk, level, self.a[self.first[level]:self.first[level + 1]], d)

    def _deviations(self, level: int, z, anc) -> np.ndarray:
        """d = L^-T (z - M d_anc) (q, S, K, G) for z (q, S, K, G), ancestors (a, S, G)."""
        factor = self.mode.placing
        if anc is not None:
            z = z - np.einsum("iag,ang->ing", factor.cross[level], anc)[:, :, None]
        return small.backward(factor.lower[level], z)

    def _level(self, level: int, n: int, anc, nu) -> np.ndarray:
        """Deviations (q, n, G) from the mode drawn given those of the ancestors (a, n, G)."""
        q, g = self.task.q[level], self.chunk.runs[level].size
        if self.gaussian:
            return self._deviations(level, self.rng.standard_normal((q, n, 1, g)), anc)[:, :, 0]
        z = np.zeros((q, n, 1, g))
        d = self._deviations(level, z, anc)
        weight = self._log_weight(level, z, d, anc, nu)
        for _ in range(STEPS):
            z = self._proposals((q, n, PROPOSALS - 1, g))
            new = self._deviations(level, z, anc)
            both = np.concatenate([d, new], axis=2)
            weights = np.concatenate([weight, self._log_weight(level, z, new, anc, nu)], axis=1)
            chosen = (weights + self.rng.gumbel(size=weights.shape)).argmax(axis=1)[:, None]
            d = np.take_along_axis(both, chosen[None], axis=2)
            weight = np.take_along_axis(weights, chosen, axis=1)
        bad = ~np.isfinite(weight).all(axis=(0, 1))
        if bad.any():
            tops = self.chunk.units_to_top(bad * 1.0, level)
            raise ModeError("no draw of positive density was found", self.chunk.units[-1][tops > 0])
        return d[:, :, 0]

    def _proposals(self, shape) -> np.ndarray:
        scale = np.sqrt(self.rng.chisquare(DF, size=shape[1:]) / DF)
        return self.rng.standard_normal(shape) / scale

    def _log_weight(self, level: int, z, d, anc, nu) -> np.ndarray:
        """Log of density over proposal density (n, K, G), up to a constant of each unit."""
        q, n, k, g = d.shape
        u = self.mode.u[level][:, None, None] + d
        own = d.reshape(q, n * k, g)
        wide = own if anc is None else np.concatenate([own, np.repeat(anc, k, axis=1)])
        at = np.repeat(nu, k, axis=0) + self._shift(level, own)
        value = self._value(level, wide, at).reshape(n, k, g)
        log_t = -0.5 * (DF + q) * np.log1p((z**2).sum(axis=0) / DF)
        return value - 0.5 * (u**2).sum(axis=0) - log_t

    def _value(self, level: int, anc, nu) -> np.ndarray:
        """Log density (N, G) of all below the units of a level, whose deviations and those of their
        ancestors are ``anc`` (a, N, G), and which give the rows ``nu`` (N, n)."""
        if level == 0:
            with np.errstate(over="ignore"):
                return self.chunk.runs[0].sum(self.chunk.observed.kernel(nu, self.phi)) + self.constant
        below, rule, factor = level - 1, self.task.rules[level - 1], self.mode.placing
        anc = self.chunk.runs[level].spread(anc)
        n, size = anc.shape[1], rule.size
        z = np.broadcast_to(rule.z.T[:, None, :, None], (self.task.q[below], n, size, anc.shape[2]))
        d = self._deviations(below, z, anc)
        own = d.reshape(len(d), n * size, -1)
        at = np.repeat(nu, size, axis=0) + self._shift(below, own)
        value = self._value(below, np.concatenate([own, np.repeat(anc, size, axis=1)]), at)
        u = self.mode.u[below][:, None, None] + d
        term = value.reshape(n, size, -1) + rule.c[:, None] - 0.5 * (u**2).sum(axis=0)
        log_det = np.log(np.einsum("iig->ig", factor.lower[below])).sum(axis=0)
        value = _log_sum(term) - log_det
        weight = unit_weight(self.chunk, below)
        return self.chunk.runs[level].sum(value if weight is None else value * weight)


def _log_sum(term: np.ndarray) -> np.ndarray:
    """log sum exp over the nodes of (n, K, G); minus infinity where all terms are."""
    largest = term.max(axis=1)
    with np.errstate(divide="ignore"):
        largest = np.where(np.isneginf(largest), 0.0, largest)
        return largest + np.log(np.exp(term - largest[:, None]).sum(axis=1))
