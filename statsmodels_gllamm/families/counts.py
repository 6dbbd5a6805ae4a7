"""Families of counts with more, or less, variance than a Poisson distribution."""
from __future__ import annotations

from statsmodels.genmod.families import links as sm_links

from statsmodels_gllamm.families.base import Family, called
from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.generalized_poisson import GeneralizedPoisson as _Generalized
from statsmodels_gllamm.responses.negative_binomial1 import NegativeBinomial1
from statsmodels_gllamm.responses.registry import as_response, link_class, negative_binomial
from statsmodels_gllamm.responses.truncated import ZeroTruncated

__all__ = ["GeneralizedPoisson", "NegativeBinomial", "Truncated"]


def NegativeBinomial(kind: int = 2, alpha: float | None = None, link=None) -> Response:
    r"""Negative binomial response for overdispersed counts.

    Parameters
    ----------
    kind : {2, 1}
        2 is NB2, whose variance is quadratic in the mean; 1 is NB1, whose variance is proportional
        to the mean.
    alpha : float, optional
        The dispersion parameter: a positive number fixes it, None (default) estimates it.
    link : statsmodels link instance, optional
        Default is ``sm.families.links.Log()``; for kind 2 also CLogLog, NegativeBinomial, Identity,
        Sqrt, InversePower, InverseSquared, Power.

    Returns
    -------
    Response

    Raises
    ------
    ValueError
        Another ``kind``, or an ``alpha`` that is not positive.
    TypeError
        A link that is not one of the above.

    Notes
    -----
    With the size kappa = 1/alpha for NB2 and kappa = mu/alpha for NB1,

    .. math::

        f(y) = \frac{\Gamma(y + \kappa)}{y!\,\Gamma(\kappa)}
               \left(\frac{\kappa}{\kappa + \mu}\right)^{\kappa}
               \left(\frac{\mu}{\kappa + \mu}\right)^y,
        \qquad \operatorname{Var}(y) = \mu + \alpha\mu^2 \quad\text{or}\quad \mu + \alpha\mu

    What is estimated is ``logsize``, the logarithm of 1/alpha, for both kinds; it may depend on
    covariates through ``dispersion``.  The limit at alpha = 0 is the Poisson distribution.
    statsmodels has the same parametrisation in ``NegativeBinomialP(p=kind)``, with alpha itself as
    the parameter; statsmodels' family of the same name has a fixed alpha.

    References
    ----------
    Cameron, A. C. and Trivedi, P. K. (2013). *Regression Analysis of Count Data*, 2nd edition.
    Cambridge University Press.

    Examples
    --------
    >>> from statsmodels_gllamm import families
    >>> families.NegativeBinomial().name
    'NegativeBinomial(log)'
    >>> families.NegativeBinomial(kind=1).aux_names
    ('logsize',)
    >>> families.NegativeBinomial(kind=1, alpha=0.5).aux_names
    ()
    """
    if kind == 2:
        return negative_binomial(link, alpha)
    if kind != 1:
        raise ValueError(f"kind of a NegativeBinomial is 2 (NB2) or 1 (NB1), not {kind!r}.")
    if link is not None and link_class(link) is not sm_links.Log:
        shown = type(link).__name__ if isinstance(link, sm_links.Link) else repr(link)
        raise TypeError(f"NegativeBinomial(kind=1) has the log link only, not {shown}: leave link= "
                        "out, or take kind=2.")
    return NegativeBinomial1(None if alpha is None else float(alpha))


def GeneralizedPoisson(p: int = 1) -> Response:
    r"""Generalised Poisson response with log link, for overdispersed counts.

    Parameters
    ----------
    p : {1, 2}
        How the variance depends on the mean: mu (1 + alpha)^2 for 1, mu (1 + alpha mu)^2 for 2.

    Returns
    -------
    Response

    Raises
    ------
    ValueError
        Another ``p``.

    Notes
    -----
    With w = alpha mu^(p - 1), the parametrisation of ``statsmodels.discrete``'s
    ``GeneralizedPoisson``,

    .. math::

        f(y) = \frac{\mu (\mu + w y)^{y - 1}}{y!\,(1 + w)^y}
               \exp\left(-\frac{\mu + w y}{1 + w}\right),
        \qquad \operatorname{Var}(y) = \mu (1 + w)^2

    What is estimated is ``logdisp``, the logarithm of alpha; it may depend on covariates through
    ``dispersion``.  So alpha is positive, and the counts are overdispersed: statsmodels' model also
    has a negative alpha, for which the distribution has to be cut off and does not sum to one.
    Its right tail is heavier than that of a negative binomial of the same mean and variance.

    References
    ----------
    Consul, P. C. and Jain, G. C. (1973). A generalization of the Poisson distribution.
    *Technometrics*, 15, 791-799.

    Consul, P. C. and Famoye, F. (1992). Generalized Poisson regression model. *Communications in
    Statistics - Theory and Methods*, 21, 89-109.

    Examples
    --------
    >>> from statsmodels_gllamm.families.counts import GeneralizedPoisson
    >>> GeneralizedPoisson().name
    'GeneralizedPoisson(log)'
    >>> GeneralizedPoisson(p=2).aux_names
    ('logdisp',)
    """
    return _Generalized(p)


def Truncated(family) -> Response:
    r"""Counts of a family truncated at zero: those that are positive.

    Parameters
    ----------
    family : statsmodels family, or Response
        A family of counts: Poisson or Binomial of statsmodels, with their links, and
        NegativeBinomial, GeneralizedPoisson or BetaBinomial of ``families``.

    Returns
    -------
    Response

    Raises
    ------
    TypeError
        A family that is not one of counts.

    Notes
    -----
    .. math:: f(y \mid y > 0) = \frac{f(y)}{1 - f(0)}, \qquad y = 1, 2, \ldots

    The linear predictor is that of the family before truncation: for a Poisson family with log link
    it is the log of mu, and the mean of a positive count is mu / (1 - exp(-mu)), which ``predict``
    gives.  Auxiliary parameters, such as ``logsize``, are those of the family.

    References
    ----------
    Cameron, A. C. and Trivedi, P. K. (2013). *Regression Analysis of Count Data*, 2nd edition.
    Cambridge University Press.

    Examples
    --------
    >>> import numpy as np
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm.families.counts import Truncated
    >>> family = Truncated(sm.families.Poisson())
    >>> family.name
    'Truncated(Poisson(log))'
    >>> family.mean(np.log([0.001, 1.0, 10.0])).round(4)
    array([ 1.0005,  1.582 , 10.0005])
    """
    family = called(family)
    if isinstance(family, Family):
        if not isinstance(getattr(family, "response", None), Response):
            raise TypeError("Truncated takes a family of one linear predictor per row, not "
                            f"{family.name}.")
        family = family.response
    return ZeroTruncated(as_response(family))
