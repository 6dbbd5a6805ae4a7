r"""Log probabilities of intervals, exact in both tails and for narrow intervals.

.. math:: \ell(a, b) = \log(F(b) - F(a)), \qquad -\infty \le a < b \le \infty

    Logistic    l = log F(b) + log(1 - F(a)) + log(1 - e^-w),   w = b - a
    GumbelMin   l = -e^a + log(1 - e^-d),  log d = b + log(1 - e^-w);   GumbelMax mirrored
    symmetric F with a + b <= 0, otherwise mirrored, with L = log F and D = L(b) - L(a):
        D >= 1/4    l = L(b) + log(1 - e^-D)
        D < 1/4     l = log w + log of the mean of f over (a, b), by Gauss-Legendre

An `Interval` has, for arrays a and b of one shape (..., n), infinite ends allowed,

    value(a, b, width=None)        l, for real or complex a, b
    value_score(a, b, width=None)  l and its derivative l_t as both ends move (real)
    partials(a, b, width=None)     `Partials` of interval_partials.py (real)

``width``, (n,) or (..., n), is b - a where it is known to more digits than a and b have.  Where
it is not positive, or NaN, l is minus infinity and all derivatives are zero.
`INTERVALS` holds logistic, normal, gumbel_min, gumbel_max and cauchy; `Symmetric(standard)` is the
one of any symmetric density of standard.py with tails (and, if it has values for every row, with
``take(mask, shape)``: the density of the elements of a boolean mask of the shape (..., n)).
"""
from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import expit, ndtr

from statsmodels_gllamm.responses import standard, tails
from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.interval_partials import (
    LOG_WEIGHTS,
    NODES,
    Partials,
    mirrored,
    narrow_partials,
    wide_partials,
)
from statsmodels_gllamm.responses.tails import log1mexp

NARROW = 0.25  # D below which the density hardly changes over the interval
CANCELS = 1e-3  # share of the larger of two probabilities that their difference must have
LOG_NORMAL_NUMBERS = -667.0
NORMAL_NUMBERS = np.exp(LOG_NORMAL_NUMBERS)


class Interval(ABC):
    """The probability of an interval under a distribution F.

    Attributes
    ----------
    lower, upper : Tail
        log F(x) = lower(x) and log(1 - F(x)) = upper(-x).
    log_concave : bool
        l is concave in (a, b).
    """

    lower: tails.Tail
    upper: tails.Tail
    log_concave: bool = True

    @abstractmethod
    def _value(self, a, b, width):
        """l; what it is outside the support does not matter."""

    @abstractmethod
    def _partials(self, a, b, width) -> Partials:
        """Partials; what they are outside the support does not matter."""

    def _value_score(self, a, b, width):
        """l and l_t for the loop over nodes."""
        return self._value(a, b, width), self._partials(a, b, width).t

    @quiet
    def value(self, a, b, width=None):
        """log(F(b) - F(a)), for real or complex a and b."""
        width = b - a if width is None else width
        value = self._value(a, b, width)
        value[outside(width, value.shape) | np.isnan(value)] = -np.inf
        return value

    @quiet
    def value_score(self, a, b, width=None):
        """l and l_t, for real a and b."""
        width = b - a if width is None else width
        value, score = self._value_score(a, b, width)
        if not np.min(width, initial=np.inf) > 0 or not np.isfinite(np.min(value, initial=0.0)):
            bad = outside(width, value.shape) | np.isnan(value)
            value[bad] = -np.inf
            score[bad] = 0.0
        return value, score

    @quiet
    def partials(self, a, b, width=None) -> Partials:
        """All partial derivatives, for real a and b."""
        width = b - a if width is None else width
        partials = self._partials(a, b, width)
        if np.min(width, initial=np.inf) > 0:
            return partials
        bad = outside(width, np.shape(a))
        return Partials(*(np.where(bad, 0.0, x) for x in partials))


def outside(width, shape):
    """Where there is no interval (...)."""
    return np.broadcast_to(~(np.real(width) > 0), shape)


