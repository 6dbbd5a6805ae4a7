r"""Gamma responses: mean mu, log coefficient of variation logcv, shape s = e^(-2 logcv).

With t = y / mu and delta = log t, and R the remainder of Stirling's series,

.. math:: \ell = -s (t - 1 - \delta) + \tfrac12\log\frac{s}{2\pi} - R(s) - \log y

(the usual form, rearranged so that nothing cancels at a large shape).  In g = log mu:
d1 = s (t - 1), d2 = -s t, d3 = s t, and d/dlogcv multiplies the kernel's terms by -2.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import polygamma

from statsmodels_gllamm.responses.base import quiet, without_weight
from statsmodels_gllamm.responses.links import Log, MeanLink, Power
from statsmodels_gllamm.responses.mean_response import MeanResponse
from statsmodels_gllamm.responses.special import (
    HALF_LOG_2PI,
    PSI,
    SERIES_FROM,
    digamma_remainder,
    log_root,
    polynomial,
    stirling_remainder,
)
from statsmodels_gllamm.responses.validation import as_positive

_SLOPE = tuple((1 - 2 * k) * c for k, c in enumerate(PSI, 1))  # of the derivative of s D(s)


def size_slope(s):
    """s d/ds (s D(s)) for real s > 0, where D(s) = log s - psi(s); about -1/(12 s)."""
    far = s > SERIES_FROM
    big, small = np.where(far, s, SERIES_FROM), np.where(far, 1.0, s)
    near = small * (digamma_remainder(small) + 1 - small * polygamma(1, small))
    inverse = 1 / big
    return np.where(far, inverse * polynomial(_SLOPE, inverse * inverse), near)


@dataclass(frozen=True)
class Gamma(MeanResponse):
    """Gamma response with any `MeanLink`."""

    link: MeanLink = Log()
    aux_names = ("logcv",)
    family = "Gamma"

    @property
    def log_concave(self) -> bool:
        link = self.link  # a power link: -q log nu - y nu^-q is concave for q <= -1
        return isinstance(link, Log) or (isinstance(link, Power) and -1 <= link.power < 0)

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        return as_positive(endog, n_trials, index, "Gamma")

    def constant(self, y, aux):
        return (-aux[0] - HALF_LOG_2PI - stirling_remainder(np.exp(-2 * aux[0]))
                - np.log(y[0]))

    def kernel_g(self, y, g, aux):
        delta = np.log(y[0]) - g
        return np.exp(-2 * aux[0]) * (delta - np.expm1(delta))

    def derivatives_g(self, y, g, aux):
        shape = np.exp(-2 * aux[0])
        delta = np.log(y[0]) - g
        third = shape * np.exp(delta)
        return shape * np.expm1(delta), -third, third

    def information_g(self, g, aux):
        return np.exp(-2 * aux[0]) + np.zeros(np.shape(g))

    def aux_score_g(self, y, g, aux):
        shape = np.exp(-2 * aux[0])
        kernel = self.kernel_g(y, g, aux)
        return without_weight(kernel, -2 * kernel - 2 * shape * digamma_remainder(shape))[None]

    def aux_curvature_g(self, y, g, aux):
        kernel = self.kernel_g(y, g, aux)
        constant = size_slope(np.exp(-2 * aux[0]))
        return without_weight(kernel, 4 * kernel + 4 * constant)[None, None]

    def aux_derivatives_g(self, y, g, aux):
        first, second, _ = self.derivatives_g(y, g, aux)
        return -2 * first[None], -2 * second[None]

    @quiet
    def variance(self, nu, aux, y=None):
        return (np.exp(aux[0]) * self.mean(nu)) ** 2

    def simulate(self, rng, nu, aux, y=None):
        shape = np.exp(-2 * aux[0])
        return rng.gamma(shape, self.mean(nu) / shape)

    def aux_start(self, y, mu):
        return log_root(np.mean((y[0] / mu - 1) ** 2))
