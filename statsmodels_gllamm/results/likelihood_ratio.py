r"""The likelihood-ratio test, with the mixture of chi-squared distributions of variances at zero.

The statistic of a model within a larger one is :math:`2(\ell_1 - \ell_0)`.  If the smaller model
lies inside the larger one, it is chi-squared with as many degrees of freedom as parameters differ, r.
If d of them are at an edge besides, as variances are at zero, it is the squared length of a normal
vector projected onto a cone (chi_bar.py), and has r degrees of freedom more,

.. math:: P(LR \ge t) = \sum_{i=0}^{d} w_i P(\chi^2_{r+i} \ge t)

Where the weights cannot be found, those of half a space are an upper bound for the p-value,
:math:`w_{d-1} = w_d = 1/2`.

References
----------
Self, S. G. and Liang, K.-Y. (1987). Asymptotic properties of maximum likelihood estimators and
likelihood ratio tests under nonstandard conditions. JASA 82, 605-610.
Stram, D. O. and Lee, J. W. (1994). Variance components testing in the longitudinal mixed effects
model. Biometrics 50, 1171-1177.
"""
from __future__ import annotations

import math
import textwrap
from typing import NamedTuple
import warnings

import numpy as np
import pandas as pd
from scipy import stats

from statsmodels_gllamm.exceptions import BoundaryWarning, PrecisionWarning
from statsmodels_gllamm.results.at_zero import Edge, edge_of, total
from statsmodels_gllamm.results.chi_bar import ChiBar, chi_bar, half_space
from statsmodels_gllamm.results.edge_information import covariance_at_edge
from statsmodels_gllamm.results.likelihoods import refuse_incomparable
from statsmodels_gllamm.results.nesting import edges

NEGATIVE = 1e-6  # a likelihood ratio below minus this is a sign of trouble, one below it is zero
DRAWS = 10_000
WIDTH = 88  # of what is printed


class _Test(NamedTuple):
    statistic: float
    pvalue: float
    df: int


class LRTestResult(_Test):
    """Likelihood-ratio test: a tuple of ``statistic``, ``pvalue`` and ``df``.

    Attributes
    ----------
    statistic : float
    pvalue : float
    df : int
        Parameters that the smaller model has less.
    weights : Series
        Weights of the chi-squared distributions whose mixture the statistic has, by degrees of
        freedom.
    pvalue_naive : float
        By the chi-squared distribution with ``df`` degrees of freedom.
    boundary : tuple of str
        What the smaller model has at its edge.
    error : float
        Monte Carlo standard error of ``pvalue``; zero where the weights are not drawn.
    draws : int
        Their number.
    """

    def __new__(cls, statistic, pvalue, df, weights=None, boundary=(), error=0.0, draws=0):
        self = super().__new__(cls, statistic, pvalue, df)
        self.weights = pd.Series([1.0], index=[df]) if weights is None else weights
        self.pvalue_naive = float(stats.chi2.sf(max(statistic, 0.0), df))
        self.boundary, self.error, self.draws = boundary, error, draws
        return self

    def __repr__(self) -> str:
        return (f"LRTestResult(statistic={self.statistic:.3f}, pvalue={self.pvalue:.4g}, "
                f"df={self.df})")

    def __str__(self) -> str:
        if not self.boundary:
            return repr(self)
        mixture = " + ".join(f"{w:.3g}\xa0chi2({df})" for df, w in self.weights.items())
        drawn = f", {self.draws} draws, standard error {self.error:.1g}" if self.draws else ""
        lines = (f"{' and '.join(self.boundary)}: {mixture}{drawn};",
                 f"chi2({self.df}) alone has p = {self.pvalue_naive:.4g}")
        wrapped = [textwrap.fill(line, WIDTH, initial_indent="    ", subsequent_indent="        ")
                   for line in lines]
        return "\n".join([repr(self), *wrapped]).replace("\xa0", " ")


