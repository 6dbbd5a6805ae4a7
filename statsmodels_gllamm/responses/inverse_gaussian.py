r"""Inverse Gaussian responses: mean mu, variance phi mu^3, logscale = log(phi) / 2.

.. math:: \ell = -\frac{(y - \mu)^2}{2 \phi y \mu^2} - \tfrac12\log(2\pi\phi y^3)

With v = 1 / mu and r = v - 1/y the kernel is -(y / 2 phi) r^2, and in g = log mu

    d1 = (y / phi) r v,   d2 = -(y / phi) v (2 v - 1/y),   d3 = (y / phi) v (4 v - 1/y);

d/dlogscale multiplies them by -2.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import quiet, scale_score, without_weight
from statsmodels_gllamm.responses.links import MeanLink, Power
from statsmodels_gllamm.responses.mean_response import MeanResponse
from statsmodels_gllamm.responses.special import HALF_LOG_2PI, log_root
from statsmodels_gllamm.responses.validation import as_positive


@dataclass(frozen=True)
class InverseGaussian(MeanResponse):
    """Inverse Gaussian response with any `MeanLink`."""

    link: MeanLink = Power(-2.0)
    aux_names = ("logscale",)
    family = "InverseGaussian"

    @property
    def log_concave(self) -> bool:
        link = self.link  # 2 v - y v^2 with v = nu^s is concave for 1/2 <= s = -1/power <= 1
        return isinstance(link, Power) and -2 <= link.power <= -1

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        return as_positive(endog, n_trials, index, "InverseGaussian")

    def constant(self, y, aux):
        return -aux[0] - HALF_LOG_2PI - 1.5 * np.log(y[0])

    def kernel_g(self, y, g, aux):
        r = np.exp(-g) - 1 / y[0]
        return -0.5 * y[0] * np.exp(-2 * aux[0]) * r * r

    def derivatives_g(self, y, g, aux):
        v, inverse = np.exp(-g), 1 / y[0]
        c = y[0] * np.exp(-2 * aux[0]) * v
        return c * (v - inverse), -c * (2 * v - inverse), c * (4 * v - inverse)

    def information_g(self, g, aux):
        return np.exp(-g - 2 * aux[0])

    def aux_score_g(self, y, g, aux):
        return scale_score(self.kernel_g(y, g, aux))[None]

    def aux_derivatives_g(self, y, g, aux):
        first, second, _ = self.derivatives_g(y, g, aux)
        return -2 * first[None], -2 * second[None]

    def aux_curvature_g(self, y, g, aux):
        kernel = self.kernel_g(y, g, aux)
        return without_weight(kernel, 4 * kernel)[None, None]

    @quiet
    def variance(self, nu, aux, y=None):
        return np.exp(2 * aux[0]) * self.mean(nu) ** 3

    def simulate(self, rng, nu, aux, y=None):
        return rng.wald(self.mean(nu), np.exp(-2 * aux[0]))

    def aux_start(self, y, mu):
        return log_root(np.mean((y[0] / mu - 1) ** 2 / y[0]))
