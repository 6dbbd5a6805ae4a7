r"""The binomial response with logit link: the package's hottest loop.

For single trials, with x = (2y - 1) nu and e = e^-x,

.. math:: \ell = -\log(1 + e),  \qquad  \ell' = (2y - 1) e / (1 + e)

and for y successes in n trials, with e = e^-nu and p = 1 / (1 + e),

.. math:: \ell = (y - n) \nu - n \log(1 + e),  \quad  \ell' = y - n p,
          \quad  \ell'' = -n p q,  \quad  \ell''' = -n p q (q - p)

as long as e does not overflow (|nu| < 709), which is tested for once per array; else by the exact
tails of the general response, which is also the test of this file.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial, BinomialLink, trials_of


def _finite(x) -> bool:
    return np.isfinite(np.min(x, initial=0.0))


@dataclass(frozen=True)
class BinomialLogit(Binomial):
    """Binomial response with logit link, in as few passes over the nodes as there are."""

    link: BinomialLink = BINOMIAL_LINKS["logit"]

    @quiet
    def kernel_score(self, y, nu, aux=None):
        if len(y) == 1:
            sign = 1 - 2 * y[0]
            e = nu * sign
            np.exp(e, out=e)
            kernel = e + 1  # an absolute error of 1e-16 in log(1 + e) is none in a sum over rows
            np.divide(e, kernel, out=e)
            e *= -sign
            np.log(kernel, out=kernel)
            np.negative(kernel, out=kernel)
            score = e
        else:
            successes, n = y
            score = np.negative(nu)
            np.exp(score, out=score)
            log = np.log1p(score)
            log *= n
            kernel = nu * (successes - n)
            kernel -= log
            score += 1
            np.divide(-n, score, out=score)
            score += successes
        if _finite(kernel):
            return kernel, score
        return super().kernel_score(y, nu)

    @quiet
    def derivatives(self, y, nu, aux=None):
        e = np.exp(-nu)
        p = 1 / (1 + e)
        q = e * p
        n = trials_of(y)
        second = p * q
        second *= -n
        if not _finite(second):
            return super().derivatives(y, nu)
        return y[0] * q - (n - y[0]) * p, second, second * (q - p)

    @quiet
    def curvature(self, y, nu, aux=None):
        e = np.exp(-nu)
        p = 1 / (1 + e)
        e *= p
        e *= p
        if len(y) > 1:
            e *= y[1]
        return e if _finite(e) else super().curvature(y, nu)

    def expected_information(self, y, nu, aux=None):
        return self.curvature(y, nu)
