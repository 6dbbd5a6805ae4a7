"""Derivatives of a density of a weighted sum of means: the formulas of composite.py."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.binomial import times
from statsmodels_gllamm.responses.sets import LocalDerivatives, set_max


def relative(share, g1, g2, g3):
    """w h^(k) / mu, k = 1, 2, 3, from shares w h / mu and derivatives of log h."""
    slopes = g1, g1 * g1 + g2, g1 * (g1 * g1 + 3 * g2) + g3
    return tuple(times(share, slope) for slope in slopes)


@quiet
def log_sum(x, sets, rest=None):
    """log of the sum of e^x in every set (..., n) -> (..., S), and of e^rest (S,)."""
    top = set_max(x, sets)
    if rest is not None:
        top = np.maximum(top, rest)
    top = np.where(np.isneginf(top), 0.0, top)
    total = sets.sum(np.exp(x - sets.spread(top)))
    return top + np.log(total if rest is None else total + np.exp(rest - top))


def any_row(mask, sets):
    """The sets (..., S) with a row where the mask (..., n) is true; None for no mask."""
    return None if mask is None else sets.sum(mask.astype(np.float64)) > 0


@dataclass(frozen=True)
class Term:
    """R1, R2, R3 (..., n) and e1, e2, e3 (..., S)."""

    r: tuple
    e: tuple

    def second(self, v, sets):
        r1, r2, _ = self.r
        e1, e2, _ = (sets.spread(e) for e in self.e)
        return times(r1, e2 * sets.spread(sets.sum(r1 * v))) + times(r2, e1 * v)

    def third(self, u, v, sets):
        r1, r2, r3 = self.r
        e1, e2, e3 = (sets.spread(e) for e in self.e)
        su, sv, suv = (sets.spread(sets.sum(x)) for x in (r1 * u, r1 * v, r2 * u * v))
        return (times(r1, e3 * su * sv + e2 * suv) + times(r2, e2 * (u * sv + v * su))
                + times(r3, e1 * u * v))


class CompositeDerivatives(LocalDerivatives):
    """Derivatives in the linear predictors, summed over the terms of the density."""

    def __init__(self, response, y, nu, aux, sets):
        self.response, self.data, self.sets = response, (y, nu, aux, sets), sets
        self.parts = response.terms(y, nu, aux, sets)
        outside = response.scale(y, nu, sets)[1]
        self.inside = None if outside is None else sets.spread(~outside)
        self.first = self._kept(sum(times(t.r[0], sets.spread(t.e[0])) for t in self.parts))

    def _kept(self, value):
        """Zero outside the support."""
        return value if self.inside is None else np.where(self.inside, value, 0.0)

    def _by_row(self, x):
        """Rows x (..., n) that are zero outside the support."""
        return np.broadcast_to(x, np.broadcast_shapes(np.shape(x), self.first.shape))

    @quiet
    def second(self, v):
        return self._kept(sum(t.second(v, self.sets) for t in self.parts))

    @quiet
    def third(self, u, v):
        return self._kept(sum(t.third(u, v, self.sets) for t in self.parts))

    @quiet
    def ascent(self, v):
        c, a, information = self.response.information(*self.data)
        return self._kept(times(c, self.sets.spread(information * self.sets.sum(a * v))))

    @quiet
    def aux_first(self, v):
        v = self._kept(self._by_row(v))
        first, _ = self.response.aux_terms(*self.data)
        return first * self.sets.sum(self.parts[0].r[0] * v)

    @quiet
    def aux_second(self, u, v):
        u, v = self._kept(self._by_row(u)), self._kept(self._by_row(v))
        first, second = self.response.aux_terms(*self.data)
        r1, r2, _ = self.parts[0].r
        su, sv, suv = (self.sets.sum(x) for x in (r1 * u, r1 * v, r2 * u * v))
        return second * su * sv + first * suv
