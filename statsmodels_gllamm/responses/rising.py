r"""Ratios of gamma functions as functions of a log argument t = log k, and their derivatives in t.

.. math:: B(t, y) = \log\frac{\Gamma(k + y)}{\Gamma(k) k^y} = \sum_{j<y} \log(1 + j/k),
          \qquad B' = -\sum_j r_j, \quad B'' = \sum_j r_j (1 - r_j),
          \quad B''' = -\sum_j r_j (1 - r_j)(1 - 2 r_j), \quad r_j = \frac{j}{k + j}

is what overdispersion adds to a Poisson or a binomial log density: zero at k = infinity.  Small
counts take the sums.  The others, with s = k + y, take the gamma functions at 1 + k below k = 10,
where -(y - 1) t is taken out so that k may be zero, and Stirling's series above
(Abramowitz and Stegun, 1964, 6.1.40, 6.3.18, 6.4.11):

    k D(k)  = k (log k - psi(k)) = 1/2 + E1,        k^2 psi'(k)  = k + 1/2 + E2,
    k^3 psi''(k) = -(k + 1 + E3),                   E_i = c_i1 / k + c_i2 / k^3 + ...
"""
from __future__ import annotations

import numpy as np
from scipy.special import gammaln, loggamma, psi

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.special import HALF_LOG_2PI, SERIES_FROM

SHIFT = 10  # steps of the recurrence of polygamma functions
FEW = 30  # counts up to it by their sums, which cost less
_B = np.array([1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510])
_TWO_N = 2.0 * np.arange(1, len(_B) + 1)
_R, _E1, _E2, _E3 = _B / (_TWO_N * (_TWO_N - 1)), _B / _TWO_N, _B, (_TWO_N + 1) * _B


def _odd_series(coefficients, k):
    """c_1 / k + c_2 / k^3 + ..., for k from 10 on."""
    inverse = 1 / k
    square = inverse * inverse
    total = coefficients[-1] * square
    for c in coefficients[-2:0:-1]:
        total += c
        total *= square
    total += coefficients[0]
    total *= inverse
    return total


def _log_gamma(k):
    return loggamma(k) if np.iscomplexobj(k) else gammaln(k)


def polygammas(k):
    """psi, psi' and psi'' at k > 0: the recurrence up to where the asymptotic series holds."""
    first, second, x = np.zeros_like(k), np.zeros_like(k), np.array(k, dtype=np.float64)
    for _ in range(SHIFT):
        r = 1 / x
        square = r * r
        first += square
        second += square * r
        x += 1
    r = 1 / x
    square = r * r
    first += square * (x + 0.5 + _odd_series(_E2, x))
    return psi(k), first, -2 * second - square * r * (x + 1 + _odd_series(_E3, x))


def _piecewise(t, near, far):
    """Arrays from near(t, k) where k < 10, and from far(t, k) elsewhere."""
    k = np.exp(t)
    small = np.real(k) < SERIES_FROM
    if small.all():
        return near(t, k)
    if not small.any():
        return far(t, k)
    at = t[small], k[small]
    out = far(np.where(small, np.log(SERIES_FROM), t), np.where(small, SERIES_FROM, k))
    for whole, part in zip(out, near(*at)):
        whole[small] = part
    return out


# ---- log Gamma itself, less what cancels between the two sides of a beta density


@quiet
def stirling_log_gamma(t):
    """G = k + t/2 - R(k) for real or complex t: minus log Gamma(k) + k t + log(2 pi)/2."""
    t = np.asarray(t)
    return _piecewise(
        t, lambda t, k: (_times(k, t) + t - _log_gamma(1 + k) + HALF_LOG_2PI,),
        lambda t, k: (k + 0.5 * t - _odd_series(_R, k),))[0]


@quiet
def stirling_score(t):
    """G and h1 = k D(k) = dG/dt - k, for real t."""
    def near(t, k):
        kt = _times(k, t)
        return kt + t - gammaln(1 + k) + HALF_LOG_2PI, 1 + kt - k * psi(1 + k)

    return _piecewise(
        t, near, lambda t, k: (k + 0.5 * t - _odd_series(_R, k), 0.5 + _odd_series(_E1, k)))


@quiet
def digamma_terms(t):
    """h1 = k D, h2 = k D - k^2 psi', h3 = k D - 3 k^2 psi' - k^3 psi'', for real t."""
    def near(t, k):
        first, second, third = polygammas(1 + k)
        h = _times(k, t) - k * first
        return 1 + h, h - k * k * second, h - 3 * k * k * second - k * k * k * third

    def far(t, k):
        e1, e2, e3 = (_odd_series(c, k) for c in (_E1, _E2, _E3))
        return 0.5 + e1, e1 - e2 - k, e1 - 3 * e2 + e3 - 2 * k

    return _piecewise(np.asarray(t), near, far)


def _times(k, t):
    """k t, zero where k is (t may be minus infinity there)."""
    return np.where(k == 0, 0.0, k * t)


# ---- rising factorials


@quiet
def rising(t, y):
    """B(t, y) for counts y (n,) and real or complex t (..., n)."""
    return _by_rows(t, y, 1, _sum_score if np.isrealobj(t) else _gamma_value, _gamma_value)[0]


@quiet
def rising_score(t, y):
    """B and B' at real t (..., n): at quadrature nodes."""
    return _by_rows(t, y, 2, _sum_score, _gamma_score)