def likelihood_ratio(results, other, rng=0, draws=DRAWS, stacklevel: int = 2) -> LRTestResult:
    """Likelihood-ratio test of two nested models; either may be the larger one.

    Parameters
    ----------
    results, other : GLLAMMResults
    rng : int or Generator
    draws : int
    stacklevel : int
        Of the warnings.

    Returns
    -------
    LRTestResult

    Raises
    ------
    TypeError, ValueError
        Other data, another response, or as many parameters.
    """
    other = getattr(other, "_results", other)
    if not hasattr(other, "fingerprint"):
        raise TypeError(f"lr_test compares two GLLAMM results, not {type(other).__name__}; a model "
                        "without bar terms can be fitted with GLLAMM too.")
    refuse_incomparable(results, other, "lr_test()")
    if differ_in_classes(results, other):
        raise ValueError("the likelihood ratio of models with different numbers of latent classes is "
                         "not chi-squared: use bootstrap_lrt() of the larger model, or compare them "
                         "by aic or bic, as compare() does")
    large, small = sorted((results, other), key=lambda r: -r.df_modelwc)
    limits = edges(small.model.fitted_family, large.model.fitted_family)
    if limits is None:
        names = [r.model.fitted_family.name for r in (results, other)]
        raise ValueError(f"the two models have different responses, {names[0]} and {names[1]}: "
                         "neither is within the other.")
    if large.df_modelwc == small.df_modelwc:
        raise ValueError(f"both models have {large.df_modelwc} parameters: neither is within the "
                         "other; compare their aic or bic.")
    return ratio(large, small, limits, rng, draws, stacklevel + 1)


def ratio(large, small, limits, rng=0, draws=DRAWS, stacklevel: int = 2) -> LRTestResult:
    """The test of a smaller model within a larger one, whose family has ``limits`` at its edge."""
    df = large.df_modelwc - small.df_modelwc
    statistic = 2 * (large.llf - small.llf)
    edge = edge_of(large, small, limits)
    mixture, doubt = _mixture(large, small, edge, df, rng, draws)
    for text, category in (*doubt, *doubts(large, small, statistic)):
        warnings.warn(text, category, stacklevel=stacklevel + 1)
    weights = pd.Series(mixture.weights, index=mixture.df, name="weight")
    weights.index.name = "df"
    at = statistic if statistic > NEGATIVE else 0.0  # the maxima are known to no more than that
    return LRTestResult(statistic, mixture.sf(at), df, weights, edge.what, mixture.error(at),
                        mixture.draws)


def differ_in_classes(*several) -> bool:
    """Whether results are of models with different numbers of latent classes."""
    return len({math.prod(classes.n for classes in results.model.structure.classes)
                for results in several}) > 1


def _mixture(large, small, edge: Edge, df, rng, draws) -> tuple[ChiBar, list]:
    """The distribution of the statistic, and what to warn of."""
    plain, d = ChiBar(np.ones(1), np.array([df])), total(edge)
    what = f"the smaller model has {' and '.join(edge.what)}, on the boundary of the larger one"
    if edge.unknown:
        return plain, [((what if edge.what else "the models are not nested in the usual way")
                        + f", and {edge.unknown}: the distribution of the statistic is not known, "
                        "and chi-squared only in appearance; draw it by fitting both models to "
                        "responses that the smaller one simulates", BoundaryWarning)]
    if not edge.what:
        return plain, []
    if not 0 < d <= df:
        return half_space(df), [(f"{what}: the p-value is an upper bound", BoundaryWarning)]
    v = None
    if d > 1:
        v = covariance_at_edge(large, small, edge)
        if v is None:
            return half_space(df), [(f"{what}; the weights of its chi-squared distributions cannot "
                                     "be found, so that the p-value is an upper bound, that of half "
                                     "a space", BoundaryWarning)]
    return chi_bar(v, edge.orders, rng, draws).plus(df - d), []


def doubts(large, small, statistic):
    """(text, category) of what to know before the statistic is believed."""
    kinds = {r.integration for r in (large, small)} - {"exact"}
    if len(kinds) > 1:
        yield (f"the log-likelihoods are of different kinds ({' and '.join(sorted(kinds))}); fit "
               "both with the same integration", PrecisionWarning)
    error = sum(abs(r.certificate.error_loglik) for r in (large, small))
    if not error <= max(0.1, 0.1 * abs(statistic)):
        yield (f"the quadrature errors of the two log-likelihoods add up to {error:.2g}, too much "
               f"for a statistic of {statistic:.3g}; raise n_quad", PrecisionWarning)
    if statistic < -NEGATIVE:
        yield (f"the larger model has the smaller log-likelihood ({large.llf:.6g} < {small.llf:.6g}"
               "): it is not at its maximum, or the models are not nested", PrecisionWarning)
