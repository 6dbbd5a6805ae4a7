r"""Choices: one row of every set is chosen, with probabilities that a softmax gives.

.. math:: \ell_s = \sum_i y_i x_i - \log\sum_i e^{x_i}, \qquad x_i = \nu_i e^{-\phi_s}

With p the probabilities, g = y - p, and c(v) = v - sum p v centred in the set (McFadden, 1973),

    l1 = g      l2 v = -p c(v)      l3(u, v) = -p (c(u) c(v) - sum p c(u) c(v))

in x; powers of k = e^-phi carry them to nu.  With d_i = x_i - x_chosen, in phi = logscale:

    dl = sum p d        d2l = -sum p d - sum p c(x)^2
    d l1'v = -k (g'v - sum p c(x) c(v))    d u'l2 v = k^2 sum p c(u) c(v) (2 + c(x))

Sums leave out what cancels: the chosen row's score is the sum of the others' p, and c(v) is taken
from v less its value at the most probable row, so that probabilities next to one lose no digits.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.sets import LocalDerivatives, SetResponse, set_max


@dataclass(frozen=True)
class Choice(SetResponse):
    """One row chosen out of every set; ``y`` (1, n) is one there, and zero elsewhere.

    `mean` are the rows' probabilities, and `simulate` gives rows of zeros and ones.

    Parameters
    ----------
    categories : tuple or None
        Labels of the rows of a set, where all sets have the same.
    scaled : bool
        There is an auxiliary predictor "logscale", constant in a set.
    family : str
        What the family is called.
    """

    categories: tuple | None = None
    scaled: bool = False
    family: str = "Choice"
    log_concave = True

    @property
    def name(self) -> str:
        return f"{self.family}(logit)"

    @property
    def aux_names(self) -> tuple[str, ...]:
        return ("logscale",) if self.scaled else ()

    def scaled_by(self, nu, aux, sets):
        """x, and k (S,), which is 1.0 without a scale."""
        if not self.scaled:
            return nu, 1.0
        k = np.exp(-aux[0])
        return nu * sets.spread(k), k

    @quiet
    def kernel(self, y, nu, aux, sets):
        x, _ = self.scaled_by(nu, aux, sets)
        return _Weights(y, x, sets).log_density()

    @quiet
    def kernel_score(self, y, nu, aux, sets):
        x, k = self.scaled_by(nu, aux, sets)
        weights = _Weights(y, x, sets)
        score = weights.score(y, sets)
        if self.scaled:
            score *= sets.spread(k)
        return weights.log_density(), score

    @quiet
    def local(self, y, nu, aux, sets):
        x, k = self.scaled_by(nu, aux, sets)
        return ChoiceDerivatives(_Weights(y, x, sets), y, x, k, sets)

    @quiet
    def aux_score(self, y, nu, aux, sets):
        if not self.scaled:
            return super().aux_score(y, nu, aux, sets)
        x, _ = self.scaled_by(nu, aux, sets)
        return _Weights(y, x, sets).mean_distance(sets)[None]

    @quiet
    def aux_curvature(self, y, nu, aux, sets):
        if not self.scaled:
            return super().aux_curvature(y, nu, aux, sets)
        local = self.local(y, nu, aux, sets)
        return -(local.weights.mean_distance(sets) + local.covariance(local.cx, local.cx))[None, None]

    def _utilities(self, nu, aux, y, sets):
        """x from the auxiliary predictors (m, n)."""
        phi = self.row_aux(y, aux, sets) if self.scaled else None
        return self.scaled_by(nu, phi, sets)[0]

    @quiet
    def mean(self, nu, aux=None, y=None, sets=None):
        x = self._utilities(nu, aux, y, sets)
        e = np.exp(x - sets.spread(set_max(x, sets)))
        return e / sets.spread(sets.sum(e))

    def variance(self, nu, aux=None, y=None, sets=None):
        """Variance of a row's 0/1 response (..., n)."""
        p = self.mean(nu, aux, y, sets)
        return p * (1 - p)

    def simulate(self, rng, nu, aux=None, y=None, sets=None):
        noisy = self._utilities(nu, aux, y, sets) + rng.gumbel(size=np.shape(nu))
        return (noisy == sets.spread(set_max(noisy, sets))).astype(np.float64)

    def describe_constant(self, y):
        return "every set has one row, so that nothing is chosen" if y[0].all() else None


class _Weights:
    """z = x - max of the set and e^z; those of the rows not chosen, and their sums."""

    def __init__(self, y, x, sets):
        self.z = x - sets.spread(set_max(x, sets))
        self.e = np.exp(self.z)
        self.others = self.e * (1 - y[0])
        self.sum_others = sets.sum(self.others)
        self.chosen = sets.sum(y[0] * self.z)  # not above zero
        self.total = self.sum_others + np.exp(self.chosen)

    def log_density(self):
        """(..., S): log of the chosen row's share of the total."""
        return self.chosen - np.log1p(self.sum_others + np.expm1(self.chosen))

    def probabilities(self, sets):
        """(..., n)."""
        return self.e / sets.spread(self.total)

    def score(self, y, sets):
        """y - p (..., n): at the chosen row the sum of the other probabilities."""
        score = sets.spread(self.sum_others / self.total)
        score = score * y[0]
        score -= self.others * sets.spread(1 / self.total)
        return score

    def mean_distance(self, sets):
        """sum p d (..., S)."""
        return sets.sum(self.others * (self.z - sets.spread(self.chosen))) / self.total


class ChoiceDerivatives(LocalDerivatives):
    """The formulas at the top of the file."""

    def __init__(self, weights, y, x, k, sets):
        self.sets, self.weights, self.k = sets, weights, k
        self.scaled = np.ndim(k) > 0
        self.p = weights.probabilities(sets)
        top = weights.e == 1
        self.top = top / sets.spread(sets.sum(top.astype(np.float64)))
        self.g = weights.score(y, sets)
        self.first = self._times_k(self.g, 1)
        self.cx = self.centred(x) if self.scaled else None

    def _times_k(self, value, power):
        return value * self.sets.spread(self.k**power) if self.scaled else value

    def centred(self, v):
        """c(v)."""
        v = v - self.sets.spread(self.sets.sum(self.top * v))
        return v - self.sets.spread(self.sets.sum(self.p * v))

    def covariance(self, cu, cv):
        """sum p c(u) c(v) (..., S)."""
        return self.sets.sum(self.p * cu * cv)

    @quiet
    def second(self, v):
        return self._times_k(-self.p * self.centred(v), 2)

    @quiet
    def third(self, u, v):
        product = self.centred(u) * self.centred(v)
        product = product - self.sets.spread(self.sets.sum(self.p * product))
        return self._times_k(-self.p * product, 3)

    @quiet
    def aux_first(self, v):
        if not self.scaled:
            return np.zeros((0,) + np.shape(self.covariance(v, v)))
        value = self.sets.sum(self.g * v) - self.covariance(self.cx, self.centred(v))
        return (-self.k * value)[None]

    @quiet
    def aux_second(self, u, v):
        if not self.scaled:
            return np.zeros((0,) + np.shape(self.covariance(u, v)))
        product = self.p * self.centred(u) * self.centred(v)
        return (self.k**2 * self.sets.sum(product * (2 + self.cx)))[None]
