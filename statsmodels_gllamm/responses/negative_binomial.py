r"""Negative binomial responses (NB2): mean mu, variance mu + alpha mu^2, logsize = -log(alpha).

With kappa = 1 / alpha = e^logsize, z = log(mu / kappa), p = 1 - q = 1 / (1 + e^-z), and B of
`rising.py`,

.. math:: \ell = y g - (y + \kappa)\log(1 + e^z) + B(\log\kappa, y) - \log y!

In g = log mu:  d1 = y q - kappa p,  d2 = -(y + kappa) p q,  d3 = d2 (q - p).
In logsize:  l -> (y + kappa) p - kappa log(1 + e^z) + B',  d1 -> p d1,
d2 -> p q ((y + kappa)(q - p) - kappa);  kappa -> infinity is the Poisson limit.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln

from statsmodels_gllamm.responses.base import Response, quiet, without_weight
from statsmodels_gllamm.responses.links import Log, MeanLink
from statsmodels_gllamm.responses.mean_response import MeanResponse
from statsmodels_gllamm.responses.rising import rising, rising_derivatives
from statsmodels_gllamm.responses.tails import LOGISTIC
from statsmodels_gllamm.responses.validation import as_counts, as_numbers, no_trials

POISSON = 11.0  # log size beyond which it is a Poisson distribution for all that data can tell


class SizeResponse(Response):
    """What both kinds of negative binomial have: logsize, fixed by ``alpha`` or estimated."""

    alpha: float | None
    mass_at_zero = True

    def __post_init__(self) -> None:
        if self.alpha is not None and not (np.isfinite(self.alpha) and self.alpha > 0):
            raise ValueError(f"alpha of a NegativeBinomial must be positive, not {self.alpha!r}; "
                             "for alpha = 0 take the Poisson family.")

    @property
    def aux_names(self) -> tuple[str, ...]:
        return ("logsize",) if self.alpha is None else ()

    @property
    def aux_limits(self) -> tuple[float, ...]:
        return (POISSON,) if self.alpha is None else ()

    def _log_size(self, aux):
        return aux[0] if self.alpha is None else -np.log(self.alpha)

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        return prepare_counts(endog, n_trials, index, "NegativeBinomial")


def prepare_counts(endog, n_trials, index, name: str) -> np.ndarray:
    """Row statistics (1, n) of counts."""
    no_trials(n_trials, name)
    values, index = as_numbers(endog, name, index)
    return np.ascontiguousarray(as_counts(values, index, name))[None]


@dataclass(frozen=True)
class NegativeBinomial(SizeResponse, MeanResponse):
    """Negative binomial response (NB2) with any `MeanLink`.

    Parameters
    ----------
    link : MeanLink
    alpha : float or None
        A number fixes alpha, and there is no auxiliary predictor; None has logsize estimated.
    """

    link: MeanLink = Log()
    alpha: float | None = None
    family = "NegativeBinomial"

    @property
    def log_concave(self) -> bool:
        return isinstance(self.link, Log)

    @quiet
    def constant(self, y, aux=None):
        return rising(self._log_size(aux), y[0]) - gammaln(y[0] + 1)

    def kernel_g(self, y, g, aux):
        log_size = self._log_size(aux)
        return y[0] * g + (y[0] + np.exp(log_size)) * LOGISTIC.value(log_size - g)

    @quiet
    def kernel_score(self, y, nu, aux=None):
        if not isinstance(self.link, Log):
            return super().kernel_score(y, nu, aux)
        log_size = self._log_size(aux)
        total = y[0] + np.exp(log_size)
        e = nu - log_size
        np.exp(e, out=e)
        log = np.log1p(e)
        log *= total
        kernel = y[0] * nu
        kernel -= log
        np.add(e, 1, out=log)
        e /= log
        e *= -total
        e += y[0]
        if np.isfinite(np.min(kernel, initial=0.0)):
            return kernel, e
        kernel = self.kernel(y, nu, aux)
        return kernel, without_weight(kernel, self.derivatives(y, nu, aux)[0])

    def derivatives_g(self, y, g, aux):
        log_size = self._log_size(aux)
        size = np.exp(log_size)
        p, q = expit(g - log_size), expit(log_size - g)
        second = -(y[0] + size) * p * q
        return y[0] * q - size * p, second, second * (q - p)

    def information_g(self, g, aux):
        log_size = self._log_size(aux)
        return np.exp(log_size) * expit(g - log_size)

    def aux_score_g(self, y, g, aux):
        log_size = self._log_size(aux)
        size = np.exp(log_size)
        kernel = ((y[0] + size) * expit(g - log_size)
                  + size * LOGISTIC.value(log_size - g))
        return (kernel + rising_derivatives(log_size, y[0])[0])[None]

    def aux_derivatives_g(self, y, g, aux):
        log_size = self._log_size(aux)
        size = np.exp(log_size)
        p, q = expit(g - log_size), expit(log_size - g)
        first = p * (y[0] * q - size * p)
        return first[None], (p * q * ((y[0] + size) * (q - p) - size))[None]

    def aux_curvature_g(self, y, g, aux):
        log_size = self._log_size(aux)
        size = np.exp(log_size)
        p, q = expit(g - log_size), expit(log_size - g)
        value = size * (2 * p + LOGISTIC.value(log_size - g)) - (y[0] + size) * p * q
        return (value + rising_derivatives(log_size, y[0])[1])[None, None]

    def log_hazard(self, y, nu, aux=None):
        """log(-log f(0)) (..., n), for `hazards.py`: log kappa + log log(1 + e^z)."""
        log_size = self._log_size(aux)
        return log_size + log_softplus(self.link.log_mean(nu) - log_size)

    def log_hazard_derivatives(self, y, nu, aux=None):
        """Its three derivatives in nu."""
        r1, r2, r3 = log_softplus_derivatives(self.link.log_mean(nu) - self._log_size(aux))
        g1, g2, g3 = self.link.log_mean_derivatives(nu)
        return (r1 * g1, r2 * g1 * g1 + r1 * g2,
                r3 * g1 * g1 * g1 + 3 * r2 * g1 * g2 + r1 * g3)

    def log_hazard_aux(self, y, nu, aux):
        """Its derivative in aux, those of its first two derivatives in nu, and its second one."""
        r1, r2, r3 = log_softplus_derivatives(self.link.log_mean(nu) - self._log_size(aux))
        g1, g2, _ = self.link.log_mean_derivatives(nu)
        return (1 - r1)[None], (-r2 * g1)[None], (-r3 * g1 * g1 - r2 * g2)[None], r2[None, None]

    @quiet
    def variance(self, nu, aux=None, y=None):
        mu = self.mean(nu)
        return mu + mu * mu * np.exp(-self._log_size(aux))

    def simulate(self, rng, nu, aux=None, y=None):
        size = np.exp(self._log_size(aux))
        return rng.negative_binomial(size, size / (size + self.mean(nu))).astype(np.float64)

    def aux_start(self, y, mu):
        if self.alpha is not None:
            return np.zeros(0)
        alpha = np.mean((y[0] - mu) ** 2 - mu) / np.mean(mu * mu)
        return np.array([-np.log(max(alpha, 0.01))])  # a size of 100 can still move either way


@quiet
def log_softplus(v):
    """log log(1 + e^v), for real or complex v."""
    low = np.real(v) < -40.0
    inside = np.where(low, 0.0, v)
    return np.where(low, v, np.log(-LOGISTIC.value(-inside)))


@quiet
def log_softplus_derivatives(v):
    """r = p / log(1 + e^v), r (q - r), r ((q - r)^2 - p q - r (q - r)), p = 1 - q = 1 / (1 + e^-v)."""
    p, q = expit(v), expit(-v)
    r = np.where(v < -40.0, 1.0, p / -LOGISTIC.value(-v))
    d = q - r
    return r, r * d, r * (d * d - p * q - r * d)
