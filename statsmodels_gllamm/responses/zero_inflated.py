r"""Zero inflation: a zero with probability pi, else a count of the inner response.

.. math:: \ell = \log(1 - \pi) + \log f(y), \quad y > 0; \qquad
          \ell = \log\{\pi + (1 - \pi) f(0)\}, \quad y = 0

(Lambert, 1992).  An outcome has two rows, the main predictor nu of f and the zero predictor z of
pi = F(z).  With a = log F, b = log(1 - F), f = log f(y), D = b + f - a, r = 1 - t = 1 / (1 + e^-D)
the probability that a zero is one of the count's (y > 0: r = 1), derivatives by nu and z are

    l_n = r f1       l_z = -t a1 (e^f - 1), or b1 for y > 0      with d_k = b_k - a_k, k = 1, 2
    l_nn = r f2 + rt f1^2        l_nz = rt f1 d1      l_zz = t a2 + r b2 + rt d1^2
    l_nnn = r f3 + 3 rt f1 f2 + rt (t - r) f1^3       l_nnz = d1 (rt f2 + rt (t - r) f1^2)
    l_nzz = f1 (rt d2 + rt (t - r) d1^2)              l_zzz = t a3 + r b3 + 3 rt d1 d2 + rt (t - r) d1^3

and those in the inner auxiliary values follow with df, df1, df2 and dr = rt df.  The EM algorithm's
complete-data information, r times the count's and F'^2 / (F (1 - F)), is what ascends.
"""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit

from statsmodels_gllamm.responses.base import Around, Response, quiet, without_weight
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, BinomialLink, times
from statsmodels_gllamm.responses.sets import LocalDerivatives, SetResponse

ZERO_LINKS = ("logit", "probit")
UNDERFLOW = -700.0  # of logarithms of normal numbers


