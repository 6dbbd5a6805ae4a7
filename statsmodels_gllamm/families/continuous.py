"""Families of continuous responses: heavy tails, and responses known by their limits only."""
from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real

import numpy as np

from statsmodels_gllamm.families.base import Elementwise, Family, called
from statsmodels_gllamm.responses import student
from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.censored import CensoredResponse
from statsmodels_gllamm.responses.gaussian import Gaussian
from statsmodels_gllamm.responses.location_scale import GaussianIdentity, LocationScale
from statsmodels_gllamm.responses.registry import as_response

__all__ = ["Censored", "StudentT"]


def StudentT(df: float | None = None) -> Response:
    r"""Student t response: a Gaussian with heavier tails, for data with outliers.

    Parameters
    ----------
    df : float, optional
        The degrees of freedom: a positive number fixes them, None (default) estimates them.

    Returns
    -------
    Response

    Raises
    ------
    ValueError
        ``df`` is not positive.

    Notes
    -----
    With linear predictor nu (identity link), scale sigma and d degrees of freedom,

    .. math::

        f(y) = \frac{\Gamma(\frac{d + 1}{2})}{\Gamma(\frac d2)\sqrt{\pi d}\,\sigma}
               \left(1 + \frac{z^2}{d}\right)^{-\frac{d + 1}{2}}, \quad z = \frac{y - \nu}{\sigma},
        \qquad E(y) = \nu, \quad \operatorname{Var}(y) = \frac{d}{d - 2}\sigma^2

    where d is large enough for the moments to exist.  Parameters are ``logsd``, log sigma, which may
    depend on covariates through ``dispersion``, and ``logdf``, log d, one number.  sigma is not the
    standard deviation unless d is infinite.  The likelihood may have several maxima, more so the
    smaller d is; `fit` has ``starts``.

    References
    ----------
    Lange, K. L., Little, R. J. A. and Taylor, J. M. G. (1989). Robust statistical modeling using the
    t distribution. *Journal of the American Statistical Association*, 84, 881-896.

    Examples
    --------
    >>> from statsmodels_gllamm import families
    >>> families.StudentT().aux_names
    ('logsd', 'logdf')
    >>> families.StudentT(df=4).aux_names
    ('logsd',)
    """
    return student.StudentT(df)


@dataclass(frozen=True)
class Censored(Family):
    r"""A response of which some values are known by their limits only.

    Parameters
    ----------
    family : family
        ``sm.families.Gaussian()`` (the tobit model), `LogNormal`, `LogLogistic`, `Weibull`,
        `Exponential` or `StudentT` with a number of degrees of freedom.
    lower, upper : float or str, optional
        Limits of what can be seen, or columns of limits: a response at or below ``lower`` is known
        to be at most ``lower``, one at or above ``upper`` to be at least ``upper``.  A missing
        limit is none.
    event : str, optional
        Column: 1 where the response is observed, 0 where it is at least the value given (survival
        data, right-censored).
    until : str, optional
        Column: the response lies between the value given and this one.  Equal values are a response
        observed; where ``until`` is missing or infinite the response is at least the value given;
        where that is zero, for a positive response, or minus infinity it is at most ``until``.
    entry : str, optional
        Column of delayed entries (left truncation): the row is in the data only because its response
        is greater than this value.  Missing (for positive responses, also zero) is none.

    Raises
    ------
    TypeError
        A family that cannot be censored.
    ValueError
        None of the arguments, ``event`` and ``until`` both, ``until`` together with limits, limits
        in the wrong order, or `StudentT` without a number of degrees of freedom.

    Notes
    -----
    A response observed contributes its log density, others the log probability of what is known,

    .. math::

        \log F(b), \qquad \log\{1 - F(a)\}, \qquad \log\{F(b) - F(a)\}

    for at most b, at least a, and between a and b, less log{1 - F(e)} where the entry is delayed
    until e.  That needs censoring that tells nothing about the response but its limits.
    Parameters are those of ``family``; means, predictions and simulated responses are those of the
    uncensored response, and residuals of responses not observed are NaN.  Survival functions
    P(y > t) are ``predict(which="cumulative", above=t)``.

    References
    ----------
    Tobin, J. (1958). Estimation of relationships for limited dependent variables. *Econometrica*,
    26, 24-36.

    Kalbfleisch, J. D. and Prentice, R. L. (2002). *The Statistical Analysis of Failure Time Data*,
    2nd edition, chapter 3. Wiley.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import families
    >>> families.Censored(sm.families.Gaussian(), lower=0).name
    'Censored(Gaussian(identity))'
    >>> families.Censored(families.Weibull(), event="died", entry="enrolled").name
    'Censored(Weibull(time))'
    """

    family: object
    lower: float | str | None = None
    upper: float | str | None = None
    event: str | None = None
    until: str | None = None
    entry: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", _located(self.family))
        CensoredResponse(self.family)
        roles = self._roles()
        if not roles:
            raise ValueError("Censored needs what is known of the responses: lower=, upper=, event= "
                             "or until=.")
        if "until" in roles and {"event", "lower", "upper"} & set(roles):
            raise ValueError("until= says all that is known of a response; leave out event=, lower= "
                             "and upper=, and put a response observed as until equal to it.")
        limits = self.lower, self.upper
        if all(isinstance(x, Real) for x in limits) and not limits[0] < limits[1]:
            raise ValueError(f"lower={limits[0]} must be less than upper={limits[1]}.")

    def _roles(self):
        """What is given, by role."""
        given = {role: getattr(self, role) for role in ("lower", "upper", "event", "until", "entry")}
        return {role: value for role, value in given.items() if value is not None}

    @property
    def _member(self) -> Elementwise:
        return Elementwise(CensoredResponse(self.family, self.entry is not None))

    @property
    def name(self) -> str:
        return self._member.name

    def needs(self, dispersion=None, thresholds=None):
        needs = self._member.needs(dispersion, thresholds)
        roles = self._roles()
        return replace(needs, numbers=roles, may_miss=frozenset(roles) - {"event"},
                       with_response=frozenset(roles), infinite="until" in roles)

    def outcomes(self, data):
        numbers = {role: np.asarray(data.numbers[role], dtype=np.float64) for role in self._roles()
                   if role in data.numbers}
        return self._member.outcomes(replace(data, numbers=numbers))


def _located(family) -> LocationScale:
    """The response of a family that can be censored."""
    response = as_response(called(family))
    if isinstance(response, Gaussian):
        return GaussianIdentity()
    if not isinstance(response, LocationScale):
        raise TypeError(f"{response.name} cannot be censored; Censored takes the Gaussian family with "
                        "identity link, LogNormal, LogLogistic, Weibull, Exponential or StudentT(df=).")
    return response
