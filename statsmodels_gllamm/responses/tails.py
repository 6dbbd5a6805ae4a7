r"""Log probabilities log F(x) of binary choices, exact in both tails, and three derivatives.

A binomial response with link F needs log F and log(1 - F).  Written as two functions of the linear
predictor neither loses digits where the other is near zero:

    Logistic    log F = -log(1 + e^-x)              Normal      log F = log Phi(x)
    Cauchy      log F = log(1/2 + arctan(x)/pi)     GumbelMax   log F = -e^-x
    GumbelMin   log F = log(1 - e^-a), a = e^x      Log1mExp    log F = log(1 - e^x), x < 0
    Linear      log F = x                           Log         log F = log x

Each is a `Tail` with ``value`` (accepts complex x), ``derivatives`` and ``value_score``.
"""
from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import erfcx, expit, log_ndtr, ndtr

from statsmodels_gllamm.responses.base import quiet


class Tail(ABC):
    """log F as a function of x, and its derivatives v1, v2, v3 (each of the shape of x)."""

    @abstractmethod
    def value(self, x):
        """log F(x), for real or complex x."""

    @abstractmethod
    def derivatives(self, x):
        """First, second and third derivative of log F, for real x."""

    def value_score(self, x):
        """log F and its first derivative, for real x: at quadrature nodes."""
        return self.value(x), self.derivatives(x)[0]


class Logistic(Tail):
    """p = 1 - q = F: derivatives q, -pq, -pq (q - p)."""

    @quiet
    def value(self, x):
        right = np.real(x) > 0
        return np.where(right, 0.0, x) - np.log1p(np.exp(np.where(right, -x, x)))

    def derivatives(self, x):
        p, q = expit(x), expit(-x)
        return q, -p * q, -p * q * (q - p)


class Normal(Tail):
    r"""r = phi / Phi, t = x + r: derivatives r, -r t, r (t (t + r) - 1).

    For x = -z far in the lower tail t and t (t + r) - 1 cancel; there Laplace's continued fraction
    is used, t = 1/(z + 2/c), c = z + 3/d, d = z + 4/(z + 5/(z + ...)), which gives
    t (t + r) - 1 = 2 t^2 (3/d - 2/c) / c.
    """

    NORMAL_NUMBERS = -37.0  # below it Phi is not a normal number in double precision
    FAR = -6.0
    TERMS = 60

    def value(self, x):
        return log_ndtr(x)

    @quiet
    def value_score(self, x):
        if not np.min(x, initial=0.0) > self.NORMAL_NUMBERS:
            return log_ndtr(x), self._ratio(x)
        f = ndtr(x)
        r = self._density(x)
        r /= f
        return np.log(f, out=f), r

    def _density(self, x):
        r = x * x
        r *= -0.5
        np.exp(r, out=r)
        r *= 1 / np.sqrt(2 * np.pi)
        return r

    def _ratio(self, x):
        if np.min(x, initial=0.0) > self.NORMAL_NUMBERS:
            return self._density(x) / ndtr(x)
        return np.sqrt(2 / np.pi) / erfcx(x * -np.sqrt(0.5))

    @quiet
    def derivatives(self, x):
        r = self._ratio(x)
        t = x + r
        second, third = -r * t, r * (t * (t + r) - 1)
        far = x < self.FAR
        if far.any():
            z, rf = -x[far], r[far]
            d = z
            for k in range(self.TERMS, 3, -1):
                d = z + k / d
            c = z + 3 / d
            t = 1 / (z + 2 / c)
            second[far], third[far] = -rf * t, 2 * rf * t * t * (3 / d - 2 / c) / c
        return r, second, third