class Logistic(Interval):
    """p = 1 - q = F; the width does not change when both ends move."""

    lower = upper = tails.LOGISTIC

    def _value(self, a, b, width):
        return self.lower.value(b) + self.upper.value(-a) + log1mexp(-width)

    def _value_score(self, a, b, width):
        value, other = np.exp(-b), np.exp(a)
        score = value / (1 + value)
        score -= other / (1 + other)
        value = -np.log1p(value)
        value -= np.log1p(other)
        value += log1mexp(-width)
        if np.isfinite(np.min(score, initial=0.0)):
            return value, score
        return self._value(a, b, width), expit(-b) - expit(a)

    def _partials(self, a, b, width):
        b1, b2, b3 = self.lower.derivatives(b)
        a1, a2, a3 = self.upper.derivatives(-a)
        w1 = 1 / np.expm1(width)
        w2 = -w1 * (1 + w1)
        return Partials(b1 - a1, b2 + a2, b3 - a3, -a1 - w1, a2, -a3, a2 + w2,
                        b1 + w1, b2, b3, b2 + w2, np.zeros(np.shape(a)) - w2)


class GumbelMin(Interval):
    """E = e^a, M = log F and its derivatives at c = log d; dc/db = r, dc/da = 1 - r."""

    lower, upper = tails.GUMBEL_MIN, tails.GUMBEL_MAX

    def _value(self, a, b, width):
        return self.lower.value(b + log1mexp(-width)) - np.exp(a)

    def _value_score(self, a, b, width):
        c, e = b + log1mexp(-width), np.exp(a)
        if np.min(c, initial=0.0) > LOG_NORMAL_NUMBERS:
            d = np.exp(np.minimum(c, 7.0))  # from 7 on exp(d) overflows, and M is zero
            value, score = np.log(-np.expm1(-d)), d / np.expm1(d)
        else:
            value, score = self.lower.value(c), self.lower.derivatives(c)[0]
        return value - e, score - e

    def _partials(self, a, b, width):
        e = np.exp(a)
        m1, m2, m3 = self.lower.derivatives(b + log1mexp(-width))
        over = 1 / np.expm1(width)
        r, bend = 1 + over, -over * (1 + over)
        return Partials(
            m1 - e, m2 - e, m3 - e,
            -over * m1 - e, -over * m2 - e, -over * m3 - e, over * over * m2 + bend * m1 - e,
            r * m1, r * m2, r * m3, r * r * m2 + bend * m1, -over * r * m2 - bend * m1)


class GumbelMax(Interval):
    """The distribution of minus a GumbelMin variable."""

    lower, upper = tails.GUMBEL_MAX, tails.GUMBEL_MIN
    mirror = GumbelMin()

    def _value(self, a, b, width):
        return self.mirror._value(-b, -a, width)

    def _value_score(self, a, b, width):
        value, score = self.mirror._value_score(-b, -a, width)
        return value, -score

    def _partials(self, a, b, width):
        return mirrored(self.mirror._partials(-b, -a, width))


