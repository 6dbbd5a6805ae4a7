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
from statsmodels_gllamm.responses.binomial import Binomial, times, trials_by_row
from statsmodels_gllamm.responses.poisson import Poisson, PoissonPower

RARE = np.log(0.03)
TERMS = 11
SUMMED = 256  # trials up to which S_i is summed term by term


class Hazard:
    """x of a response: `value` accepts complex nu and aux.

    `derivatives` are the three in nu (..., n).  `aux` are the derivative in aux (m, ..., n), those
    of the first two derivatives in nu, and the second derivative (m, m, ..., n).
    """

    def __init__(self, inner: Response):
        self.inner = inner

    def value_score(self, y, nu, aux):
        """x and its first derivative in nu: at quadrature nodes."""
        return self.value(y, nu, aux), self.derivatives(y, nu, aux)[0]

    def aux_score(self, y, nu, aux):
        """The derivative in aux (m, ..., n)."""
        return self.aux(y, nu, aux)[0]


class _Own(Hazard):
    """Of a response with the methods."""

    def value(self, y, nu, aux):
        return self.inner.log_hazard(y, nu, aux)

    def derivatives(self, y, nu, aux):
        return self.inner.log_hazard_derivatives(y, nu, aux)

    def aux(self, y, nu, aux):
        return self.inner.log_hazard_aux(y, nu, aux)


class _Poisson(Hazard):
    """The log mean."""

    def value(self, y, nu, aux):
        return self.inner.link.log_mean(nu) if hasattr(self.inner, "link") else +nu

    def derivatives(self, y, nu, aux):
        if hasattr(self.inner, "link"):
            return self.inner.link.log_mean_derivatives(nu)
        return np.ones_like(nu), np.zeros_like(nu), np.zeros_like(nu)

    def aux(self, y, nu, aux):
        return _no_aux(nu)


class Ratio(Hazard):
    """Of any response, from the log density of zero."""

    def value(self, y, nu, aux):
        return np.log(-self.inner.log_density(_zeros(y), nu, aux))

    def value_score(self, y, nu, aux):
        y = _zeros(y)
        z, first = self.inner.kernel_score(y, nu, aux)
        z = z + self.inner.constant(y, aux)
        return np.log(-z), first / z

    def derivatives(self, y, nu, aux):
        y = _zeros(y)
        z = self.inner.log_density(y, nu, aux)
        first, second, third = (d / z for d in self.inner.derivatives(y, nu, aux))
        curvature = second - first * first
        return first, curvature, third - 3 * first * curvature - first**3

    def aux_score(self, y, nu, aux):
        y = _zeros(y)
        return self.inner.aux_score(y, nu, aux) / self.inner.log_density(y, nu, aux)

    def aux(self, y, nu, aux):
        y = _zeros(y)
        z = self.inner.log_density(y, nu, aux)
        z1, z2, _ = (d / z for d in self.inner.derivatives(y, nu, aux))
        a = self.inner.aux_score(y, nu, aux) / z
        a1, a2 = (d / z for d in self.inner.aux_derivatives(y, nu, aux))
        mixed = a1 - a * z1
        twice = self.inner.aux_curvature(y, nu, aux) / z
        return a, mixed, a2 - a * z2 - 2 * z1 * mixed, twice - a[:, None] * a[None]


