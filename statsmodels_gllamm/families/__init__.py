"""Families beyond those of statsmodels, for the ``family`` argument.

statsmodels' own families, with their links, are used as they are: ``sm.families.Binomial()``.
"""
from __future__ import annotations

from statsmodels_gllamm.families.choice import Choice, Ranking
from statsmodels_gllamm.families.composite import Composite
from statsmodels_gllamm.families.continuous import Censored, StudentT
from statsmodels_gllamm.families.counts import GeneralizedPoisson, NegativeBinomial, Truncated
from statsmodels_gllamm.families.custom import Custom
from statsmodels_gllamm.families.durations import Exponential, LogLogistic, LogNormal, Weibull
from statsmodels_gllamm.families.irt import IRT3PL, IRT4PL
from statsmodels_gllamm.families.nominal import Nominal
from statsmodels_gllamm.families.ordinal import Ordinal
from statsmodels_gllamm.families.proportions import Beta, BetaBinomial
from statsmodels_gllamm.families.zero import Hurdle, ZeroInflated

__all__ = [
    "Beta",
    "BetaBinomial",
    "Censored",
    "Choice",
    "Composite",
    "Custom",
    "Exponential",
    "GeneralizedPoisson",
    "Hurdle",
    "IRT3PL",
    "IRT4PL",
    "LogLogistic",
    "LogNormal",
    "NegativeBinomial",
    "Nominal",
    "Ordinal",
    "Ranking",
    "StudentT",
    "Truncated",
    "Weibull",
    "ZeroInflated",
]
