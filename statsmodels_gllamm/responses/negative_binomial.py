r"""Negative binomial responses (NB2): mean mu, variance mu + alpha mu^2, logsize = -log(alpha).

With kappa = 1 / alpha = e^logsize, z = log(mu / kappa), p = 1 - q = 1 / (1 + e^-z),

.. math:: \ell = y g - (y + \kappa)\log(1 + e^z)
          + \log\frac{\Gamma(y + \kappa)}{\Gamma(\kappa)\,\kappa^y\, y!}

In g = log mu:  d1 = y q - kappa p,  d2 = -(y + kappa) p q,  d3 = d2 (q - p).
In logsize:  d1 -> p d1,  d2 -> p q ((y + kappa)(q - p) - kappa).  The ratio of gamma functions,
and its derivative, go through Stirling's remainders: kappa -> infinity is the Poisson limit.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln

from statsmodels_gllamm.responses.base import quiet, without_weight
from statsmodels_gllamm.responses.links import Log, MeanLink
from statsmodels_gllamm.responses.mean_response import MeanResponse
from statsmodels_gllamm.responses.special import digamma_remainder, stirling_remainder
from statsmodels_gllamm.responses.tails import LOGISTIC
from statsmodels_gllamm.responses.validation import as_counts, as_numbers, no_trials

POISSON = 11.0  # log size beyond which it is a Poisson distribution for all that data can tell


@dataclass(frozen=True)
class NegativeBinomial(MeanResponse):
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

    @property
    def log_concave(self) -> bool:
        return isinstance(self.link, Log)

    def _log_size(self, aux):
        return aux[0] if self.alpha is None else -np.log(self.alpha)

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        no_trials(n_trials, "NegativeBinomial")
        values, index = as_numbers(endog, "NegativeBinomial", index)
        return np.ascontiguousarray(as_counts(values, index, "NegativeBinomial"))[None]

    @quiet
    def constant(self, y, aux=None):
        size = np.exp(self._log_size(aux))
        ratio = ((size + y[0] - 0.5) * np.log1p(y[0] / size) - y[0]
                 + stirling_remainder(size + y[0]) - stirling_remainder(size))
        return ratio - gammaln(y[0] + 1)

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
        p = expit(g - log_size)
        kernel = (y[0] + size) * p + size * LOGISTIC.value(log_size - g)
        ratio = size * (np.log1p(y[0] / size) + digamma_remainder(size)
                        - digamma_remainder(size + y[0])) - y[0]
        return (kernel + ratio)[None]

    def aux_derivatives_g(self, y, g, aux):
        log_size = self._log_size(aux)
        size = np.exp(log_size)
        p, q = expit(g - log_size), expit(log_size - g)
        first = p * (y[0] * q - size * p)
        return first[None], (p * q * ((y[0] + size) * (q - p) - size))[None]

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
