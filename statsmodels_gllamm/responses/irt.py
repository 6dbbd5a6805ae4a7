r"""Item responses with guessing and slipping: y successes in n trials, each with probability P.

.. math:: P = c + (1 - c)(1 - s) F(\nu), \qquad 1 - P = (1 - c) (s + (1 - s) F(-\nu))

F is the logistic or the normal distribution function, c = expit(logitguess) the lower asymptote
and s = expit(logitslip) what is missing of the upper one, d = 1 - (1 - c) s.

With x = nu for a success and -nu for a failure, both logarithms have the form

.. math:: \ell = \log(e^a + e^{b + \log F(x)}), \quad b = \log(1 - c) + \log(1 - s), \quad
          a = \log c \;\text{ or }\; \log(1 - c) + \log s

of a mixture with weight w = expit(b + log F(x) - a).  With t1, t2, t3 the derivatives of log F and
v = 1 - w those of l in x are w t1, w t2 + w v t1^2, w t3 + 3 w v t1 t2 + w v (v - w) t1^3, and
those in a parameter that changes b - a by D follow from dw = w v D.  In the parameters themselves

    success   l_g = c (1 - P)/P,    l_u = -s w       D_g = -1,  D_u = -s
    failure   l_g = -c,   l_u = (1 - c) s (1 - s) F(nu) / (1 - P)     D_g = 0,  D_u = -1

with g = logitguess and u = logitslip.  (Birnbaum, 1968; Barton and Lord, 1981.)
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy.special import expit, ndtr

from statsmodels_gllamm.responses.base import Response, quiet
from statsmodels_gllamm.responses.binomial import (
    BINOMIAL_LINKS,
    Binomial,
    BinomialLink,
    binomial_rows,
    blank_binomial,
    draw_proportions,
    successes_failures,
    times,
    trials_of,
)
from statsmodels_gllamm.responses.tails import LOGISTIC

IRT_LINKS = ("logit", "probit")
GUESS_START, SLIP_START = -2.0, -3.0  # probabilities of 0.12 and 0.05
NEVER = -12.0  # the logit of a probability that makes no difference
NORMAL_NUMBERS = 1e-290  # probabilities from which a logarithm has all its digits
COUNTS = Binomial(BINOMIAL_LINKS["logit"])  # for what does not depend on the probability


@dataclass(frozen=True)
class IRT(Response):
    """Binomial response with a lower asymptote, and with an upper one below one if ``slip``.

    Parameters
    ----------
    link : BinomialLink
        Logit or probit.
    slip : bool
        Whether there is a second auxiliary predictor, logitslip.
    """

    link: BinomialLink = BINOMIAL_LINKS["logit"]
    slip: bool = False
    aux_designs: ClassVar[dict[str, str]] = {"logitguess": "guess", "logitslip": "slip"}
    mass_at_zero = True

    def __post_init__(self) -> None:
        if self.link.name not in IRT_LINKS:
            raise ValueError(f"the link of an IRT response is one of {', '.join(IRT_LINKS)}, "
                             f"not {self.link.name!r}.")

    @property
    def name(self) -> str:
        return f"{'IRT4PL' if self.slip else 'IRT3PL'}({self.link.name})"

    @property
    def aux_limits(self) -> tuple[float, ...]:
        return (NEVER,) * len(self.aux_names)

    @property
    def aux_names(self) -> tuple[str, ...]:
        return ("logitguess", "logitslip") if self.slip else ("logitguess",)

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        return binomial_rows(endog, n_trials, index)

    def blank(self, n, n_trials=None, columns=None):
        return blank_binomial(n, n_trials)

    def constant(self, y, aux=None):
        return COUNTS.constant(y)

    def _parts(self, nu, aux):
        return Parts(self.link.success, nu, aux[0], aux[1] if self.slip else None)

    @quiet
    def kernel(self, y, nu, aux):
        success, failure = successes_failures(y)
        parts = self._parts(nu, aux)
        return times(success, parts.log_p) + times(failure, parts.log_q)

    @quiet
    def kernel_score(self, y, nu, aux):
        if len(y) > 1:
            return super().kernel_score(y, nu, aux)
        c, one_c, s, one_s = probabilities_of(aux, self.slip)
        sign = 2 * y[0] - 1
        slope = one_c * one_s
        p, score = distribution(self.link, sign * nu)
        p *= slope
        p += np.where(sign > 0, c, one_c * s)
        if not np.min(p, initial=1.0) > NORMAL_NUMBERS:
            return super().kernel_score(y, nu, aux)
        score *= sign * slope
        score /= p
        return np.log(p, out=p), score

    @quiet
    def derivatives(self, y, nu, aux):
        success, failure = successes_failures(y)
        parts = self._parts(nu, aux)
        p1, p2, p3 = parts.success.derivatives
        q1, q2, q3 = parts.failure.derivatives
        return success * p1 - failure * q1, success * p2 + failure * q2, success * p3 - failure * q3

    @quiet
    def expected_information(self, y, nu, aux):
        parts = self._parts(nu, aux)  # P'^2 / (P (1 - P)) per trial
        return trials_of(y) * parts.success.derivatives[0] * parts.failure.derivatives[0]

    @quiet
    def aux_score(self, y, nu, aux):
        success, failure = successes_failures(y)
        parts = self._parts(nu, aux)
        guess = success * parts.guess - failure * parts.c
        if not self.slip:
            return guess[None]
        return np.stack([guess, failure * parts.slip - success * parts.s * parts.success.w])

    @quiet
    def aux_derivatives(self, y, nu, aux):
        success, failure = successes_failures(y)
        parts = self._parts(nu, aux)
        p1, p2 = parts.success.in_odds
        first, second = [-success * p1], [-success * p2]
        if self.slip:
            q1, q2 = parts.failure.in_odds
            first.append(failure * q1 - success * parts.s * p1)
            second.append(-failure * q2 - success * parts.s * p2)
        return np.stack(first), np.stack(second)

    @quiet
    def aux_curvature(self, y, nu, aux):
        success, failure = successes_failures(y)
        parts = self._parts(nu, aux)
        c, s, wv = parts.c, parts.s, parts.success.wv
        one_c, one_s = expit(-aux[0]), parts.one_s
        value = np.empty((len(self.aux_names),) * 2 + np.shape(wv))
        value[0, 0] = success * parts.guess * (one_c - c - parts.guess) - failure * c * one_c
        if self.slip:
            value[0, 1] = value[1, 0] = success * s * wv
            value[1, 1] = (success * s * (s * wv - one_s * parts.success.w)
                           + failure * parts.slip * (one_s - s - parts.slip))
        return value

    @quiet
    def mean(self, nu, aux, y=None):
        return np.exp(self._parts(nu, aux).log_p)

    @quiet
    def variance(self, nu, aux, y=None):
        parts = self._parts(nu, aux)
        return np.exp(parts.log_p + parts.log_q) / trials_of(y)

    def simulate(self, rng, nu, aux, y=None):
        return draw_proportions(rng, y, self.mean(nu, aux))

    def aux_start(self, y, mu):
        return np.array([GUESS_START, SLIP_START][:len(self.aux_names)])

    def describe_constant(self, y):
        return COUNTS.describe_constant(y)


def probabilities_of(aux, slip: bool):
    """c, 1 - c, s and 1 - s of the rows."""
    c, one_c = expit(aux[0]), expit(-aux[0])
    return (c, one_c, expit(aux[1]), expit(-aux[1])) if slip else (c, one_c, 0.0, 1.0)


def distribution(link, x):
    """F(x) and its density, in the fewest passes."""
    if link.name == "logit":
        p = expit(x)
        return p, p * expit(-x)
    density = x * x
    density *= -0.5
    np.exp(density, out=density)
    density *= 1 / np.sqrt(2 * np.pi)
    return ndtr(x), density


class Branch:
    """log(e^a + e^(b + log F(x))) without its value: derivatives in x and in b - a."""

    def __init__(self, tail, x, a, b):
        self.tail, self.x = tail, x
        odds = b + tail.value(x) - a
        self.w, self.v = expit(odds), expit(-odds)
        self.wv = self.w * self.v

    @cached_property
    def tails(self):
        """Derivatives of log F."""
        return self.tail.derivatives(self.x)

    @property
    def derivatives(self):
        """First, second and third derivative in x."""
        (t1, t2, t3), w, v, wv = self.tails, self.w, self.v, self.wv
        return (w * t1, w * t2 + wv * t1 * t1,
                w * t3 + wv * t1 * (3 * t2 + (v - w) * t1 * t1))

    @property
    def in_odds(self):
        """Derivatives of the first and the second one in b - a."""
        t1, t2, _ = self.tails
        return self.wv * t1, self.wv * (t2 + (self.v - self.w) * t1 * t1)


class Parts:
    """What the log density and its derivatives are made of, at nu (..., n)."""

    def __init__(self, tail, nu, g, u):
        self.tail, self.nu = tail, nu
        self.log_c, self.log_one_c = LOGISTIC.value(g), LOGISTIC.value(-g)
        self.log_s = -np.inf if u is None else LOGISTIC.value(u)
        self.log_one_s = 0.0 if u is None else LOGISTIC.value(-u)
        self.c, self.s, self.one_s = np.exp(self.log_c), np.exp(self.log_s), np.exp(self.log_one_s)
        self.slope = self.log_one_c + self.log_one_s

    @cached_property
    def success(self) -> Branch:
        return Branch(self.tail, self.nu, self.log_c, self.slope)

    @cached_property
    def failure(self) -> Branch:
        return Branch(self.tail, -self.nu, self.log_one_c + self.log_s, self.slope)

    @cached_property
    def _sums(self):
        """log P and log(1 - P), each as a sum of positive terms."""
        return (log_sum(self.log_c, self.slope + self.tail.value(self.nu)),
                log_sum(self.log_one_c + self.log_s, self.slope + self.tail.value(-self.nu)))

    @cached_property
    def log_p(self):
        """log P, from 1 - P where that is the smaller one."""
        return from_smaller(*self._sums)

    @cached_property
    def log_q(self):
        """log(1 - P)."""
        return from_smaller(*self._sums[::-1])

    @cached_property
    def guess(self):
        """Derivative of log P in logitguess, c (1 - P) / P."""
        return np.exp(self.log_c + self.log_q - self.log_p)

    @cached_property
    def slip(self):
        """Derivative of log(1 - P) in logitslip."""
        return np.exp(self.slope + self.log_s + self.tail.value(self.nu) - self.log_q)


def log_sum(x, y):
    """log(e^x + e^y) for real or complex x and y, the real part of y finite."""
    larger = np.real(x) > np.real(y)
    return (np.where(larger, x, y)
            + np.log1p(np.exp(np.where(larger, y, x) - np.where(larger, x, y))))


def from_smaller(log_p, log_q):
    """log P, as log(1 - e^log_q) where P is larger than a half."""
    near = np.real(log_q) < np.real(log_p)
    return np.where(near, np.log1p(-np.exp(np.where(near, log_q, -1.0))), log_p)
