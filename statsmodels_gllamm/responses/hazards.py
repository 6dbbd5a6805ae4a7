r"""x = log(-log f(0)) of a count, with its derivatives: what truncation at zero is a function of.

P(Y > 0) = 1 - exp(-e^x) keeps its digits at any mean if x does.  The negative binomials and the
generalised Poisson have x in closed form (their methods ``log_hazard``, ``log_hazard_derivatives``
and ``log_hazard_aux``); it is the log mean of a Poisson.  Of n trials with success probability m,

.. math:: -\log f(0) = \sum_i S_i m^i / i, \qquad S_i = \sum_{j<n} \{\phi / (\phi + j)\}^i

(beta-binomial; S_i = n for the binomial) is summed where m < 0.03: x = log m + log h, with
derivatives in log m through those of h = sum_i S_i m^(i - 1) / i.  Elsewhere, and for any other
response, with z = log f(0),  x' = z' / z,  x'' = z'' / z - x'^2,  x''' = z''' / z - 3 x' x'' - x'^3.
"""
from __future__ import annotations

import numpy as np
from scipy.special import psi, zeta

from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.beta_binomial import BetaBinomial
from statsmodels_gllamm.responses.binomial import Binomial, times
from statsmodels_gllamm.responses.poisson import Poisson, PoissonPower

RARE = np.log(0.03)
TERMS = 11
SUMMED = 256  # trials up to which S_i is summed term by term


class _Own:
    """Of a response with the methods."""

    def __init__(self, inner):
        self.value = inner.log_hazard
        self.derivatives = inner.log_hazard_derivatives
        self.aux = inner.log_hazard_aux


class _Ratio:
    """Of any response, from the log density of zero."""

    def __init__(self, inner: Response):
        self.inner = inner

    def value(self, y, nu, aux):
        return np.log(-self._log_zero(_zeros(y), nu, aux))

    def _log_zero(self, y, nu, aux):
        return self.inner.kernel(y, nu, aux) + self.inner.constant(y, aux)

    def derivatives(self, y, nu, aux):
        y = _zeros(y)
        z = self._log_zero(y, nu, aux)
        first, second, third = (d / z for d in self.inner.derivatives(y, nu, aux))
        curvature = second - first * first
        return first, curvature, third - 3 * first * curvature - first**3

    def aux(self, y, nu, aux):
        y = _zeros(y)
        z = self._log_zero(y, nu, aux)
        z1, z2, _ = (d / z for d in self.inner.derivatives(y, nu, aux))
        a = self.inner.aux_score(y, nu, aux) / z
        a1, a2 = (d / z for d in self.inner.aux_derivatives(y, nu, aux))
        mixed = a1 - a * z1
        twice = self.inner.aux_curvature(y, nu, aux) / z
        return a, mixed, a2 - a * z2 - 2 * z1 * mixed, twice - a[:, None] * a[None]


class _Poisson:
    """The log mean."""

    def __init__(self, inner):
        self.link = getattr(inner, "link", None)

    def value(self, y, nu, aux):
        return +nu if self.link is None else self.link.log_mean(nu)

    def derivatives(self, y, nu, aux):
        if self.link is None:
            return np.ones_like(nu), np.zeros_like(nu), np.zeros_like(nu)
        return self.link.log_mean_derivatives(nu)

    def aux(self, y, nu, aux):
        none = np.zeros((0,) + np.shape(nu))
        return none, none, none, none[None]


