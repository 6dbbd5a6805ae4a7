r"""Beta-binomial responses: y successes in n trials whose probability is beta distributed.

.. math:: \ell = \log\binom{n}{y} + \log\frac{\Gamma(m\phi + y)}{\Gamma(m\phi)}
          + \log\frac{\Gamma((1 - m)\phi + n - y)}{\Gamma((1 - m)\phi)}
          - \log\frac{\Gamma(\phi + n)}{\Gamma(\phi)}

With B of `rising.py`, s = y or n - y, x = log m or log(1 - m), a = log phi, this is the binomial
log density plus what vanishes at phi -> infinity:

.. math:: \ell = \log\binom{n}{y} + \sum_{\text{two sides}} \{s x + B(x + a, s)\} - B(a, n)

f_1 = s + B', f_2 = B'', f_3 = B''';  F' = n + B'(a, n), F'' = B''(a, n).  One trial is a
Bernoulli trial, whatever phi.  The expected information sums -l'' over the responses.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, logit

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.binomial import (
    BINOMIAL_LINKS,
    BinomialLink,
    binomial_rows,
    blank_binomial,
    draw_proportions,
    successes_failures,
    times,
    trials_by_row,
)
from statsmodels_gllamm.responses.proportion import BetaMixture
from statsmodels_gllamm.responses.rising import rising, rising_derivatives, rising_score

BINOMIAL = 14.0  # log precision beyond which it is a binomial distribution for what data can tell
MANY = 200  # trials beyond which the expected information is that of the quasi-likelihood
LEAST = 0.01  # correlation of two trials to start from where there seems to be none


@dataclass(frozen=True)
class BetaBinomial(BetaMixture):
    """Beta-binomial response; `mean`, `variance` and `simulate` are of the proportion.

    Parameters
    ----------
    link : BinomialLink
        logit, probit, cloglog or loglog.
    """

    link: BinomialLink = BINOMIAL_LINKS["logit"]
    family = "BetaBinomial"
    aux_limits = (BINOMIAL,)
    mass_at_zero = True

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        try:
            return binomial_rows(endog, n_trials, index)
        except DataError as error:  # the rules, and the messages, are those of a Binomial
            raise type(error)(str(error).replace("Binomial", "BetaBinomial")) from None

    def blank(self, n, n_trials=None, columns=None):
        return blank_binomial(n, n_trials)

    def sides(self, y):
        return successes_failures(y)

    @quiet
    def constant(self, y, aux):
        if len(y) == 1:
            return np.zeros_like(aux[0] * y[0])
        success, failure = successes_failures(y)
        return -np.log1p(y[1]) - betaln(success + 1, failure + 1) - rising(aux[0], y[1])

    def side(self, s, x, aux):
        return _plus(times(s, x), rising(x + aux[0], s))

    def side_score(self, s, x, aux):
        value, first = rising_score(x + aux[0], s)
        first += s
        return _plus(times(s, x), value), first

    def side_derivatives(self, s, x, aux):
        first, second, third = rising_derivatives(x + aux[0], s)
        return first + s, second, third

    @quiet
    def total(self, y, aux):
        n = trials_by_row(y, y.shape[1])
        first, second, _ = rising_derivatives(aux[0], n)
        return first + n, second

    @quiet
    def expected_information(self, y, nu, aux):
        """Exact up to 200 trials: sum over y of f(y) l'^2."""
        n = trials_by_row(y, y.shape[1])
        phi = np.exp(aux[0])
        quasi = n / (1 + times(n > 1, (n - 1) / (1 + phi)))  # of m, times m (1 - m)
        (v1, _, _), (w1, _, _) = self._slopes(nu)
        value = quasi * np.abs(times(v1, w1))
        few = np.flatnonzero((n > 1) & (n <= MANY))
        if len(few):
            value[..., few] = self._summed(n[few], nu[..., few], aux[:, few])
        return value

    def _summed(self, n, nu, aux):
        value = np.zeros_like(nu)
        for successes in range(int(n.max()) + 1):
            rows = np.flatnonzero(n >= successes)
            y = np.stack([np.full(len(rows), float(successes)), n[rows]])
            kernel, score = self.kernel_score(y, nu[..., rows], aux[:, rows])
            density = np.exp(kernel + self.constant(y, aux[:, rows]))
            value[..., rows] += times(density, score * score)
        return value

    @quiet
    def variance(self, nu, aux, y=None):
        n = trials_by_row(y, np.shape(nu)[-1])
        return self._binomial_variance(nu) / n * (1 + (n - 1) / (1 + np.exp(aux[0])))

    def simulate(self, rng, nu, aux, y=None):
        return draw_proportions(rng, y, self._draw(rng, nu, aux))

    def aux_start(self, y, mu):
        n = trials_by_row(y, y.shape[1])
        single = mu * (1 - mu)
        square = (y[0] - n * mu) ** 2 / np.maximum(n, 1)
        more = np.sum((n - 1) * single)
        rho = (np.sum(square) - np.sum(single)) / more if more > 0 else 0.0
        return -logit(np.clip([rho], LEAST, 1 - LEAST))

    def describe_constant(self, y):
        if len(y) == 1:
            return ("one trial in every row, which says nothing of its precision: take the family "
                    "Binomial, or give the trials")
        success, failure = successes_failures(y)
        if not success.any():
            return "every response is a failure"
        return None if failure.any() else "every response is a success"


def _plus(binomial, more):
    """Their sum; minus infinity where s log m overflows, whatever the other one does."""
    value = binomial + more
    if np.isnan(np.min(np.real(value), initial=0.0)):
        value = np.where(np.isneginf(np.real(binomial)), binomial, value)
    return value