@dataclass(frozen=True)
class ZeroInflated(Around, SetResponse):
    """Zero-inflated counts: pairs of rows, the first one of the main predictor.

    ``y`` has the inner response's row statistics in both rows of a pair; `mean`, `variance` and
    `simulate` are by outcome (..., S).

    Parameters
    ----------
    inner : Response
        With ``mass_at_zero``.
    link : BinomialLink
        Of the probability of a structural zero: logit or probit.
    """

    inner: Response
    link: BinomialLink = field(default=BINOMIAL_LINKS["logit"])

    @property
    def name(self) -> str:
        return f"ZeroInflated({self.inner.name}, {self.link.name})"

    @property
    def n_row_aux(self) -> int:
        return self.inner.n_row_aux

    def row_aux(self, y, aux, sets):
        return self.inner.row_aux(first_of(y, sets), first_of(aux, sets))

    def row_aux_adjoint(self, y, aux, bar, sets):
        bar = self.inner.row_aux_adjoint(first_of(y, sets), first_of(aux, sets), bar)
        return paired(bar, np.zeros_like(bar), sets)

    @quiet
    def constant(self, y, aux, sets):
        y = first_of(y, sets)
        return np.where(y[0] > 0, self.inner.constant(y, aux), 0.0)

    @quiet
    def kernel(self, y, nu, aux, sets):
        y, (nu, z) = first_of(y, sets), pair(nu, sets)
        kernel = self.inner.kernel(y, nu, aux)
        return self._kernel(y, z, kernel, kernel + self._zero_constant(y, aux))

    def _zero_constant(self, y, aux):
        """The inner constant (S,) where the response is zero, and zero elsewhere."""
        zero = y[0] == 0
        constant = np.zeros(len(zero), dtype=np.result_type(np.float64, aux if aux is not None else 0))
        constant[zero] = self.inner.constant(y[:, zero], None if aux is None else aux[:, zero])
        return constant

    def _kernel(self, y, z, kernel, f):
        """From the inner kernel, and the inner log density f where y is zero."""
        a, b = self.link.success.value(z), self.link.log_failure(z)
        value = np.where(y[0] > 0, b + kernel, log_mixture(a, b, f))
        return np.where(np.isneginf(np.real(kernel)), -np.inf, value) if self.bounded else value

    @quiet
    def kernel_score(self, y, nu, aux, sets):
        y, (nu, z) = first_of(y, sets), pair(nu, sets)
        kernel, score = self.inner.kernel_score(y, nu, aux)
        f = kernel + self._zero_constant(y, aux)
        if self.link.name == "logit":
            value, zero_score, r = logit_mixture(y[0] > 0, z, kernel, f)
            if np.min(r, initial=1.0) > 0 and np.min(value, initial=0.0) > UNDERFLOW:
                score *= r
                return value, paired(score, zero_score, sets)
        value = self._kernel(y, z, kernel, f)
        parts = _Parts(self, y, z, f)
        first = times(parts.r, score), parts.zero_score()
        return value, paired(*(without_weight(value, x) for x in first), sets)

    @quiet
    def local(self, y, nu, aux, sets):
        return ZeroInflatedDerivatives(self, first_of(y, sets), *pair(nu, sets), aux, sets)

    def _weights(self, y, nu, aux, sets):
        """First rows of y and nu, and r and rt (..., S)."""
        y, (nu, z) = first_of(y, sets), pair(nu, sets)
        parts = _Parts(self, y, z, self.inner.log_density(y, nu, aux))
        return y, nu, parts.r, parts.r * parts.t

    @quiet
    def aux_score(self, y, nu, aux, sets):
        y, nu, r, _ = self._weights(y, nu, aux, sets)
        return times(r, self.inner.aux_score(y, nu, aux))

    @quiet
    def aux_curvature(self, y, nu, aux, sets):
        y, nu, r, rt = self._weights(y, nu, aux, sets)
        score = self.inner.aux_score(y, nu, aux)
        return (times(r, self.inner.aux_curvature(y, nu, aux))
                + times(rt, score[:, None] * score[None, :]))

    def _inner(self, nu, aux, y, sets):
        """pi, and what the inner methods for moments take: nu, aux and y of the first rows."""
        nu, z = pair(nu, sets)
        aux, y = (None if x is None else first_of(x, sets) for x in (aux, y))
        return z, (nu, aux, y)

    @quiet
    def mean(self, nu, aux=None, y=None, sets=None):
        z, inner = self._inner(nu, aux, y, sets)
        return np.exp(self.link.log_failure(z)) * self.inner.mean(*inner)

    @quiet
    def variance(self, nu, aux=None, y=None, sets=None):
        z, inner = self._inner(nu, aux, y, sets)
        mu, pi = self.inner.mean(*inner), np.exp(self.link.success.value(z))
        rest = np.exp(self.link.log_failure(z))
        return rest * (self.inner.variance(*inner) + pi * mu * mu)

    def zero_probability(self, nu, sets):
        """pi (..., S)."""
        return np.exp(self.link.success.value(pair(nu, sets)[1]))

    def simulate(self, rng, nu, aux=None, y=None, sets=None):
        counts = self.inner.simulate(rng, *self._inner(nu, aux, y, sets)[1])
        return np.where(rng.uniform(size=sets.size) < self.zero_probability(nu, sets), 0.0, counts)

    def aux_start(self, y, mu=None):
        """From the responses above zero, as if all zeros were structural; ``mu`` is not used."""
        some = y[:, y[0] > 0]
        if not some.shape[1]:
            return np.zeros(len(self.aux_names))
        mean = np.mean(some[0] if len(y) == 1 else some[0] / some[1])
        return self.inner.aux_start(some, np.full(some.shape[1], mean))

    def describe_constant(self, y):
        return self.inner.describe_constant(y)


def pair(x, sets):
    """First and second rows (..., S) of the pairs of x (..., n)."""
    if sets.counts is None:
        return x[..., :sets.size], x[..., sets.size:]
    return x[..., 0::2], x[..., 1::2]


def first_of(x, sets):
    """First rows (..., S) of the pairs of x (..., n)."""
    return pair(x, sets)[0]


def paired(first, second, sets):
    """The inverse of `pair`: (..., n)."""
    first, second = np.broadcast_arrays(first, second)
    if sets.counts is None:
        return np.concatenate([first, second], axis=-1)
    return np.stack([first, second], axis=-1).reshape(first.shape[:-1] + (sets.n,))


def log_mixture(a, b, f):
    """log(e^a + e^(b + f)) where e^a + e^b = 1 and f is not positive."""
    less = np.exp(b) * np.expm1(f)  # from 1, exact where little is missing
    near = np.real(less) > -0.5
    swap = np.real(b + f) > np.real(a)
    large, small = np.where(swap, b + f, a), np.where(swap, a, b + f)
    return np.where(near, np.log1p(np.where(near, less, 0.0)),
                    large + np.log1p(np.exp(small - large)))


def logit_mixture(positive, z, kernel, f):
    """Value, score in z and r for a logit link, good to 1e-16 where neither part underflows.

    Elsewhere the value is below `UNDERFLOW` or no number, or r is zero.
    """
    ez, ef = np.exp(z), np.exp(f)
    share = 1 / (1 + ez)
    mix = np.where(positive, 1.0, ez + ef)
    r = np.where(positive, 1.0, ef / mix)
    score = ez * share
    score *= np.where(positive, -1.0, (1 - ef) / mix)
    share *= mix
    value = np.log(share, out=share)
    value += np.where(positive, kernel, 0.0)
    return value, score, r


