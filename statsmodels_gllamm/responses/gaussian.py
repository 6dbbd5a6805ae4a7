r"""Gaussian responses: y ~ N(mu, sigma^2), mu = h(nu), logsd = log sigma.

.. math:: \ell = -\frac{(y - \mu)^2}{2\sigma^2} - \log\sigma - \tfrac12\log 2\pi

With d = (y - mu) / sigma^2 the derivatives in mu are d, -1/sigma^2, 0.  The kernel and its
derivatives in nu are proportional to sigma^-2, so that d/dlogsd multiplies them by -2.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import Response, quiet, scale_score, without_weight
from statsmodels_gllamm.responses.links import MeanLink, Power
from statsmodels_gllamm.responses.special import HALF_LOG_2PI, log_root
from statsmodels_gllamm.responses.validation import as_numbers, no_trials


class GaussianBase(Response):
    """What does not depend on the link."""

    aux_names = ("logsd",)

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        no_trials(n_trials, "Gaussian")
        return np.ascontiguousarray(as_numbers(endog, "Gaussian", index)[0])[None]

    def constant(self, y, aux):
        return -aux[0] - HALF_LOG_2PI

    def aux_score(self, y, nu, aux):
        return scale_score(self.kernel(y, nu, aux))[None]

    def aux_derivatives(self, y, nu, aux):
        first, second, _ = self.derivatives(y, nu, aux)
        return -2 * first[None], -2 * second[None]

    def aux_curvature(self, y, nu, aux):
        kernel = self.kernel(y, nu, aux)
        return without_weight(kernel, 4 * kernel)[None, None]

    def variance(self, nu, aux, y=None):
        return np.exp(2 * aux[0]) + np.zeros(np.shape(nu))

    def simulate(self, rng, nu, aux, y=None):
        return rng.normal(self.mean(nu), np.exp(aux[0]))

    def aux_start(self, y, mu):
        return log_root(np.mean((y[0] - mu) ** 2))


@dataclass(frozen=True)
class Gaussian(GaussianBase):
    """Gaussian response with identity link."""

    log_concave = True
    gaussian = True

    @property
    def name(self) -> str:
        return "Gaussian(identity)"

    @quiet
    def kernel(self, y, nu, aux):
        r = (y[0] - nu) * np.exp(-aux[0])
        return -0.5 * r * r

    @quiet
    def kernel_score(self, y, nu, aux):
        residual = y[0] - nu
        score = residual * np.exp(-2 * aux[0])
        residual *= score
        residual *= -0.5
        return residual, without_weight(residual, score)

    def derivatives(self, y, nu, aux):
        precision = np.exp(-2 * aux[0])
        zero = np.zeros(np.shape(nu))
        return (y[0] - nu) * precision, zero - precision, zero

    def expected_information(self, y, nu, aux):
        return np.exp(-2 * aux[0]) + np.zeros(np.shape(nu))

    def mean(self, nu, aux=None, y=None):
        return +nu


@dataclass(frozen=True)
class GaussianMean(GaussianBase):
    """Gaussian response whose mean is a nonlinear function of the linear predictor.

    With h1, h2, h3 the derivatives of the mean: l' = d h1, l'' = d h2 - h1^2 / sigma^2,
    l''' = d h3 - 3 h1 h2 / sigma^2.
    """

    link: MeanLink

    @property
    def name(self) -> str:
        return f"Gaussian({self.link.name})"

    @property
    def bounded(self) -> bool:
        return isinstance(self.link, Power) and not (self.link.q.is_integer() and self.link.q > 0)

    def _inside(self, nu):
        """nu with ones put where there is no mean, and the mask of these or None."""
        if not self.bounded:
            return nu, None
        real = np.real(nu)
        outside = real == 0 if self.link.q.is_integer() else ~(real > 0)
        return (np.where(outside, 1.0, nu), outside) if outside.any() else (nu, None)

    @quiet
    def kernel(self, y, nu, aux):
        nu, outside = self._inside(nu)
        r = (y[0] - self.link.mean(nu)) * np.exp(-aux[0])
        value = -0.5 * r * r
        if outside is not None:
            value[outside] = -np.inf
        return value

    @quiet
    def derivatives(self, y, nu, aux):
        nu, outside = self._inside(nu)
        precision = np.exp(-2 * aux[0])
        mu, h1, h2, h3 = self.link.mean_derivatives(nu)
        d = (y[0] - mu) * precision
        values = d * h1, d * h2 - h1 * h1 * precision, d * h3 - 3 * h1 * h2 * precision
        if outside is not None:
            for value in values:
                value[outside] = 0.0
        return values

    @quiet
    def expected_information(self, y, nu, aux):
        nu, outside = self._inside(nu)
        value = self.link.mean_derivatives(nu)[1] ** 2 * np.exp(-2 * aux[0])
        if outside is not None:
            value[outside] = 0.0
        return value

    def mean(self, nu, aux=None, y=None):
        return self.link.mean(nu)
