"""Families of durations: times until an event, lifetimes, incomes and other positive responses."""
from __future__ import annotations

from statsmodels_gllamm.responses import durations
from statsmodels_gllamm.responses.base import Response

__all__ = ["Exponential", "LogLogistic", "LogNormal", "Weibull"]


def LogNormal() -> Response:
    r"""Lognormal response: the logarithm is Gaussian.

    Returns
    -------
    Response

    See Also
    --------
    Censored : durations that end after the observation does.

    Notes
    -----
    .. math::

        \log y = \nu + \sigma W, \quad W \sim N(0, 1), \qquad
        E(y) = e^{\nu + \sigma^2/2}, \quad \operatorname{Var}(y) = (e^{\sigma^2} - 1) E(y)^2

    nu is the linear predictor: a coefficient b multiplies durations by e^b.  The parameter
    ``logsd`` is log sigma; it may depend on covariates through ``dispersion``.  The likelihood is
    that of y, and so differs from that of a Gaussian model of log y by the sum of the log y.

    References
    ----------
    Kalbfleisch, J. D. and Prentice, R. L. (2002). *The Statistical Analysis of Failure Time Data*,
    2nd edition, section 2.2. Wiley.

    Examples
    --------
    >>> from statsmodels_gllamm import families
    >>> families.LogNormal().name
    'LogNormal'
    """
    return durations.LogNormal()


def LogLogistic() -> Response:
    r"""Loglogistic response: the logarithm has a logistic distribution.

    Returns
    -------
    Response

    See Also
    --------
    Censored : durations that end after the observation does.

    Notes
    -----
    .. math::

        S(y) = \frac{1}{1 + (y e^{-\nu})^p}, \qquad
        E(y) = e^{\nu} \frac{\pi/p}{\sin(\pi/p)} \text{ for } p > 1, \text{ else } \infty

    nu is the linear predictor: a coefficient b multiplies durations by e^b, and the odds of having
    survived any time by e^(p b).  The parameter ``logshape`` is log p; it may depend on covariates
    through ``dispersion``.

    References
    ----------
    Kalbfleisch, J. D. and Prentice, R. L. (2002). *The Statistical Analysis of Failure Time Data*,
    2nd edition, section 2.2. Wiley.

    Examples
    --------
    >>> from statsmodels_gllamm import families
    >>> families.LogLogistic().name
    'LogLogistic'
    """
    return durations.LogLogistic()


def Weibull(metric: str = "time") -> Response:
    r"""Weibull response for durations.

    Parameters
    ----------
    metric : {"time", "hazard"}
        What the linear predictor is: the location of log y (accelerated failure time), or the log
        of the hazard that multiplies the baseline's (proportional hazards).

    Returns
    -------
    Response

    Raises
    ------
    ValueError
        Another ``metric``.

    See Also
    --------
    Censored : durations that end after the observation does.

    Notes
    -----
    With shape p, linear predictor nu and hazard h,

    .. math::

        \text{time:}\quad   & \log y = \nu + W/p, \quad P(W > w) = e^{-e^w}, \qquad
                              S(y) = \exp\{-(y e^{-\nu})^p\}, \quad
                              E(y) = e^\nu\,\Gamma(1 + 1/p) \\
        \text{hazard:}\quad & \log h(y) = \log p + (p - 1)\log y + \nu, \qquad
                              S(y) = \exp(-y^p e^\nu), \quad
                              E(y) = e^{-\nu/p}\,\Gamma(1 + 1/p)

    In the time metric a coefficient b multiplies durations by e^b, in the hazard metric it
    multiplies hazards by e^b.  Both are the same model: nu_hazard = -p nu_time, and so are the
    coefficients, b_hazard = -p b_time, and the standard deviations of latent variables,
    p times as large.  That holds for one p; where p depends on covariates the models differ.
    The parameter ``logshape`` is log p; it may depend on covariates through ``dispersion``.

    References
    ----------
    Kalbfleisch, J. D. and Prentice, R. L. (2002). *The Statistical Analysis of Failure Time Data*,
    2nd edition, sections 2.2 and 2.3. Wiley.

    Examples
    --------
    >>> from statsmodels_gllamm import families
    >>> families.Weibull(metric="hazard").name
    'Weibull(hazard)'
    """
    return durations.Weibull(metric)


def Exponential(metric: str = "time") -> Response:
    r"""Exponential response for durations: a constant hazard, `Weibull` with a shape of one.

    Parameters
    ----------
    metric : {"time", "hazard"}
        The linear predictor is the log mean, or minus that: the log hazard.

    Returns
    -------
    Response

    Raises
    ------
    ValueError
        Another ``metric``.

    See Also
    --------
    Censored : durations that end after the observation does.

    Notes
    -----
    .. math::

        f(y) = \lambda e^{-\lambda y}, \qquad \log\lambda = -\nu \text{ (time)}
        \quad\text{or}\quad \nu \text{ (hazard)}

    It has no parameter besides the linear predictor.

    References
    ----------
    Kalbfleisch, J. D. and Prentice, R. L. (2002). *The Statistical Analysis of Failure Time Data*,
    2nd edition, section 2.2. Wiley.

    Examples
    --------
    >>> from statsmodels_gllamm import families
    >>> families.Exponential().name
    'Exponential(time)'
    """
    return durations.Exponential(metric)
