"""Families with a zero part: zero inflation and hurdles."""
from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import (
    Elementwise,
    Family,
    FamilyData,
    Member,
    Outcomes,
    Predictor,
    aux_blocks,
    called,
    row_statistics,
)
from statsmodels_gllamm.families.binomial import BinomialFamily
from statsmodels_gllamm.families.moments import (
    response_labels,
    response_moments,
    zero_moments,
    zero_place,
)
from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial
from statsmodels_gllamm.responses.logit import BinomialLogit
from statsmodels_gllamm.responses.registry import as_response
from statsmodels_gllamm.responses.truncated import ZeroTruncated
from statsmodels_gllamm.responses.zero_inflated import ZERO_LINKS
from statsmodels_gllamm.responses.zero_inflated import ZeroInflated as Inflation
from statsmodels_gllamm.spec import Needs

PREDICTORS = (Predictor("exog"), Predictor("zero", "zero"))


def inner_response(family, what: str) -> Response:
    """The response of a family of one linear predictor; TypeError for any other family."""
    family = called(family)
    if isinstance(family, (Elementwise, BinomialFamily)):
        return family.response
    if isinstance(family, Family):
        raise TypeError(f"{what} takes a family of one linear predictor per row, not {family.name}.")
    return as_response(family)


@dataclass(frozen=True)
class _ZeroPart(Family):
    """A family with a second linear predictor, of the probability of a zero."""

    family: object
    zero: str = "1"
    _: KW_ONLY
    link: str = "logit"
    correlated: bool = False
    instead: ClassVar[str] = "fit it in a model of its own, or without a zero part"

    def __post_init__(self) -> None:
        what = type(self).__name__
        object.__setattr__(self, "family", inner_response(self.family, what))
        if not isinstance(self.zero, str):
            raise TypeError(f"{what}(zero=...) is a formula without left side, such as '1 + x', "
                            f"not {self.zero!r}.")
        if self.link not in self._links():
            raise ValueError(f"{what}(link=...) is one of {', '.join(self._links())}, "
                             f"not {self.link!r}.")

    def _links(self) -> tuple[str, ...]:
        return tuple(BINOMIAL_LINKS)

    @property
    def name(self) -> str:
        return f"{type(self).__name__}({self.family.name}, {self.link})"

    def needs(self, dispersion=None, thresholds=None) -> Needs:
        inner = Elementwise(self.family).needs(dispersion, thresholds)
        formulas = {**inner.formulas, "zero": self.zero.strip().removeprefix("~")}
        return replace(inner, formulas=formulas, latent=inner.latent | {"zero"})

    def fitted(self, data: FamilyData) -> Family:
        zero = _zeros(self.family, data)
        if not zero.any():
            raise DataError(f"{self.name} response is never 0, so that it has no zero part: use "
                            f"{self.family.name} alone.")
        if zero.all():
            raise DataError(f"{self.name} response is 0 in all rows: there is nothing to model.")
        return self

    def title(self, predictor: Predictor) -> str:
        return "Coefficients" if predictor.label is None else "Zero part"

    @property
    def positive(self) -> Response:
        """The response where it is not zero by the zero part."""
        return self.family

    def zero_link(self) -> Binomial:
        return Binomial(BINOMIAL_LINKS[self.link])

    def prob_labels(self, data: FamilyData, values=None) -> tuple | None:
        return response_labels(self.positive, data, values)

    def moments(self, kind, aux, data, values=None):
        response = self.positive
        y = row_statistics(response, data)
        inner = response_moments(response, y, kind, aux, data, values)
        mean = response_moments(response, y, "mean", aux, data) if kind == "var" else None
        labels = self.prob_labels(data, values) if kind == "prob" else None
        place = zero_place(kind, labels, values)
        return zero_moments(kind, inner, self.zero_link().mean, mean, place)

    def simulate(self, rng, nu, aux, data):
        response = self.positive
        value = response.simulate(rng, nu[0], aux, row_statistics(response, data))
        return np.where(rng.random(data.n) < self.zero_link().mean(nu[1]), 0.0, value)

    def _two_outcomes(self, data: FamilyData, response: Response) -> Outcomes:
        """Whether the response is zero on all rows, and what it is on the others."""
        n = data.n
        if data.endog is None:
            rows, zero, some = np.arange(n), np.zeros(n), data
        else:
            zero = _zeros(self.family, data)
            rows = np.flatnonzero(~zero)
            some = data.on(rows)
        logit = self.link == "logit"
        binary = BinomialLogit() if logit else Binomial(BINOMIAL_LINKS[self.link])
        y = row_statistics(response, some) if len(rows) else response.blank(0)
        return Outcomes(
            (Member(response, y), Member(binary, np.asarray(zero, dtype=np.float64)[None])),
            rows=np.concatenate([rows, np.arange(n)]),
            part=np.repeat([0, 1], [len(rows), n]),
            predictors=PREDICTORS, aux=aux_blocks(response, data))