class _Trials(Ratio):
    """Of binomial and beta-binomial trials."""

    def _series(self, y, x, aux):
        n = trials_by_row(y, y.shape[1])
        sums = _power_sums(aux[0], n) if self.inner.aux_names else [n] * (TERMS + 2)
        return _Series(np.exp(x), sums)

    def _chosen(self, series, general, y, nu, aux):
        """series(x, h, nu) where successes are rare, x = log m and h its series; else general."""
        nu = self.inner.link.inside(nu)[0]
        x = self.inner.link.success.value(nu)
        rare = np.real(x) < RARE
        if not rare.any():
            return general(y, nu, aux)
        x = np.where(rare, x, RARE)
        values = series(x, self._series(y, x, aux), nu)
        if rare.all():
            return values
        return tuple(np.where(rare, v, w) for v, w in zip(values, general(y, nu, aux)))

    def value(self, y, nu, aux):
        general = super().value
        return self._chosen(lambda x, h, nu: (x + np.log(h.sum(0)),),
                            lambda *args: (general(*args),), y, nu, aux)[0]

    def value_score(self, y, nu, aux):
        def series(x, h, nu):
            total = h.sum(0)
            first = (1 + h.sum(1) / total) * self.inner.link.success.value_score(nu)[1]
            return x + np.log(total), first

        return self._chosen(series, super().value_score, y, nu, aux)

    def derivatives(self, y, nu, aux):
        def series(x, h, nu):
            d1, d2, d3 = h.log_derivatives()
            v1, v2, v3 = self.inner.link.success.derivatives(nu)
            return ((1 + d1) * v1, times(d2, v1 * v1) + (1 + d1) * v2,
                    times(d3, v1 * v1 * v1) + 3 * times(d2, v1 * v2) + (1 + d1) * v3)

        return self._chosen(series, super().derivatives, y, nu, aux)

    def aux_score(self, y, nu, aux):
        general = super().aux_score
        return self._chosen(lambda x, h, nu: ((h.sum_aux(0) / h.sum(0))[None],),
                            lambda *args: (general(*args),), y, nu, aux)[0]

    def aux(self, y, nu, aux):
        def series(x, h, nu):
            a, a1, a2, twice = h.log_aux()
            v1, v2, _ = self.inner.link.success.derivatives(nu)
            return (a[None], (a1 * v1)[None], (times(a2, v1 * v1) + a1 * v2)[None],
                    twice[None, None])

        if not self.inner.aux_names:
            return _no_aux(nu)
        return self._chosen(series, super().aux, y, nu, aux)


def _no_aux(nu):
    none = np.zeros((0,) + np.shape(nu))
    return none, none, none, none[None]


class _Series:
    """h = sum of S_i m^(i - 1) / i, with S_i' = i (S_i - S_(i + 1)) in log phi."""

    def __init__(self, m, sums):
        self.m, self.sums = m, sums

    def _horner(self, coefficient):
        total = coefficient(TERMS - 1) * self.m
        for i in range(TERMS - 2, 0, -1):
            total += coefficient(i)
            total *= self.m
        return total + coefficient(0)

    def sum(self, order):
        """Derivative of h in log m of an order."""
        return self._horner(lambda i: i**order / (i + 1) * self.sums[i])

    def sum_aux(self, order):
        """Derivative of that in log phi."""
        s = self.sums
        return self._horner(lambda i: i**order * (s[i] - s[i + 1]))

    def log_derivatives(self):
        """Derivatives of log h in log m."""
        h = self.sum(0)
        a, b, c = (self.sum(order) / h for order in (1, 2, 3))
        return a, b - a * a, c - 3 * a * b + 2 * a * a * a

    def log_aux(self):
        """Derivative of log h in log phi, derivatives in log m of it, and its own."""
        s, h = self.sums, self.sum(0)
        e, f = self.sum(1) / h, self.sum(2) / h
        a, a1, a2 = (self.sum_aux(order) / h for order in range(3))
        twice = self._horner(lambda i: (i + 1) * (s[i] - s[i + 1]) - (i + 2) * (s[i + 1] - s[i + 2]))
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


def hazard(inner: Response) -> Hazard:
    """The hazard of zero of a count response."""
    if hasattr(inner, "log_hazard"):
        return _Own(inner)
    if isinstance(inner, Poisson | PoissonPower):
        return _Poisson(inner)
    return _Trials(inner) if isinstance(inner, Binomial | BetaBinomial) else Ratio(inner)