class Cauchy(Tail):
    """r = f / F, b = f'/f = -2x / (1 + x^2): derivatives r, r (b - r), r ((b - r)^2 + b' - r')."""

    def value(self, x):
        if np.iscomplexobj(x):
            return np.log(0.5 + np.arctan(x) / np.pi)
        upper = np.arctan2(1.0, np.abs(x)) / np.pi  # the smaller of F and 1 - F
        return np.where(x > 0, np.log1p(-upper), np.log(upper))

    def derivatives(self, x):
        scale = 1 / (1 + x * x)
        r = scale / np.arctan2(1.0, -x)
        b = -2 * x * scale
        second = r * (b - r)
        return r, second, second * (b - r) + r * (2 * (x * x - 1) * scale * scale - second)


class GumbelMax(Tail):
    """Derivatives e^-x, -e^-x, e^-x."""

    @quiet
    def value(self, x):
        return -np.exp(-x)

    @quiet
    def value_score(self, x):
        e = np.exp(-x)
        return -e, e

    @quiet
    def derivatives(self, x):
        e = np.exp(-x)
        return e, -e, e


class GumbelMin(Tail):
    """w = a / (e^a - 1), u = 1 - w - a: derivatives w, w u, w (u^2 - w u - a).

    Below a = 0.3 by the series w = 1 - a/2 + sum over k of B_2k a^2k / (2k)!.
    """

    SERIES = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000)

    @quiet
    def value(self, x):
        low = np.real(x) < -40.0  # log(1 - e^-a) = log a - a/2 to double precision
        return np.where(low, x - 0.5 * np.exp(x), log1mexp(-np.exp(np.where(low, 0.0, x))))

    @quiet
    def value_score(self, x):
        """Good to 1e-16 in F, where `value` and `derivatives` are good to all digits."""
        a = np.exp(x)
        s = np.expm1(-a)  # -F
        value, score = np.log(-s), a * (s + 1)
        score /= -s
        if np.isfinite(np.max(score, initial=0.0)) and np.isfinite(np.min(value, initial=0.0)):
            return value, score
        return self.value(x), self.derivatives(x)[0]

    @quiet
    def derivatives(self, x):
        a = np.exp(np.minimum(x, 20.0))  # all three are zero from x = 7
        near = a < 0.3
        b = np.where(near, a, 0.0)
        series = np.zeros_like(b)
        for c in reversed(self.SERIES):
            series = (series + c) * b * b
        other = np.where(near, 1.0, a)
        w = np.where(near, 1 - 0.5 * b + series, other / np.expm1(other))
        u = np.where(near, -0.5 * b - series, 1 - w - a)
        return w, w * u, w * (u * u - w * u - a)


class Log1mExp(Tail):
    """s = 1 / (e^-x - 1): derivatives -s, -s (1 + s), -s (1 + s)(1 + 2s)."""

    @quiet
    def value(self, x):
        return log1mexp(x)

    @quiet
    def derivatives(self, x):
        s = 1 / np.expm1(-x)
        second = -s * (1 + s)
        return -s, second, second * (1 + 2 * s)


class Linear(Tail):
    """Derivatives 1, 0, 0."""

    def value(self, x):
        return +x

    def derivatives(self, x):
        return np.ones_like(x), np.zeros_like(x), np.zeros_like(x)


class Log(Tail):
    """Derivatives 1/x, -1/x^2, 2/x^3."""

    @quiet
    def value(self, x):
        return np.log(x)

    @quiet
    def derivatives(self, x):
        r = 1 / x
        return r, -r * r, 2 * r * r * r


def log1mexp(x):
    """log(1 - e^x) for Re x < 0 (Maechler, 2012, vignette of the R package Rmpfr)."""
    near = np.real(x) > -np.log(2)
    return np.where(near, np.log(-np.expm1(np.where(near, x, -1.0))),
                    np.log1p(-np.exp(np.where(near, -1.0, x))))


LOGISTIC, NORMAL, CAUCHY = Logistic(), Normal(), Cauchy()
GUMBEL_MAX, GUMBEL_MIN = GumbelMax(), GumbelMin()
LOG_1M_EXP, LINEAR, LOG = Log1mExp(), Linear(), Log()
