r"""Poisson responses: y ~ Poisson(mu).

.. math:: \ell = y \log\mu - \mu - \log y!

For the log link mu = e^nu.  For a power link mu = nu^q, where q is one over the link's power
(identity: q = 1, square root: q = 2):

.. math:: \ell = q y \log|\nu| - \nu^q - \log y!, \qquad \ell' = q (y / \nu - \nu^{q - 1}), ...
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from statsmodels_gllamm.responses.base import Response, quiet, without_weight
from statsmodels_gllamm.responses.links import Power
from statsmodels_gllamm.responses.validation import as_counts, as_numbers, no_trials


class PoissonBase(Response):
    """What does not depend on the link."""

    mass_at_zero = True

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        no_trials(n_trials, "Poisson")
        values, index = as_numbers(endog, "Poisson", index)
        return np.ascontiguousarray(as_counts(values, index, "Poisson"))[None]

    def constant(self, y, aux=None):
        return -gammaln(y[0] + 1)

    def variance(self, nu, aux=None, y=None):
        return self.mean(nu)

    def simulate(self, rng, nu, aux=None, y=None):
        return rng.poisson(self.mean(nu)).astype(np.float64)


@dataclass(frozen=True)
class Poisson(PoissonBase):
    """Poisson response with log link."""

    log_concave = True

    @property
    def name(self) -> str:
        return "Poisson(log)"

    @quiet
    def kernel(self, y, nu, aux=None):
        return y[0] * nu - np.exp(nu)

    @quiet
    def kernel_score(self, y, nu, aux=None):
        score = np.exp(nu)
        kernel = y[0] * nu
        kernel -= score
        np.subtract(y[0], score, out=score)
        return kernel, without_weight(kernel, score)

    @quiet
    def derivatives(self, y, nu, aux=None):
        mu = np.exp(nu)
        return y[0] - mu, -mu, -mu

    @quiet
    def curvature(self, y, nu, aux=None):
        return np.exp(nu)

    def expected_information(self, y, nu, aux=None):
        return self.curvature(y, nu)

    @quiet
    def mean(self, nu, aux=None, y=None):
        return np.exp(nu)


@dataclass(frozen=True)
class PoissonPower(PoissonBase):
    """Poisson response with a power link, such as identity and square root.

    As in statsmodels the mean is nu^q, for an even q on both sides of nu = 0.
    """

    link: Power
    bounded = True

    @property
    def name(self) -> str:
        return f"Poisson({self.link.name})"

    @property
    def log_concave(self) -> bool:
        return 0 < self.link.power <= 1

    def _inside(self, y, nu):
        """nu with ones put outside the support, and the mask outside or None."""
        outside = self.link.outside(nu)
        if self.link.even and self.link.q > 0:
            outside = outside & (y[0] > 0)  # a mean of zero gives zeros
        return (np.where(outside, 1.0, nu), outside) if outside.any() else (nu, None)

    @quiet
    def kernel(self, y, nu, aux=None):
        nu, outside = self._inside(y, nu)
        log = np.log(np.where(np.real(nu) < 0, -nu, nu))
        value = np.where(y[0] == 0, 0.0, self.link.q * y[0] * log) - self.link.mean(nu)
        if outside is not None:
            value[outside] = -np.inf
        return value

    @quiet
    def derivatives(self, y, nu, aux=None):
        nu, outside = self._inside(y, nu)
        _, h1, h2, h3 = self.link.mean_derivatives(nu)
        r = 1 / nu
        a1 = self.link.q * y[0] * r
        a2, a3 = -a1 * r, 2 * a1 * r * r
        values = tuple(np.where(y[0] == 0, 0.0, a) - h for a, h in ((a1, h1), (a2, h2), (a3, h3)))
        if outside is not None:
            for value in values:
                value[outside] = 0.0
        return values

    @quiet
    def expected_information(self, y, nu, aux=None):
        nu, outside = self._inside(y, nu)  # h'^2 / mu = q^2 |nu|^(q - 2)
        value = self.link.q**2 * np.power(np.abs(nu), self.link.q - 2)
        if outside is not None:
            value[outside] = 0.0
        return value

    def mean(self, nu, aux=None, y=None):
        return self.link.mean(nu)
