r"""Negative binomial responses of kind 1 (NB1): mean mu, variance mu (1 + alpha), log link.

The size k = mu / alpha is proportional to the mean: t = log k = nu + logsize, logsize =
-log(alpha).  With B of `rising.py`, L = log(1 + alpha) and q = alpha / (1 + alpha),

.. math:: \ell = y \nu - (k + y) L + B(t, y) - \log y!

    in nu       y + B' - k L,   B'' - k L,   B''' - k L
    in logsize  l -> B' + y q - k (L - q),   l' -> B'' - k (L - q),   l'' -> B''' - k (L - q)
    twice       B'' - k (L - q) + k q^2 - y q (1 - q)

B vanishes at alpha -> 0, the Poisson limit.  The expected information is

.. math:: k^2\, E\{\psi'(k) - \psi'(k + Y)\}
          = k q \sum_{j \ge 0} c_j, \quad c_0 = 1, \quad
          \frac{c_j}{c_{j - 1}} = \frac{q j^2}{(j + 1)(j + k)}

(a binomial series in q; kq is the information of the quasi-likelihood).
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln

from statsmodels_gllamm.responses.base import quiet, without_weight
from statsmodels_gllamm.responses.negative_binomial import SizeResponse
from statsmodels_gllamm.responses.rising import rising, rising_derivatives, rising_score
from statsmodels_gllamm.responses.tails import LOGISTIC

MAX_TERMS = 500  # of the series of the expected information; the rest is taken as geometric
TOL = 1e-12


@dataclass(frozen=True)
class NegativeBinomial1(SizeResponse):
    """Negative binomial response of kind 1 with log link.

    Parameters
    ----------
    alpha : float or None
        A number fixes alpha, and there is no auxiliary predictor; None has logsize estimated.
    """

    alpha: float | None = None

    @property
    def name(self) -> str:
        return "NegativeBinomial1(log)"

    @quiet
    def _terms(self, nu, aux):
        """t, k, and kL = mu log(1 + alpha) / alpha."""
        log_size = self._log_size(aux)
        t = nu + log_size
        k = np.exp(t)
        return t, k, k * -LOGISTIC.value(log_size)

    @quiet
    def constant(self, y, aux=None):
        return y[0] * LOGISTIC.value(self._log_size(aux)) - gammaln(y[0] + 1)

    @quiet
    def kernel(self, y, nu, aux=None):
        t, _, zero = self._terms(nu, aux)
        return y[0] * nu - zero + rising(t, y[0])

    @quiet
    def kernel_score(self, y, nu, aux=None):
        t, _, zero = self._terms(nu, aux)
        kernel, score = rising_score(t, y[0])
        kernel += y[0] * nu
        kernel -= zero
        score += y[0]
        score -= zero
        return kernel, without_weight(kernel, score)

    @quiet
    def derivatives(self, y, nu, aux=None):
        t, _, zero = self._terms(nu, aux)
        first, second, third = rising_derivatives(t, y[0])
        return first + y[0] - zero, second - zero, third - zero

    @quiet
    def expected_information(self, y, nu, aux=None):
        log_size = self._log_size(aux)
        k = np.exp(nu + log_size)
        q = expit(-log_size) + np.zeros(np.shape(k))
        term, total = np.ones_like(k), np.ones_like(k)
        for j in range(1, MAX_TERMS):
            ratio = q * (j / (j + 1)) * (j / (j + k))
            term *= ratio
            total += term
            if np.max(term, initial=0.0) < TOL:
                break
        return np.exp(nu) * (1 - q) * (total + term * ratio / (1 - ratio))

    @quiet
    def _excess(self, nu, aux):
        """q, k (L - q) and k q^2."""
        log_size = self._log_size(aux)
        k, q = np.exp(nu + log_size), expit(-log_size)
        return q, k * (-LOGISTIC.value(log_size) - q), k * q * q

    @quiet
    def aux_score(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_score(y, nu, aux)
        q, excess, _ = self._excess(nu, aux)
        score = rising_score(nu + aux[0], y[0])[1]
        score += y[0] * q
        score -= np.where(np.isinf(excess), 0.0, excess)  # there is no weight where it overflows
        return score[None]

    @quiet
    def aux_derivatives(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_derivatives(y, nu, aux)
        _, excess, _ = self._excess(nu, aux)
        _, second, third = rising_derivatives(nu + aux[0], y[0])
        return (second - excess)[None], (third - excess)[None]

    @quiet
    def aux_curvature(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_curvature(y, nu, aux)
        q, excess, square = self._excess(nu, aux)
        second = rising_derivatives(nu + aux[0], y[0])[1]
        return (second - excess + square - y[0] * q * (1 - q))[None, None]

    def log_hazard(self, y, nu, aux=None):
        """log(-log f(0)) = t + log L (..., n), for `hazards.py`."""
        log_size = self._log_size(aux)
        return nu + log_size + np.log(-LOGISTIC.value(log_size))

    def log_hazard_derivatives(self, y, nu, aux=None):
        """Its three derivatives in nu."""
        return np.ones_like(nu), np.zeros_like(nu), np.zeros_like(nu)

    def log_hazard_aux(self, y, nu, aux):
        """Its derivative in aux, those of its first two derivatives in nu, and its second one."""
        q, logarithm = expit(-aux[0]), -LOGISTIC.value(aux[0])
        ratio = q / logarithm
        zero = np.zeros((1,) + np.shape(nu))
        return (zero + (1 - ratio), zero, zero,
                zero[None] + ratio * (1 - q - ratio))

    @quiet
    def mean(self, nu, aux=None, y=None):
        return np.exp(nu)

    @quiet
    def variance(self, nu, aux=None, y=None):
        return np.exp(nu) * (1 + np.exp(-self._log_size(aux)))

    def simulate(self, rng, nu, aux=None, y=None):
        log_size = self._log_size(aux)
        mu = rng.gamma(np.exp(nu + log_size)) * np.exp(-log_size)
        return rng.poisson(mu).astype(np.float64)

    def aux_start(self, y, mu):
        if self.alpha is not None:
            return np.zeros(0)
        alpha = np.mean((y[0] - mu) ** 2 - mu) / np.mean(mu)
        return np.array([-np.log(max(alpha, 0.01))])
