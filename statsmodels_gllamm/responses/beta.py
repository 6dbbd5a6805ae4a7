r"""Beta responses by mean and precision (Ferrari and Cribari-Neto, 2004): y in (0, 1).

.. math:: \ell = \log\frac{\Gamma(\phi)}{\Gamma(m\phi)\Gamma((1 - m)\phi)}
          + (m\phi - 1)\log y + ((1 - m)\phi - 1)\log(1 - y)

By Stirling's formula, with G(t) = k + t/2 - R(k), k = e^t, of `rising.py`, and s = log y or
log(1 - y), this is without cancellation at a large precision

.. math:: \ell = \sum_{\text{two sides}} \{k (s - x) + G(x + a)\} - G(a)
          - \tfrac12\log 2\pi - \log y - \log(1 - y), \qquad k = e^{x + a}, \quad a = \log\phi

With h1, h2, h3 of `rising.py`:  f_i = k (s - x) + h_i,  and F' = h1(a), F'' = h2(a).  Expected
information: (m' phi)^2 (psi'(m phi) + psi'((1 - m) phi)).
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, BinomialLink, times
from statsmodels_gllamm.responses.proportion import BetaMixture
from statsmodels_gllamm.responses.rising import digamma_terms, stirling_log_gamma, stirling_score
from statsmodels_gllamm.responses.special import HALF_LOG_2PI
from statsmodels_gllamm.responses.validation import as_numbers, no_trials, refuse

LEAST = 0.1  # precision to start from where there seems to be none


@dataclass(frozen=True)
class Beta(BetaMixture):
    """Beta response; its row statistics are y, log y and log(1 - y).

    Parameters
    ----------
    link : BinomialLink
        logit, probit, cloglog or loglog.
    """

    link: BinomialLink = BINOMIAL_LINKS["logit"]
    family = "Beta"

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        no_trials(n_trials, "Beta")
        values, index = as_numbers(endog, "Beta", index)
        refuse((values <= 0) | (values >= 1), values, index, "Beta",
               "it must lie between 0 and 1, both excluded; where zeros are part of the data put "
               "the family into families.ZeroInflated or families.Hurdle (for ones model 1 - y)")
        return _statistics(values)

    def blank(self, n, n_trials=None, columns=None):
        return _statistics(np.full(n, 0.5))

    def sides(self, y):
        return y[1], y[2]

    def constant(self, y, aux):
        return -stirling_log_gamma(aux[0]) - HALF_LOG_2PI - y[1] - y[2]

    def side(self, s, x, aux):
        k = np.exp(x + aux[0])
        return times(k, s - x) + stirling_log_gamma(x + aux[0])

    def side_score(self, s, x, aux):
        t = x + aux[0]
        value, first = stirling_score(t)
        deviation = times(np.exp(t), s - x)
        return value + deviation, first + deviation

    def side_derivatives(self, s, x, aux):
        t = x + aux[0]
        deviation = times(np.exp(t), s - x)
        return tuple(h + deviation for h in digamma_terms(t))

    @quiet
    def total(self, y, aux):
        return digamma_terms(aux[0])[:2]

    @quiet
    def expected_information(self, y, nu, aux):
        value = 0.0
        for x, (slope, _, _) in zip(self._logs(nu), self._slopes(nu)):
            h1, h2, _ = digamma_terms(x + aux[0])
            value = value + (h1 - h2) * slope * slope
        return value

    @quiet
    def variance(self, nu, aux, y=None):
        return self._binomial_variance(nu) / (1 + np.exp(aux[0]))

    def simulate(self, rng, nu, aux, y=None):
        return self._draw(rng, nu, aux)

    def aux_start(self, y, mu):
        ratio = np.sum(mu * (1 - mu)) / max(np.sum((y[0] - mu) ** 2), np.finfo(np.float64).tiny)
        return np.array([np.log(max(ratio - 1, LEAST))])


def _statistics(values) -> np.ndarray:
    return np.stack([values, np.log(values), np.log1p(-values)])