@quiet
def rising_derivatives(t, y):
    """B', B'' and B''' at real t (..., n)."""
    return _by_rows(t, y, 3, _sum_derivatives, _gamma_derivatives)


def _by_rows(t, y, number, few, many):
    """Arrays (..., n): zero for y <= 1, from few(t, y) up to FEW, from many(t, y) beyond."""
    t = np.broadcast_to(t, np.broadcast_shapes(np.shape(t), y.shape))
    out = tuple(np.zeros_like(t) for _ in range(number))
    order = np.argsort(y, kind="stable")
    start, stop = np.searchsorted(y[order], [1, FEW], side="right")
    for rows, function in ((order[start:stop], few), (order[stop:], many)):
        if len(rows):
            for whole, part in zip(out, function(t[..., rows], y[rows])):
                whole[..., rows] = part
    return out


def _sum_score(t, y):
    """B and B' by their sums, for y in ascending order."""
    inverse = np.exp(-t)
    product, total = np.ones_like(t), np.zeros_like(t)
    for j in range(1, int(y[-1])):
        rows = slice(np.searchsorted(y, j, side="right"), None)
        x = inverse[..., rows] * j
        u = x + 1
        product[..., rows] *= u
        x /= u
        total[..., rows] -= x
    value = np.log(product, out=product)
    return (value, total) if np.isfinite(np.max(value)) else _gamma_score(t, y)


def _sum_derivatives(t, y):
    """B', B'' and B''' by their sums, for y in ascending order."""
    k, inverse = np.exp(t), np.exp(-t)
    first, second, third = (np.zeros_like(t) for _ in range(3))
    for j in range(1, int(y[-1])):
        rows = slice(np.searchsorted(y, j, side="right"), None)
        r, c = j / (k[..., rows] + j), 1 / (1 + j * inverse[..., rows])
        first[..., rows] -= r
        r *= c
        second[..., rows] += r
        r *= 1 - 2 * c
        third[..., rows] += r
    return first, second, third


def _excess(x):
    """log(1 + x) / x - 1, whose digits are kept at small x >= 0; and log(1 + x)."""
    log = np.log1p(x)
    small = np.real(x) < 0.01
    if not small.any():
        return log / x - 1, log
    near = np.where(small, x, 0.0)
    series = np.zeros_like(near)
    for c in range(9, 1, -1):
        series = near * ((-1) ** (c - 1) / c + series)
    return np.where(small, series, log / np.where(small, 1.0, x) - 1), log


def _gamma_value(t, y):
    y = np.broadcast_to(y, t.shape)
    small = np.real(t) < np.log(SERIES_FROM)
    inside = np.where(small, t, 0.0)
    k = np.exp(inside)
    near = _log_gamma(k + y) - _log_gamma(1 + k) - (y - 1) * inside
    k, x = np.exp(np.where(small, np.log(SERIES_FROM), t)), y * np.exp(-np.where(small, 0.0, t))
    excess, log = _excess(x)
    far = y * excess + (y - 0.5) * log + _odd_series(_R, k + y) - _odd_series(_R, k)
    return (np.where(small, near, far),)


def _gamma_score(t, y):
    y = np.broadcast_to(y, t.shape)
    small = t < np.log(SERIES_FROM)
    if not small.any():
        return _far_score(t, y)
    k, z = np.exp(t[small]), y[small]
    near = (gammaln(k + z) - gammaln(1 + k) - (z - 1) * t[small],
            k * (psi(k + z) - psi(1 + k)) - (z - 1))
    out = _far_score(np.where(small, np.log(SERIES_FROM), t), y)
    for whole, part in zip(out, near):
        whole[small] = part
    return out


def _far_score(t, y):
    k, x = np.exp(t), y * np.exp(-t)
    s, rho = k + y, 1 / (1 + x)
    excess, log = _excess(x)
    excess = y * excess
    value = excess + (y - 0.5) * log + _odd_series(_R[:5], s) - _odd_series(_R, k)
    first = excess + 0.5 * x * rho + _odd_series(_E1, k) - rho * _odd_series(_E1[:5], s)
    return value, first


def _gamma_derivatives(t, y):
    y = np.broadcast_to(y, t.shape)
    small = t < np.log(SERIES_FROM)
    out = _far_derivatives(np.where(small, np.log(SERIES_FROM), t), y)
    if small.any():
        k, z = np.exp(t[small]), y[small]
        f, g, h = (a - b for a, b in zip(polygammas(k + z), polygammas(1 + k)))
        kf, kg, kh = k * f, k * k * g, k * k * k * h
        for whole, part in zip(out, (kf - (z - 1), kf + kg, kf + 3 * kg + kh)):
            whole[small] = part
    return out


def _far_derivatives(t, y):
    k, x = np.exp(t), y * np.exp(-t)
    s, rho = k + y, 1 / (1 + x)
    r = x * rho
    at_k, at_s = ([_odd_series(c, v) for c in (_E1, _E2, _E3)] for v in (k, s))
    first = y * _excess(x)[0] + 0.5 * r + at_k[0] - rho * at_s[0]
    second = first + y * r - 0.5 * r * (1 + rho) - at_k[1] + rho * rho * at_s[1]
    third = (second - y * r * rho + r * rho * rho - (2 * at_k[1] - at_k[2])
             + 2 * r * rho * rho * at_s[1] + rho * rho * rho * (2 * at_s[1] - at_s[2]))
    return first, second, third
