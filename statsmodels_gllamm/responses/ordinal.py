r"""Ordinal responses: what cumulative, adjacent and continuation-ratio models have in common.

Row statistics: the response value, its category's code 0..K-1, and the lowest and the highest code
that the row may have, since items may have different numbers of categories; where codes in between
are impossible too, K more rows that are one for the possible codes.  The value is the category's
label where all labels are numbers that increase, else its code, and so are simulated responses;
means and variances are of labels that are numbers in any order.

Links are the inverses F of ordinal::clm, threshold minus nu being their argument:

    logit      1 / (1 + e^-x)       probit     Phi(x)          cauchit    1/2 + arctan(x)/pi
    cloglog    1 - exp(-e^x)        loglog     exp(-e^-x)
"""
from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy.special import ndtri

from statsmodels_gllamm.responses.base import Response, quiet
from statsmodels_gllamm.responses.interval import INTERVALS, Interval
from statsmodels_gllamm.responses.validation import as_numbers, no_trials, refuse

LINKS = {"logit": "logistic", "probit": "normal", "cloglog": "gumbel_min", "loglog": "gumbel_max",
         "cauchit": "cauchy"}
QUANTILES = {
    "logit": lambda p: np.log(p) - np.log1p(-p), "probit": ndtri,
    "cloglog": lambda p: np.log(-np.log1p(-p)), "loglog": lambda p: -np.log(-np.log(p)),
    "cauchit": lambda p: np.tan(np.pi * (p - 0.5))}
CODE, LOW, HIGH, POSSIBLE = 1, 2, 3, 4  # rows of the statistics


@dataclass(frozen=True)
class OrdinalResponse(Response):
    """Base class of the three kinds.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog", "loglog", "cauchit"}
    categories : tuple
        Labels in their order.
    scaled : bool
        A log scale divides thresholds and nu.
    """

    link: str
    categories: tuple
    scaled: bool = False

    @property
    def takes_constant(self) -> bool:
        """Thresholds take the place of the constant, where they are linear in their parameters."""
        return self.linear_aux

    @property
    def interval(self) -> Interval:
        """The distribution F."""
        return INTERVALS[LINKS[self.link]]

    @property
    def log_concave(self) -> bool:
        return self.interval.log_concave

    @property
    def n_cuts(self) -> int:
        """Thresholds, K - 1."""
        return len(self.categories) - 1

    @property
    def aux_names(self):
        cuts = tuple(f"cut{k + 1}" for k in range(self.n_cuts))
        return cuts + ("logscale",) * self.scaled

    @property
    def aux_designs(self):
        return {name: "dispersion" if name == "logscale" else "thresholds"
                for name in self.aux_names}

    @property
    def values(self) -> np.ndarray:
        """Response values of the categories (K,)."""
        if all(isinstance(label, Real) for label in self.categories):
            values = np.array(self.categories, dtype=np.float64)
            if np.all(np.diff(values) > 0):
                return values
        return np.arange(len(self.categories), dtype=np.float64)

    @property
    def scores(self) -> np.ndarray:
        """Labels (K,) where all are numbers, in whatever order, else codes."""
        if all(isinstance(label, Real) for label in self.categories):
            return np.array(self.categories, dtype=np.float64)
        return self.values

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        no_trials(n_trials, self.name)
        endog, index = as_numbers(endog, self.name, index)
        values = self.values
        code = np.minimum(np.searchsorted(values, endog), len(values) - 1)
        known = ", ".join(f"{value:g}" for value in values)
        refuse(values[code] != endog, endog, index, self.name, f"the categories are {known}")
        y = self._statistics(code, columns)
        possible = possible_codes(y, len(values))
        refuse(~np.take_along_axis(possible, code[None], axis=0)[0], endog, index, self.name,
               "the estimation sample has no such category where the row's columns of the "
               "thresholds formula are not zero; leave the row out")
        return y

    def blank(self, n, n_trials=None, columns=None):
        low = np.broadcast_to((columns or {}).get("low", 0), n)
        return self._statistics(low.astype(np.intp), columns)

    def _statistics(self, code, columns):
        """y from codes, and ``low``, ``high`` (n,), ``possible`` (K, n) of the columns, if any."""
        columns = columns or {}
        n = len(code)
        low = np.broadcast_to(columns.get("low", 0), n)
        high = np.broadcast_to(columns.get("high", len(self.categories) - 1), n)
        return np.vstack([self.values[code], code, low, high,
                          columns.get("possible", np.empty((0, n)))])

    def constant(self, y, aux=None):
        return np.zeros(y.shape[1])

    def _codes(self, y, n):
        """Code, lowest and highest code (n,) as integers; all codes are possible without y."""
        if y is None:
            zeros = np.zeros(n, dtype=np.intp)
            return zeros, zeros, zeros + self.n_cuts
        return tuple(y[k].astype(np.intp) for k in (CODE, LOW, HIGH))

    def _possible(self, y, n):
        """Mask (K, n) of the codes that rows may have."""
        if y is None:
            return np.ones((len(self.categories), n), dtype=bool)
        return possible_codes(y, len(self.categories))

    @abstractmethod
    def probabilities(self, nu, aux=None, y=None):
        """Probabilities of the categories (K, ..., n)."""

    def mean(self, nu, aux=None, y=None):
        return np.tensordot(self.scores, self.probabilities(nu, aux, y), axes=1)

    def variance(self, nu, aux=None, y=None):
        p = self.probabilities(nu, aux, y)
        mean = np.tensordot(self.scores, p, axes=1)
        return sum(q * (value - mean)**2 for value, q in zip(self.scores, p))

    def simulate(self, rng, nu, aux=None, y=None):
        upto = np.cumsum(self.probabilities(nu, aux, y), axis=0)
        return self.values[(upto <= rng.random(np.shape(nu)) * upto[-1]).sum(axis=0)]

    def describe_constant(self, y):
        code = y[CODE]
        if np.ptp(code) > 0:
            return None
        label = self.categories[int(code[0])]
        return f"every response is {label:g}" if isinstance(label, Real) else (
            f"every response is {label!r}")

    @quiet
    def _quantiles(self, shares):
        """F^-1."""
        return QUANTILES[self.link](np.asarray(shares))

    def _shares(self, y, below, among):
        """For every cut k, the share of rows with below(code, k) among those with among(code, k)
        that have the cut; half a row more in each part, so that it is never zero or one."""
        code, low, high = self._codes(y, y.shape[1])
        shares = []
        for k in range(self.n_cuts):
            rows = code[(low <= k) & (k < high)]
            rows = rows[among(rows, k)]
            shares.append((below(rows, k).sum() + 0.5) / (len(rows) + 1))
        return np.array(shares)


def possible_codes(y, n_categories: int) -> np.ndarray:
    """Mask (K, n) of the codes that rows may have, from the row statistics."""
    code = np.arange(n_categories)[:, None]
    possible = (code >= y[LOW]) & (code <= y[HIGH])
    return possible & (y[POSSIBLE:] > 0) if len(y) > POSSIBLE else possible
