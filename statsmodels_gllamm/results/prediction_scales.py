r"""Scales on which intervals of predictions are symmetric.

.. math:: h(g^*(\hat m) \pm z_{1-\alpha/2}\, |g^{*\prime}(\hat m)|\, \mathrm{se}(\hat m)),
          \qquad h = g^{*-1}

with :math:`g^*` a function from the range of what is predicted onto all real numbers: the link of the
response where it is such a function of its mean, so that intervals are those of a generalized linear
model in statsmodels ("endpoint transformation"); else the logarithm of means above zero and of
variances, and the logit of probabilities and of the place of a mean between its limits.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from statsmodels.genmod.families import links

from statsmodels_gllamm.families.choice import Choice, Ranking
from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.families.moments import category_values
from statsmodels_gllamm.responses.binomial import Binomial
from statsmodels_gllamm.responses.custom import Custom
from statsmodels_gllamm.responses.gaussian import GaussianBase
from statsmodels_gllamm.responses.irt import IRT
from statsmodels_gllamm.responses.location_scale import GaussianIdentity
from statsmodels_gllamm.responses.proportion import BetaMixture
from statsmodels_gllamm.responses.student import StudentT

ONTO = {"probit": links.Probit, "cloglog": links.CLogLog, "loglog": links.LogLog,
        "cauchy": links.Cauchy}


@dataclass(frozen=True, slots=True)
class Scale:
    """A link of what lies between two limits; ``name`` says it in words."""

    name: str
    link: object
    lower: float = 0.0
    upper: float = 1.0

    def interval(self, value: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper limits (...,) from values and half-widths on their own scale; symmetric
        ones where the value lies at the end of its range."""
        width = self.upper - self.lower
        with np.errstate(all="ignore"):
            p = (value - self.lower) / width
            at, reach = self.link(p), np.abs(self.link.deriv(p)) * half / width
            limits = [self.lower + width * self.link.inverse(at + sign * reach) for sign in (-1, 1)]
        inside = (value > self.lower) & np.isfinite(at) & np.isfinite(reach)
        return tuple(np.where(inside, limit, value + sign * half)
                     for sign, limit in zip((-1, 1), limits))


class Identity:
    """No other scale."""

    name = "identity"

    def interval(self, value, half):
        """As of `Scale`."""
        return value - half, value + half


IDENTITY, LOG, LOGIT = Identity(), Scale("log", links.Log()), Scale("logit", links.Logit())


def mean_scale(response):
    """The scale of means of a response."""
    if response.categories is not None:
        values = category_values(response)
        return Scale(f"logit between {values.min():g} and {values.max():g}", links.Logit(),
                     values.min(), values.max())
    inner = getattr(response, "inner", None)
    if inner is not None and not hasattr(response, "link"):
        return mean_scale(inner)
    if isinstance(response, Binomial):
        name = response.link.name
        return Scale(name, ONTO[name]()) if name in ONTO else LOGIT
    if isinstance(response, BetaMixture | IRT):
        return LOGIT
    if isinstance(response, GaussianBase):
        return LOG if response.name == "Gaussian(log)" else IDENTITY
    if isinstance(response, GaussianIdentity | StudentT | Custom):
        return IDENTITY
    return LOG


def scales_of(model, what: str, data, kept: np.ndarray) -> list[tuple[np.ndarray, object]]:
    """Pairs of the user's rows (positions) and their scale.

    Parameters
    ----------
    model : GLLAMMModel
    what : {"mean", "var", "prob", "cumulative", "linear"}
    data : FamilyData or None
    kept : ndarray of bool (m,)
    """
    rows = np.flatnonzero(kept)
    if what == "linear":
        return [(rows, IDENTITY)]
    if what in ("prob", "cumulative"):
        return [(rows, LOGIT)]
    if what == "var":
        return [(rows, LOG)]
    family = model.fitted_family
    if isinstance(family, MixedFamily):
        return [(rows[own], _of_family(member, part)) for _, member, own, part in
                family.parts_of(data) if len(own)]
    return [(rows, _of_family(family, data))]


def _of_family(family, data):
    """The scale of means of a family."""
    if isinstance(family, Choice | Ranking):
        return LOGIT
    inner = getattr(family, "family", None)  # of a composite link, a hurdle and the like
    return mean_scale(family.outcomes(data).members[0].response if inner is None else inner)
