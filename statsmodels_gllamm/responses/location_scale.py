r"""Responses of location-scale form on a scale t(y), such as log y.

.. math:: \ell = \log f(z) + \log k + \log|t'(y)|, \qquad z = k\,(t(y) - \nu)
          \quad\text{or}\quad z = k\,t(y) + \nu

with k = 1/sigma = e^(-logsd) or k = e^(logshape).  The second form is the proportional hazards
metric of Weibull responses.  With g1, g2, g3 the derivatives of log f in z, z' = dz/dnu (minus k,
or one) and z_a, z_aa the derivatives of z in the auxiliary predictor,

    l' = g1 z',  l'' = g2 z'^2,  l''' = g3 z'^3,   dl/da = g1 z_a + dlog k/da,
    dl'/da = g2 z_a z' + g1 dz'/da,   dl''/da = g3 z_a z'^2 + 2 g2 z' dz'/da,
    d2l/da2 = g2 z_a^2 + g1 z_aa.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import Response, quiet, without_weight
from statsmodels_gllamm.responses.special import log_root
from statsmodels_gllamm.responses.standard import NORMAL, Standard
from statsmodels_gllamm.responses.validation import as_numbers, as_positive, no_trials


class Located(ABC):
    """Functions log f(z) of the linear predictor, and their derivatives.

    The methods are those of `Response` with the same names.

    Attributes
    ----------
    aux_names : tuple of str
        One auxiliary predictor that scales z, or none.
    sign : float
        dlog k/da: -1 where the auxiliary predictor is a log standard deviation, 1 where it is a
        log shape.
    hazard : bool
        z = k t + nu instead of k (t - nu); a log shape then.
    positive : bool
        The response is positive and t its logarithm; otherwise t is the identity.
    normalized : bool
        f is a density, so that log k belongs to it.
    """

    aux_names: tuple[str, ...] = ("logsd",)
    sign = -1.0
    hazard = False
    positive = True
    normalized = True

    @abstractmethod
    def standard(self, aux) -> Standard:
        """The function log f; accepts complex ``aux``."""

    def transformed(self, values):
        """t of response values."""
        return np.log(values) if self.positive else values

    def restored(self, t):
        """Response values of t."""
        return np.exp(t) if self.positive else t

    def log_rate(self, aux):
        """log k."""
        return self.sign * aux[0] if self.aux_names else np.float64(0.0)

    def standardized(self, t, nu, aux):
        """z."""
        rate = np.exp(self.log_rate(aux))
        return t * rate + nu if self.hazard else (t - nu) * rate

    def slopes(self, aux):
        """dz/dnu and its derivative in the auxiliary predictor, (n,) or a number each."""
        if self.hazard:
            return np.float64(1.0), np.float64(0.0)
        rate = np.exp(self.log_rate(aux))
        return -rate, -self.sign * rate

    def aux_slopes(self, z, t, aux):
        """First and second derivative of z in the auxiliary predictor."""
        if self.hazard:
            change = t * np.exp(self.log_rate(aux)) + np.zeros(np.shape(z))
            return change, change
        return self.sign * z, z

    @quiet
    def kernel(self, y, nu, aux=None):
        return self.standard(aux).value(self.standardized(self.transformed(y[0]), nu, aux))

    @quiet
    def kernel_score(self, y, nu, aux=None):
        z = self.standardized(self.transformed(y[0]), nu, aux)
        kernel, score = self.standard(aux).value_score(z)
        score *= self.slopes(aux)[0]
        return kernel, without_weight(kernel, score)

    @quiet
    def derivatives(self, y, nu, aux=None):
        z = self.standardized(self.transformed(y[0]), nu, aux)
        slope = self.slopes(aux)[0]
        g1, g2, g3 = self.standard(aux).derivatives(z)
        return g1 * slope, g2 * slope**2, g3 * slope**3

    def _chain(self, y, nu, aux):
        """z, (g1, g2, g3) and (z_a, z_aa)."""
        t = self.transformed(y[0])
        z = self.standardized(t, nu, aux)
        return z, self.standard(aux).derivatives(z), self.aux_slopes(z, t, aux)

    @quiet
    def aux_score(self, y, nu, aux=None):
        if not self.aux_names:
            return np.zeros((0,) + np.shape(nu))
        z, g, (change, _) = self._chain(y, nu, aux)
        score = g[0] * change
        if self.normalized:
            score += self.sign
        return without_weight(self.standard(aux).value(z), score)[None]

    @quiet
    def aux_derivatives(self, y, nu, aux=None):
        if not self.aux_names:
            empty = np.zeros((0,) + np.shape(nu))
            return empty, empty
        _, g, (change, _) = self._chain(y, nu, aux)
        slope, cross = self.slopes(aux)
        first, second = g[1] * change * slope, g[2] * change * slope**2
        if not self.hazard:  # 0 times infinity is to be avoided
            first, second = first + g[0] * cross, second + 2 * g[1] * slope * cross
        return first[None], second[None]

    @quiet
    def aux_curvature(self, y, nu, aux=None):
        if not self.aux_names:
            return np.zeros((0, 0) + np.shape(nu))
        z, g, (change, second) = self._chain(y, nu, aux)
        value = g[1] * change**2 + g[0] * second
        return without_weight(self.standard(aux).value(z), value)[None, None]


class LocationScale(Located, Response):
    """Base class of responses, which give `standard`, moments and starting values."""

    @abstractmethod
    def draw_standard(self, rng, aux, n) -> np.ndarray:
        """Random z (n,)."""

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        if self.positive:
            return as_positive(endog, n_trials, index, self.name)
        no_trials(n_trials, self.name)
        return np.ascontiguousarray(as_numbers(endog, self.name, index)[0])[None]

    def blank(self, n, n_trials=None, columns=None):
        return np.ones((1, n)) if self.positive else np.zeros((1, n))

    @quiet
    def constant(self, y, aux=None):
        value = self.standard(aux).constant + self.log_rate(aux)
        return value - np.log(y[0]) if self.positive else value + np.zeros(y.shape[1])

    @quiet
    def expected_information(self, y, nu, aux=None):
        return self.standard(aux).information * self.slopes(aux)[0]**2 + np.zeros(np.shape(nu))

    @quiet
    def log_survival(self, value, nu, aux=None):
        """log P(Y > value) (..., n), for a value that is a number or (n,)."""
        return self._tail("upper", value, nu, aux)

    @quiet
    def log_distribution(self, value, nu, aux=None):
        """log P(Y <= value) (..., n)."""
        return self._tail("lower", value, nu, aux)

    def _tail(self, side, value, nu, aux):
        value = np.maximum(value, 0.0) if self.positive else np.asarray(value, dtype=np.float64)
        z = self.standardized(self.transformed(value), nu, aux) + np.zeros(np.shape(nu))
        density = self.standard(aux)
        return density.upper.value(-z) if side == "upper" else density.lower.value(z)

    @quiet
    def simulate(self, rng, nu, aux=None, y=None):
        z = self.draw_standard(rng, aux, np.shape(nu))
        rate = np.exp(self.log_rate(aux))
        return self.restored((z - nu) / rate if self.hazard else nu + z / rate)


@dataclass(frozen=True)
class GaussianIdentity(LocationScale):
    """The response of gaussian.py with identity link, as one that can be censored."""

    positive = False
    log_concave = True
    gaussian = True

    @property
    def name(self) -> str:
        return "Gaussian(identity)"

    def standard(self, aux):
        return NORMAL

    def mean(self, nu, aux=None, y=None):
        return +nu

    def variance(self, nu, aux, y=None):
        return np.exp(2 * aux[0]) + np.zeros(np.shape(nu))

    def draw_standard(self, rng, aux, n):
        return rng.standard_normal(n)

    def aux_start(self, y, mu):
        return log_root(np.mean((y[0] - mu) ** 2))