class Symmetric(Interval):
    """A distribution with a symmetric density, one of standard.py."""

    def __init__(self, density: standard.Standard):
        self.density = density
        self.lower = self.upper = density.lower
        self.log_concave = density.log_concave

    @staticmethod
    def _left(a, b):
        """The interval mirrored where its middle is positive, and the mask of these."""
        flip = np.real(a) + np.real(b) > 0
        return np.where(flip, -b, a), np.where(flip, -a, b), flip

    def _log_cdf(self, x):
        end = np.isinf(np.real(x))
        if not end.any():
            return self.lower.value(x)
        return np.where(end, np.where(np.real(x) > 0, 0.0, -np.inf),
                        self.lower.value(np.where(end, 0.0, x)))

    def _narrow(self, a, width, narrow):
        """Nodes x, log densities at them and the widths, of the elements of a mask."""
        density = self.density
        if hasattr(density, "take"):
            density = density.take(narrow, narrow.shape)
        w = np.broadcast_to(width, narrow.shape)[narrow]
        x = a[narrow] + NODES * w
        return density, x, density.value(x) + density.constant + LOG_WEIGHTS, w

    def _value(self, a, b, width):
        a, b, _ = self._left(a, b)
        low, high = self._log_cdf(a), self._log_cdf(b)
        value = high + log1mexp(low - high)
        narrow = np.real(high - low) < NARROW
        if narrow.any():
            _, _, h, w = self._narrow(a, width, narrow)
            top = h[len(h) // 2]
            value[narrow] = np.log(w) + top + np.log(np.exp(h - top).sum(axis=0))
        return value

    def _ends(self, a, b):
        """D, and three derivatives of L at a and at b, any numbers where these are infinite."""
        difference = self._log_cdf(b) - self._log_cdf(a)
        high = np.where(np.isinf(b), 0.0, b)  # then so is a, and all partials are zero
        low = np.where(np.isinf(a), high, a)
        return difference, self.lower.derivatives(low), self.lower.derivatives(high)

    def _value_score(self, a, b, width):
        a, b, flip = self._left(a, b)
        difference, low, high = self._ends(a, b)
        value = self._log_cdf(b) + log1mexp(-difference)
        score = np.where(np.isinf(b), 0.0, high[0] + (high[0] - low[0]) / np.expm1(difference))
        narrow = difference < NARROW
        if narrow.any():
            density, x, h, w = self._narrow(a, width, narrow)
            p = np.exp(h - h.max(axis=0))
            total = p.sum(axis=0)
            value[narrow] = np.log(w * total) + h.max(axis=0)
            score[narrow] = (p * density.derivatives(x)[0]).sum(axis=0) / total
        np.negative(score, out=score, where=flip)
        return value, score

    def _partials(self, a, b, width):
        a, b, flip = self._left(a, b)
        difference, low, high = self._ends(a, b)
        partials = Partials(*np.where(np.isinf(b), 0.0, wide_partials(difference, low, high)))
        narrow = difference < NARROW
        if narrow.any():
            density, x, h, w = self._narrow(a, width, narrow)
            p = np.exp(h - h.max(axis=0))
            inner = narrow_partials(p / p.sum(axis=0), density.derivatives(x), w)
            for whole, part in zip(partials, inner):
                whole[narrow] = part
        return Partials(*np.where(flip, mirrored(partials), partials))


class Normal(Symmetric):
    """By Phi itself as long as that loses no digits."""

    def __init__(self):
        super().__init__(standard.NORMAL)

    def _value_score(self, a, b, width):
        low, high, flip = self._left(a, b)
        larger = ndtr(high)
        p = larger - ndtr(low)
        score = normal_density(high)
        score -= normal_density(low)
        score /= p
        np.negative(score, out=score, where=flip)
        bad = ~((p > CANCELS * larger) & (larger > NORMAL_NUMBERS))
        value = np.log(p)
        if bad.any():
            value[bad], score[bad] = super()._value_score(
                a[bad], b[bad], np.broadcast_to(width, bad.shape)[bad])
        return value, score


def normal_density(x):
    """The standard normal density at real x, one of them possibly infinite."""
    value = x * x
    value *= -0.5
    np.exp(value, out=value)
    value *= 1 / np.sqrt(2 * np.pi)
    return value


class CauchyDensity(standard.Standard):
    """With s = 1/(1 + z^2): derivatives -2 z s, 2 (z^2 - 1) s^2, 4 z (3 - z^2) s^3."""

    lower = upper = tails.CAUCHY
    constant = -np.log(np.pi)
    information = 0.5
    log_concave = False

    def value(self, z):
        return -np.log1p(z * z)

    def derivatives(self, z):
        s = 1 / (1 + z * z)
        return -2 * z * s, 2 * (z * z - 1) * s * s, 4 * z * (3 - z * z) * s * s * s


INTERVALS = {"logistic": Logistic(), "normal": Normal(), "gumbel_min": GumbelMin(),
             "gumbel_max": GumbelMax(), "cauchy": Symmetric(CauchyDensity())}