def _zeros(response: Response, data: FamilyData) -> np.ndarray:
    """Which responses (n,) are zero."""
    if response.mass_at_zero:
        return row_statistics(response, data)[0] == 0
    try:
        return np.asarray(data.endog, dtype=np.float64).reshape(data.n) == 0
    except (TypeError, ValueError):
        raise DataError(f"{response.name} response must be one column of numbers.") from None


@dataclass(frozen=True)
class ZeroInflated(_ZeroPart):
    r"""Zero inflation: a zero with probability pi, otherwise a response of another family.

    Parameters
    ----------
    family : statsmodels family, or one of ``families``
        What the response is otherwise: counts, or a continuous response such as Beta, LogNormal
        or Gamma.
    zero : str
        The zero part: a formula without left side for the linear predictor of pi; bars allowed.
    link : {"logit", "probit"}
        Of the zero part; of a continuous response any link of a binomial response.
    correlated : bool
        Whether latent variables of the zero part and of the main part of the same group are
        correlated.

    Notes
    -----
    .. math::

        P(y = 0) = \pi + (1 - \pi) f(0), \qquad P(y) = (1 - \pi) f(y), \quad y > 0

    with f the family's density, which has the formula's linear predictor. A continuous response is
    zero with probability pi only, f(0) being 0; then this is the same as `Hurdle`. Coefficients of
    the zero part are ``zero[x]``, its latent variables ``zero:Intercept[id]``; both are about the
    probability of a zero, not of a count. An offset belongs to the main part.

    References
    ----------
    Lambert, D. (1992). Zero-inflated Poisson regression, with an application to defects in
    manufacturing. *Technometrics* 34, 1-14.

    Hall, D. B. (2000). Zero-inflated Poisson and binomial regression with random effects: a case
    study. *Biometrics* 56, 1030-1039.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import families
    >>> families.ZeroInflated(sm.families.Poisson(), "x + (1 | id)").name
    'ZeroInflated(Poisson(log), logit)'
    """

    def _links(self) -> tuple[str, ...]:
        return ZERO_LINKS if self.family.mass_at_zero else super()._links()

    def outcomes(self, data: FamilyData) -> Outcomes:
        if not self.family.mass_at_zero:
            return self._two_outcomes(data, self.family)
        response = Inflation(self.family, BINOMIAL_LINKS[self.link])
        rows = np.tile(np.arange(data.n), 2)
        return Outcomes(
            (Member(response, np.tile(row_statistics(self.family, data), 2)),),
            rows=rows, part=np.repeat([0, 1], data.n), sets=rows, predictors=PREDICTORS,
            aux=aux_blocks(response, data))


@dataclass(frozen=True)
class Hurdle(_ZeroPart):
    r"""Hurdle model: whether the response is zero, and what it is if not.

    Parameters
    ----------
    family : statsmodels family, or one of ``families``
        What the response is if it is not zero: counts, then truncated at zero, or a continuous
        response such as Beta, LogNormal or Gamma.
    zero : str
        The zero part: a formula without left side for the linear predictor of the probability
        that the response is zero; bars allowed.
    link : str
        Of the zero part: "logit" or another link of a binomial response.
    correlated : bool
        Whether latent variables of the zero part and of the main part of the same group are
        correlated.

    Notes
    -----
    .. math::

        P(y = 0) = \pi, \qquad P(y) = (1 - \pi) \frac{f(y)}{1 - f(0)}, \quad y > 0

    with f the family's density, which has the formula's linear predictor (for a continuous
    response f(0) is 0). The zero part is about the probability of a *zero*, where some programs
    model that of crossing the hurdle: their coefficients have the other sign. Coefficients of the
    zero part are ``zero[x]``, its latent variables ``zero:Intercept[id]``. An offset belongs to the
    main part. Without correlated latent variables the two parts can be fitted one by one.

    References
    ----------
    Mullahy, J. (1986). Specification and testing of some modified count data models. *Journal of
    Econometrics* 33, 341-365.

    Min, Y. and Agresti, A. (2005). Random effect models for repeated measures of zero-inflated
    count data. *Statistical Modelling* 5, 1-19.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import families
    >>> families.Hurdle(sm.families.Gamma(sm.families.links.Log()), "1 + x").name
    'Hurdle(Gamma(log), logit)'
    """

    instead: ClassVar[str] = ("make two labels of it, whether the response is zero in a row of its "
                              "own, binomial, and the response where it is not zero, of counts "
                              "Truncated")

    def outcomes(self, data: FamilyData) -> Outcomes:
        return self._two_outcomes(data, self.positive)

    @property
    def positive(self) -> Response:
        """The response that is not zero."""
        if not self.family.mass_at_zero:
            return self.family
        return ZeroTruncated(self.family)
