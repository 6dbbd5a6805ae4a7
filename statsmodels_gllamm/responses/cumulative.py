r"""Cumulative ordinal responses (McCullagh, 1980): P(Y <= s) = F((kappa_s - nu) / sigma).

.. math:: \ell = \log\left[F\left(\frac{\kappa_s - \nu}{\sigma}\right)
          - F\left(\frac{\kappa_{s-1} - \nu}{\sigma}\right)\right],
          \qquad \kappa_0 = -\infty,\ \kappa_K = \infty

Auxiliary predictors are the K - 1 thresholds and, if scaled, log sigma; the row's auxiliary values
are the two thresholds beside its category (and log sigma).  With ``increments`` the predictors
after the lowest possible one are logs of the steps to the next threshold.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.ordinal import OrdinalResponse
from statsmodels_gllamm.responses.scaled_interval import (
    ScaledInterval,
    interval_score,
    interval_value,
    product,
)

SMALLEST_STEP = 1e-2  # between starting values of thresholds


@dataclass(frozen=True)
class Cumulative(OrdinalResponse):
    """Cumulative probabilities with thresholds.

    Parameters
    ----------
    link, categories, scaled
        As in `OrdinalResponse`.
    increments : bool
        kappa_1 = a_1 and kappa_s = kappa_(s-1) + exp(a_s) with predictors a_s, so that thresholds
        are in order whatever these are.
    """

    increments: bool = False

    @property
    def name(self) -> str:
        return f"Ordinal({self.link})"

    @property
    def aux_names(self):
        names = super().aux_names
        if not self.increments:
            return names
        return tuple(name.replace("cut", "logstep") if 0 < k < self.n_cuts else name
                     for k, name in enumerate(names))

    @property
    def linear_aux(self) -> bool:
        return not self.increments

    @property
    def n_row_aux(self) -> int:
        return 2 + self.scaled

    @quiet
    def thresholds(self, aux, y=None):
        """kappa (K - 1, n), and a mask (n,) of rows whose thresholds are not in order."""
        cuts, n = aux[:self.n_cuts], np.shape(aux)[-1]
        _, low, high = self._codes(y, n)
        if self.increments:
            possible = self._possible(y, n)
            cuts = cuts.copy()
            for k in range(1, self.n_cuts):
                step = np.where(possible[k], np.exp(aux[k]), 0.0)
                cuts[k] = np.where(k > low, cuts[k - 1] + step, aux[k])
        wrong = np.zeros(n, dtype=bool)
        for k in range(1, self.n_cuts):
            in_order = np.real(cuts[k - 1]) <= np.real(cuts[k])
            wrong |= (low < k) & (k < high) & ~in_order
        return cuts, wrong

    def row_aux(self, y, aux):
        cuts, wrong = self.thresholds(aux, y)
        phi = np.stack([*self._beside(cuts, *self._codes(y, y.shape[1])), *aux[self.n_cuts:]])
        phi[:2, wrong] = np.nan
        return phi

    def _beside(self, cuts, code, low, high):
        """The thresholds below and above a code (n,)."""
        below = np.take_along_axis(cuts, np.maximum(code - 1, 0)[None], axis=0)[0]
        above = np.take_along_axis(cuts, np.minimum(code, self.n_cuts - 1)[None], axis=0)[0]
        return np.where(code > low, below, -np.inf), np.where(code < high, above, np.inf)

    def row_aux_adjoint(self, y, aux, bar):
        n = y.shape[1]
        code, low, high = self._codes(y, n)
        out = np.zeros((len(self.aux_names), n))
        out[self.n_cuts:] = bar[2:]
        for k in range(self.n_cuts):
            out[k] = (np.where((code == k + 1) & (code > low), bar[0], 0.0)
                      + np.where((code == k) & (code < high), bar[1], 0.0))
        if self.increments:
            total, possible = np.zeros(n), self._possible(y, n)
            for k in range(self.n_cuts - 1, -1, -1):
                total = total + out[k]
                step = np.where(possible[k], np.exp(aux[k]), 0.0)
                out[k] = np.where(k > low, total * step, np.where(k == low, total, 0.0))
        return out

    def kernel(self, y, nu, aux=None):
        return interval_value(self.interval, nu, aux)

    def kernel_score(self, y, nu, aux=None):
        return interval_score(self.interval, nu, aux)

    def derivatives(self, y, nu, aux=None):
        return ScaledInterval(self.interval, nu, aux).derivatives()

    @quiet
    def expected_information(self, y, nu, aux=None):
        """That of knowing whether the response is below, in, or above the row's category; all of
        it with two categories, and less than that of the response with more."""
        at = ScaledInterval(self.interval, nu, aux)
        half = np.exp(0.5 * interval_value(self.interval, nu, aux))
        total = product(at.partials.t, half)**2
        for tail, end in ((self.interval.lower, at.a), (self.interval.upper, -at.b)):
            inner = np.where(np.isfinite(end), end, 0.0)
            root = product(tail.derivatives(inner)[0], np.exp(0.5 * tail.value(inner)))
            total += np.where(np.isfinite(end), root, 0.0)**2
        return total * at.k**2

    def aux_score(self, y, nu, aux=None):
        return ScaledInterval(self.interval, nu, aux).aux_score()

    def aux_derivatives(self, y, nu, aux=None):
        return ScaledInterval(self.interval, nu, aux).aux_derivatives()

    def aux_curvature(self, y, nu, aux=None):
        return ScaledInterval(self.interval, nu, aux).aux_curvature()

    def probabilities(self, nu, aux=None, y=None):
        n = np.shape(nu)[-1]
        aux = np.broadcast_to(aux, (len(aux), n))
        cuts, wrong = self.thresholds(aux, y)
        _, low, high = self._codes(y, n)
        out = np.zeros((len(self.categories),) + np.shape(nu))
        for code in range(len(out)):
            beside = self._beside(cuts, np.full(n, code), low, high)
            p = np.exp(interval_value(self.interval, nu, np.stack([*beside, *aux[self.n_cuts:]])))
            out[code] = np.where((code >= low) & (code <= high), p, 0.0)
        out[..., wrong | np.isnan(aux).any(axis=0)] = np.nan  # an interval has no NaN, see interval.py
        return out

    def aux_start(self, y, mu):
        cuts = self._quantiles(self._shares(y, lambda code, k: code <= k,
                                            lambda code, k: code >= 0))
        for k in range(1, self.n_cuts):
            cuts[k] = max(cuts[k], cuts[k - 1] + SMALLEST_STEP)
        if self.increments:
            cuts[1:] = np.log(np.diff(cuts))
        return np.append(cuts, [0.0] * self.scaled)