class _Trials(_Ratio):
    """Of binomial and beta-binomial trials."""

    def _rare(self, nu):
        """log m where successes are rare, else the log of 0.03, and the mask of those."""
        x = self.inner.link.success.value(nu)
        rare = np.real(x) < RARE
        return np.where(rare, x, RARE), rare

    def _series(self, y, x, aux):
        n = np.ones(y.shape[1]) if len(y) == 1 else y[1]
        sums = _power_sums(aux[0], n) if self.inner.aux_names else [n] * (TERMS + 2)
        return _Series(np.exp(x), sums)

    def value(self, y, nu, aux):
        nu = self.inner.link.inside(nu)[0]
        x, rare = self._rare(nu)
        value = x + np.log(self._series(y, x, aux).sum(0))
        return value if rare.all() else np.where(rare, value, super().value(y, nu, aux))

    def derivatives(self, y, nu, aux):
        nu = self.inner.link.inside(nu)[0]
        x, rare = self._rare(nu)
        d1, d2, d3 = self._series(y, x, aux).log_derivatives()
        v1, v2, v3 = self.inner.link.success.derivatives(nu)
        series = ((1 + d1) * v1, times(d2, v1 * v1) + (1 + d1) * v2,
                  times(d3, v1 * v1 * v1) + 3 * times(d2, v1 * v2) + (1 + d1) * v3)
        return _chosen(rare, series, super().derivatives, y, nu, aux)

    def aux(self, y, nu, aux):
        if not self.inner.aux_names:
            none = np.zeros((0,) + np.shape(nu))
            return none, none, none, none[None]
        x, rare = self._rare(nu)
        a, a1, a2, twice = self._series(y, x, aux).log_aux()
        v1, v2, _ = self.inner.link.success.derivatives(nu)
        series = a[None], (a1 * v1)[None], (times(a2, v1 * v1) + a1 * v2)[None], twice[None, None]
        return _chosen(rare, series, super().aux, y, nu, aux)


def _chosen(rare, series, function, *args):
    """The series where successes are rare, else the function's values."""
    if rare.all():
        return series
    return tuple(np.where(rare, s, r) for s, r in zip(series, function(*args)))


class _Series:
    """h = sum of S_i m^(i - 1) / i, S_i' = i (S_i - S_(i + 1)) in log phi."""

    def __init__(self, m, sums):
        self.sums = sums
        self.powers = [m**i for i in range(TERMS)]

    def sum(self, order):
        """Derivative of h in log m of an order."""
        return sum(i**order * s * power / (i + 1)
                   for i, (s, power) in enumerate(zip(self.sums, self.powers)))

    def sum_aux(self, order):
        """Derivative of that in log phi."""
        s = self.sums
        return sum(i**order * (s[i] - s[i + 1]) * power for i, power in enumerate(self.powers))

    def log_derivatives(self):
        """Derivatives of log h in log m."""
        h, h1, h2, h3 = (self.sum(order) for order in range(4))
        a, b, c = h1 / h, h2 / h, h3 / h
        return a, b - a * a, c - 3 * a * b + 2 * a * a * a

    def log_aux(self):
        """Derivative of log h in log phi, derivatives in log m of it, and its own."""
        h, h1, h2 = (self.sum(order) for order in range(3))
        a, a1, a2 = (self.sum_aux(order) / h for order in range(3))
        s = self.sums
        twice = sum(((i + 1) * (s[i] - s[i + 1]) - (i + 2) * (s[i + 1] - s[i + 2])) * power
                    for i, power in enumerate(self.powers))
        e, f = h1 / h, h2 / h
        return a, a1 - e * a, a2 - f * a - 2 * e * (a1 - e * a), twice / h - a * a


def _power_sums(log_phi, n):
    """S_1, S_2, ... (n,) each."""
    phi = np.exp(log_phi)
    sums = [np.zeros_like(phi + n) for _ in range(TERMS + 2)]
    few = n <= SUMMED if np.isrealobj(phi) else n >= 0
    for j in range(int(np.max(n, initial=0.0, where=few))):
        share = np.where(few & (j < n), phi / (phi + j), 0.0)
        power = 1.0
        for s in sums:
            power = power * share
            s += power
    if not few.all():
        far = ~few
        phi, n = (phi + 0 * n)[far], n[far]
        sums[0][far] = phi * (psi(phi + n) - psi(phi))
        for i, s in enumerate(sums[1:], 2):
            s[far] = phi**i * (zeta(i, phi) - zeta(i, phi + n))
    return sums


def _zeros(y):
    """Row statistics of responses of zero."""
    y = y.copy()
    y[0] = 0.0
    return y


def hazard(inner: Response):
    """``value``, ``derivatives`` and ``aux``, each of (y, nu, aux).

    The first accepts complex nu and aux. The others are the three derivatives in nu (..., n); and
    the derivative in aux (m, ..., n), those of the first two derivatives in nu, and the second
    derivative (m, m, ..., n).
    """
    if hasattr(inner, "log_hazard"):
        return _Own(inner)
    if isinstance(inner, Poisson | PoissonPower):
        return _Poisson(inner)
    return _Trials(inner) if isinstance(inner, Binomial | BetaBinomial) else _Ratio(inner)