class _Parts:
    """Weights r and t of an outcome, from the inner log density f, and the link's tails."""

    def __init__(self, response, y, z, f):
        link = response.link
        self.positive, self.f = y[0] > 0, f
        self.a = link.success.derivatives(z)
        self.b = link.failure_derivatives(z)
        if link.symmetric and link.name == "logit":
            distance = f - z
        else:
            distance = link.log_failure(z) + f - link.success.value(z)
        self.r = np.where(self.positive, 1.0, expit(distance))
        self.t = np.where(self.positive, 0.0, expit(-distance))

    def zero_score(self):
        """l_z."""
        return np.where(self.positive, self.b[0], -self.t * self.a[0] * np.expm1(self.f))


class ZeroInflatedDerivatives(LocalDerivatives):
    """The formulas at the top of the file; where a weight is zero its factors count as zero."""

    def __init__(self, response, y, nu, z, aux, sets):
        self.inner, self.sets = response.inner, sets
        self.data = y, nu, aux
        parts = _Parts(response, y, z, self.inner.log_density(y, nu, aux))
        self.r, self.parts = parts.r, parts
        self.rt = parts.r * parts.t
        self.rt_diff = self.rt * (parts.t - parts.r)
        (_, a2, a3), (_, b2, b3) = parts.a, parts.b
        d1, d2 = (b - a for a, b in zip(parts.a[:2], parts.b[:2]))
        f1, f2, f3 = (self._where(self.r, f) for f in self.inner.derivatives(y, nu, aux))
        g1, g2 = self._where(self.rt, f1), self._where(self.rt, f2)
        r, t, rt, rtd = self.r, parts.t, self.rt, self.rt_diff
        self.first = paired(r * f1, parts.zero_score(), sets)
        self.nn, self.nz, self.zz = r * f2 + rt * g1 * g1, rt * g1 * d1, t * a2 + r * b2 + rt * d1 * d1
        self.nnn = r * f3 + 3 * rt * g1 * g2 + rtd * g1 * g1 * g1
        self.nnz = d1 * (rt * g2 + rtd * g1 * g1)
        self.nzz = g1 * (rt * d2 + rtd * d1 * d1)
        self.zzz = t * a3 + r * b3 + 3 * rt * d1 * d2 + rtd * d1 * d1 * d1
        self.f, self.g, self.d = (f1, f2), (g1, g2), (d1, d2)

    @staticmethod
    def _where(weight, x):
        """x, zero where the weight is."""
        return np.where(weight == 0, 0.0, x)

    @quiet
    def second(self, v):
        n, z = pair(v, self.sets)
        return paired(self.nn * n + self.nz * z, self.nz * n + self.zz * z, self.sets)

    @quiet
    def third(self, u, v):
        (un, uz), (vn, vz) = pair(u, self.sets), pair(v, self.sets)
        nn, nz, zz = un * vn, un * vz + uz * vn, uz * vz
        return paired(self.nnn * nn + self.nnz * nz + self.nzz * zz,
                      self.nnz * nn + self.nzz * nz + self.zzz * zz, self.sets)

    @quiet
    def ascent(self, v):
        n, z = pair(v, self.sets)
        information = times(self.r, self.inner.expected_information(*self.data))
        return paired(information * n, -self.parts.a[0] * self.parts.b[0] * z, self.sets)

    def _aux(self):
        """Derivatives of f, f1 and f2 in the auxiliary values (m', ..., S)."""
        f = self.inner.aux_score(*self.data)
        f1, f2 = self.inner.aux_derivatives(*self.data)
        return self._where(self.rt, f), self._where(self.r, f1), self._where(self.r, f2)

    @quiet
    def aux_first(self, v):
        n, z = pair(v, self.sets)
        f, f1, _ = self._aux()
        (g1, _), (d1, _) = self.g, self.d
        return (self.rt * f * g1 + self.r * f1) * n + self.rt * f * d1 * z

    @quiet
    def aux_second(self, u, v):
        (un, uz), (vn, vz) = pair(u, self.sets), pair(v, self.sets)
        f, f1, f2 = self._aux()
        (g1, g2), (d1, d2) = self.g, self.d
        h1 = self._where(self.rt, f1)
        nn = self.r * f2 + self.rt * (f * g2 + 2 * g1 * h1) + self.rt_diff * f * g1 * g1
        nz = d1 * (self.rt_diff * f * g1 + self.rt * h1)
        zz = f * (self.rt * d2 + self.rt_diff * d1 * d1)
        return nn * un * vn + nz * (un * vz + uz * vn) + zz * uz * vz
