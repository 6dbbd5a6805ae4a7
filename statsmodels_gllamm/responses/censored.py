r"""Censored responses: of a row it is known that y lies between two values, which may be equal.

.. math:: \ell = \log f(y), \quad \log F(b), \quad \log(1 - F(a)) \quad\text{or}\quad
          \log(F(b) - F(a))

for y observed, at most b, at least a, between a and b; less log(1 - F(e)) for rows that are in the
sample only because y is beyond their delayed entry e (left truncation).  F and f are those of a
`LocationScale` response, with F(b) = F(z(b)).  Row statistics: a value to represent the response,
the two ends and, with delayed entry, e, all on the scale of the response.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses import standard
from statsmodels_gllamm.responses.base import Around, Response, quiet, without_weight
from statsmodels_gllamm.responses.censoring import known_ends
from statsmodels_gllamm.responses.interval import INTERVALS, Interval, Symmetric
from statsmodels_gllamm.responses.location_scale import Located, LocationScale
from statsmodels_gllamm.responses.student import StudentT

_INTERVALS = {id(standard.NORMAL): INTERVALS["normal"], id(standard.LOGISTIC): INTERVALS["logistic"],
              id(standard.GUMBEL_MIN): INTERVALS["gumbel_min"]}


class Above:
    """log(1 - F(z)) = upper(-z) in the place of log f(z)."""

    def __init__(self, density):
        self.tail = density.upper

    def value(self, z):
        """log(1 - F)."""
        return self.tail.value(-z)

    def value_score(self, z):
        """log(1 - F) and its first derivative."""
        value, score = self.tail.value_score(-z)
        return value, -score

    def derivatives(self, z):
        """Three derivatives of log(1 - F)."""
        first, second, third = self.tail.derivatives(-z)
        return -first, second, -third


class Part(Located):
    """Rows censored in one way; they share z with the response that is censored."""

    normalized = False

    def __init__(self, inner: LocationScale):
        self.inner = inner
        self.aux_names, self.sign = inner.aux_names, inner.sign
        self.hazard, self.positive = inner.hazard, inner.positive

    def standard(self, aux):
        return self.inner.standard(aux)


class LeftCensored(Part):
    """y is at most y[0]."""

    def standard(self, aux):
        return self.inner.standard(aux).lower


class RightCensored(Part):
    """y is at least y[0]."""

    def standard(self, aux):
        return Above(self.inner.standard(aux))


class IntervalCensored(Part):
    r"""y lies between y[0] and y[1], z between a and b of width w.

    The derivative of b in the auxiliary predictor is that of a, a', plus v = +-w; with the
    partials of interval.py, in t (both ends) and in b,

        dl/da = l_t a' + l_b v,   d2l/da2 = l_tt a'^2 + 2 l_tb a' v + l_bb v^2 + l_t a'' + l_b w,
        dl'/da = (l_tt a' + l_tb v) z' + l_t dz'/da,   and alike dl''/da.
    """

    def interval(self, aux) -> Interval:
        """The distribution of z."""
        density = self.standard(aux)
        return _INTERVALS.get(id(density)) or Symmetric(density)

    def _ends(self, y, nu, aux):
        """t of the lower end, z of both, and the width of z."""
        low, high = self.transformed(y[0]), self.transformed(y[1])
        width = (high - low) * np.exp(self.log_rate(aux))
        return low, (self.standardized(low, nu, aux), self.standardized(high, nu, aux), width)

    @quiet
    def kernel(self, y, nu, aux=None):
        return self.interval(aux).value(*self._ends(y, nu, aux)[1])

    @quiet
    def kernel_score(self, y, nu, aux=None):
        kernel, score = self.interval(aux).value_score(*self._ends(y, nu, aux)[1])
        score *= self.slopes(aux)[0]
        return kernel, without_weight(kernel, score)

    @quiet
    def derivatives(self, y, nu, aux=None):
        p = self.interval(aux).partials(*self._ends(y, nu, aux)[1])
        slope = self.slopes(aux)[0]
        return p.t * slope, p.tt * slope**2, p.ttt * slope**3

    def _moves(self, y, nu, aux):
        """Partials, w, v, a' and a''."""
        t, ends = self._ends(y, nu, aux)
        return (self.interval(aux).partials(*ends), ends[2], self.sign * ends[2],
                *self.aux_slopes(ends[0], t, aux))

    @quiet
    def aux_score(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_score(y, nu, aux)
        p, _, v, change, _ = self._moves(y, nu, aux)
        return (p.t * change + p.b * v)[None]

    @quiet
    def aux_derivatives(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_derivatives(y, nu, aux)
        p, _, v, change, _ = self._moves(y, nu, aux)
        slope, cross = self.slopes(aux)
        return (((p.tt * change + p.tb * v) * slope + p.t * cross)[None],
                ((p.ttt * change + p.ttb * v) * slope**2 + 2 * p.tt * slope * cross)[None])

    @quiet
    def aux_curvature(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_curvature(y, nu, aux)
        p, w, v, change, second = self._moves(y, nu, aux)
        return (p.tt * change**2 + 2 * p.tb * change * v + p.bb * v * v
                + p.t * second + p.b * w)[None, None]


@dataclass(frozen=True)
class CensoredResponse(Around, Response):
    """A `LocationScale` response of which some rows are known by their limits only.

    `mean`, `variance` and `simulate` are those of the uncensored response.

    Parameters
    ----------
    inner : LocationScale
    entry : bool
        The rows have delayed entries.
    """

    inner: LocationScale
    entry: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.inner, StudentT) and self.inner.df is None:
            raise ValueError("A censored StudentT needs a number of degrees of freedom, such as "
                             "StudentT(df=4): they cannot be estimated from censored responses.")

    @property
    def name(self) -> str:
        return f"Censored({self.inner.name})"

    @property
    def log_concave(self) -> bool:
        hazards = self.inner.standard(None) is standard.GUMBEL_MIN  # log S is proportional to e^nu
        return self.inner.log_concave and (hazards or not self.entry)

    @property
    def _bottom(self) -> float:
        return 0.0 if self.inner.positive else -np.inf

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        value, low, high, entry = known_ends(
            endog, n_trials, index, dict(columns or {}), self.inner.positive, self.name)
        middle = np.where(np.isinf(high) | (low == self._bottom), 0.0, self._middle(low, high))
        value = np.where(low == high, value, np.where(
            np.isinf(high), low, np.where(low == self._bottom, high, middle)))
        return np.stack([value, low, high, *([entry] if self.entry else [])])

    @quiet
    def _middle(self, low, high):
        return self.inner.restored(0.5 * (self.inner.transformed(low)
                                          + self.inner.transformed(high)))

    def blank(self, n, n_trials=None, columns=None):
        """Rows that are observed at some value."""
        value = self.inner.blank(n)
        return np.concatenate([value] * 3 + [np.full((1, n), self._bottom)] * self.entry)

    def kinds(self, y):
        """Masks (n,) of rows that are observed, left-, right- and interval-censored."""
        exact = y[1] == y[2]
        left = ~exact & (y[1] == self._bottom)
        right = ~exact & np.isinf(y[2])
        return exact, left, right, ~(exact | left | right)

    def late(self, y):
        """Mask (n,) of rows with a delayed entry."""
        return y[3] > self._bottom if self.entry else np.zeros(y.shape[1], dtype=bool)

    def _parts(self, y):
        """Of each kind that there is: what evaluates it, its rows and their statistics."""
        parts = ((self.inner, y[:1]), (LeftCensored(self.inner), y[2:3]),
                 (RightCensored(self.inner), y[1:2]), (IntervalCensored(self.inner), y[1:3]))
        for (part, values), mask in zip(parts, self.kinds(y)):
            if mask.all():
                yield part, slice(None), values
            elif mask.any():
                rows = np.flatnonzero(mask)
                yield part, rows, values[:, rows]

    def _gather(self, method, y, nu, aux):
        """The arrays (..., n) that a method gives, from the parts, less those of the entry."""
        whole = None
        for part, rows, values in self._parts(y):
            pieces = _call(part, method, values, nu, aux, rows)
            if whole is None and isinstance(rows, slice):
                whole = pieces
                continue
            if whole is None:
                whole = [np.empty((*x.shape[:-1], y.shape[1]), x.dtype) for x in pieces]
            for x, piece in zip(whole, pieces):
                x[..., rows] = piece
        late = np.flatnonzero(self.late(y)) if self.entry else ()
        if len(late):
            pieces = _call(RightCensored(self.inner), method, y[3:4, late], nu, aux, late)
            for x, piece in zip(whole, pieces):
                part = x[..., late]  # an infinity stays one
                x[..., late] = np.where(np.isfinite(part), part - piece, part)
        return whole

    @quiet
    def constant(self, y, aux=None):
        exact = y[1] == y[2]
        value = self.inner.constant(y[:1], aux)
        return value if exact.all() else np.where(exact, value, 0.0)

    @quiet
    def kernel(self, y, nu, aux=None):
        return self._gather("kernel", y, nu, aux)[0]

    @quiet
    def kernel_score(self, y, nu, aux=None):
        kernel, score = self._gather("kernel_score", y, nu, aux)
        return kernel, without_weight(kernel, score)

    @quiet
    def derivatives(self, y, nu, aux=None):
        return tuple(self._gather("derivatives", y, nu, aux))

    @quiet
    def expected_information(self, y, nu, aux=None):
        """Of observed rows that of the uncensored response; of others the curvature or, where that
        may be negative, a stand-in that is not."""
        plain = self.inner.expected_information(y[:1], nu, aux)
        observed = y[1] == y[2]
        if self.entry:
            observed = observed & (y[3] == self._bottom)
        if observed.all():
            return plain
        first, second, _ = self.derivatives(y, nu, aux)
        if self.log_concave:
            return np.where(observed, plain, -second)
        stand_in = plain if self.entry else first * first
        return np.where(observed, plain, np.where(second < 0, -second, stand_in))

    @quiet
    def aux_score(self, y, nu, aux=None):
        return self._gather("aux_score", y, nu, aux)[0]

    @quiet
    def aux_derivatives(self, y, nu, aux=None):
        return tuple(self._gather("aux_derivatives", y, nu, aux))

    @quiet
    def aux_curvature(self, y, nu, aux=None):
        return self._gather("aux_curvature", y, nu, aux)[0]

    def mean(self, nu, aux=None, y=None):
        return self.inner.mean(nu, aux)

    def variance(self, nu, aux=None, y=None):
        return self.inner.variance(nu, aux)

    def simulate(self, rng, nu, aux=None, y=None):
        return self.inner.simulate(rng, nu, aux)

    def aux_start(self, y, mu):
        return self.inner.aux_start(y[:1], mu)

    def describe_constant(self, y):
        exact, left, right, _ = self.kinds(y)
        if left.all() or right.all():
            return f"every response is censored, at {'most' if left.all() else 'least'} at a limit"
        return super().describe_constant(y) if exact.all() else None


def _call(part, method, y, nu, aux, rows):
    """What a method gives for some rows, as a list of arrays."""
    cut = None if aux is None else aux[:, rows]
    values = getattr(part, method)(y, nu[..., rows], cut)
    return list(values) if isinstance(values, tuple) else [values]
