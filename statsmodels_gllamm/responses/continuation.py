r"""Continuation-ratio responses: the probability to stop at a category that has been reached.

.. math:: P(Y = s \mid Y \ge s) = F\left(\frac{\delta_s - \nu}{\sigma}\right), \qquad
          \ell = \sum_{s < y} \log(1 - F_s) + [y < K] \log F_y

A sum of tails T(z), z = k (delta_s - nu) to stop and minus that to pass, k = 1/sigma; so z' = -+k,
and dz/dlog sigma = -z.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.ordinal import OrdinalResponse
from statsmodels_gllamm.responses.scaled_interval import finite, product


@dataclass(frozen=True)
class Continuation(OrdinalResponse):
    """Continuation ratios with thresholds; parameters as in `OrdinalResponse`."""

    @property
    def name(self) -> str:
        return f"Ordinal({self.link}, continuation)"

    def _scale(self, aux, n):
        """k (n,)."""
        return np.exp(-aux[self.n_cuts]) if self.scaled else np.ones(n)

    def _steps(self, y, nu, aux):
        """For every cut, and stopping and passing: cut, rows, tail, z (..., rows) and dz/dnu."""
        n = y.shape[1]
        code, _, high = self._codes(y, n)
        possible, scale = self._possible(y, n), self._scale(aux, n)
        for k in range(self.n_cuts):
            reached = possible[k] & (k < high)
            for tail, sign, where in ((self.interval.lower, 1.0, code == k),
                                      (self.interval.upper, -1.0, code > k)):
                rows = np.flatnonzero(reached & where)
                if len(rows):
                    slope = sign * scale[rows]
                    yield k, rows, tail, (aux[k, rows] - nu[..., rows]) * slope, -slope

    @quiet
    def kernel(self, y, nu, aux=None):
        out = np.zeros(np.shape(nu), dtype=np.result_type(nu, aux))
        for _, rows, tail, z, _ in self._steps(y, nu, aux):
            out[..., rows] += tail.value(z)
        return out

    @quiet
    def kernel_score(self, y, nu, aux=None):
        out, score = np.zeros(np.shape(nu)), np.zeros(np.shape(nu))
        for _, rows, tail, z, slope in self._steps(y, nu, aux):
            value, first = tail.value_score(z)
            out[..., rows] += value
            score[..., rows] += first * slope
        return out, np.where(np.isneginf(out), 0.0, score)

    @quiet
    def derivatives(self, y, nu, aux=None):
        out = np.zeros((3,) + np.shape(nu))
        for _, rows, tail, z, slope in self._steps(y, nu, aux):
            for k, t in enumerate(tail.derivatives(z)):
                out[k][..., rows] += t * slope**(k + 1)
        return tuple(out)

    @quiet
    def expected_information(self, y, nu, aux=None):
        n = np.shape(nu)[-1]
        _, _, high = self._codes(y, n)
        possible, scale = self._possible(y, n), self._scale(aux, n)
        out, log_reached = np.zeros(np.shape(nu)), np.zeros(np.shape(nu))
        for k in range(self.n_cuts):
            x = (aux[k] - nu) * scale
            here = possible[k] & (k < high)
            stop, go = self.interval.lower, self.interval.upper
            each = product(stop.derivatives(x)[0], go.derivatives(-x)[0])  # f^2 / (F (1 - F))
            out += np.where(here, product(np.exp(log_reached), each) * scale**2, 0.0)
            log_reached += np.where(here, go.value(-x), 0.0)
        return out

    @quiet
    def aux_score(self, y, nu, aux=None):
        out = np.zeros((len(self.aux_names),) + np.shape(nu))
        for k, rows, tail, z, slope in self._steps(y, nu, aux):
            t1 = tail.derivatives(z)[0]
            out[k][..., rows] -= t1 * slope
            if self.scaled:
                out[-1][..., rows] -= t1 * z
        return finite(out)

    @quiet
    def aux_derivatives(self, y, nu, aux=None):
        first, second = np.zeros((2, len(self.aux_names)) + np.shape(nu))
        for k, rows, tail, z, slope in self._steps(y, nu, aux):
            t1, t2, t3 = tail.derivatives(z)
            first[k][..., rows] -= t2 * slope**2
            second[k][..., rows] -= t3 * slope**3
            if self.scaled:
                first[-1][..., rows] -= (z * t2 + t1) * slope
                second[-1][..., rows] -= (z * t3 + 2 * t2) * slope**2
        return finite(first), finite(second)

    @quiet
    def aux_curvature(self, y, nu, aux=None):
        m = len(self.aux_names)
        out = np.zeros((m, m) + np.shape(nu))
        for k, rows, tail, z, slope in self._steps(y, nu, aux):
            t1, t2, _ = tail.derivatives(z)
            out[k, k][..., rows] += t2 * slope**2
            if self.scaled:
                cross = (z * t2 + t1) * slope
                out[k, -1][..., rows] += cross
                out[-1, k][..., rows] += cross
                out[-1, -1][..., rows] += z * (z * t2 + t1)
        return finite(out)

    @quiet
    def probabilities(self, nu, aux=None, y=None):
        n = np.shape(nu)[-1]
        _, _, high = self._codes(y, n)
        aux = np.broadcast_to(aux, (len(aux), n))
        possible, scale = self._possible(y, n), self._scale(aux, n)
        out = np.zeros((len(self.categories),) + np.shape(nu))
        log_reached = np.zeros(np.shape(nu))
        for k in range(self.n_cuts):
            x = (aux[k] - nu) * scale
            stop = np.where(k < high, self.interval.lower.value(x), 0.0)
            out[k] = np.where(possible[k], np.exp(log_reached + stop), 0.0)
            log_reached += np.where(possible[k] & (k < high), self.interval.upper.value(-x), 0.0)
        out[-1] = np.where(possible[-1], np.exp(log_reached), 0.0)
        return out

    def aux_start(self, y, mu):
        cuts = self._quantiles(self._shares(y, lambda code, k: code == k,
                                            lambda code, k: code >= k))
        return np.append(cuts, [0.0] * self.scaled)
