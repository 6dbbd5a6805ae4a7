"""Which families lie within which others, and whether on their boundary.

A smaller family is a larger one with a parameter at a value: inside what is possible, or at its
edge, which is then said in words, "alpha at zero".  Families with the same name differ in their
formulas only.
"""
from __future__ import annotations

from dataclasses import replace

from statsmodels_gllamm.families.base import Elementwise, Family
from statsmodels_gllamm.families.binomial import BinomialFamily
from statsmodels_gllamm.families.composite import Composite
from statsmodels_gllamm.families.continuous import Censored
from statsmodels_gllamm.families.irt import IRT3PL
from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.families.zero import Hurdle, ZeroInflated
from statsmodels_gllamm.responses.truncated import ZeroTruncated

NESTINGS = {  # {larger: {smaller: what of the larger is at its edge}}, with the same link
    "NegativeBinomial": {"Poisson": "alpha at zero"},
    "GeneralizedPoisson2": {"Poisson": "alpha at zero"},
    "NegativeBinomial1": {"Poisson": "alpha at zero"},
    "GeneralizedPoisson": {"Poisson": "alpha at zero"},
    "BetaBinomial": {"Binomial": "the precision at infinity"},
    "IRT3PL": {"Binomial": "guessing at zero"},
    "IRT4PL": {"Binomial": "guessing and slipping at zero", "IRT3PL": "slipping at zero"},
    "Weibull": {"Exponential": ""},
}
UNLINKED = {  # {(smaller, larger)}: names with their links, or families without
    ("Gaussian(identity)", "StudentT"): "the degrees of freedom at infinity",
    ("Exponential(time)", "Gamma(log)"): "",
}
ZERO = "the probability of the zero part at zero"


def edges(small: Family, large: Family) -> tuple[str, ...] | None:
    """What a larger family has at its edges where it is a smaller one.

    Returns
    -------
    tuple of str
        Empty where the smaller family lies inside the larger one, or they are the same.
    None
        The smaller family is not within the larger one.
    """
    if isinstance(large, MixedFamily) and isinstance(small, MixedFamily):
        return _of_members(small, large)
    if small.name == large.name:
        return ()
    if isinstance(large, ZeroInflated) and not isinstance(small, ZeroInflated):
        inside = edges(small, Elementwise(large.family))
        return None if inside is None else (*inside, ZERO)
    if isinstance(large, (ZeroInflated, Hurdle, Composite)):
        same = type(small) is type(large) and getattr(small, "link", 0) == getattr(large, "link", 0)
        return edges(Elementwise(small.family), Elementwise(large.family)) if same else None
    if isinstance(large, Censored):
        same = isinstance(small, Censored) and replace(small, family=large.family) == large
        return edges(Elementwise(small.family), Elementwise(large.family)) if same else None
    responses = [family.response for family in (small, large)
                 if isinstance(family, (Elementwise, BinomialFamily, IRT3PL))]
    return _of_responses(*responses) if len(responses) == 2 else None


def _of_members(small: MixedFamily, large: MixedFamily) -> tuple[str, ...] | None:
    """The same of families by label."""
    few, many = dict(small.members), dict(large.members)
    if few.keys() != many.keys():
        return None
    found = [edges(few[label], many[label]) for label in many]
    return None if None in found else tuple(what for one in found for what in one)


def _of_responses(small, large) -> tuple[str, ...] | None:
    """The same of responses of one linear predictor."""
    if isinstance(large, ZeroTruncated) and isinstance(small, ZeroTruncated):
        small, large = small.inner, large.inner
    if large.name == "StudentT" and small.name.startswith("StudentT(df="):
        return ()
    what = UNLINKED.get((small.name, large.name))
    if what is None:
        (few, _, link), (many, _, other) = (r.name.partition("(") for r in (small, large))
        what = NESTINGS.get(many, {}).get(few) if link == other else None
    if what is None:
        return None
    return (f"{what} ({large.name})",) if what else ()
