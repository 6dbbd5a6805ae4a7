"""Families of proportions with more variance than a binomial distribution, or without trials."""
from __future__ import annotations

from statsmodels.genmod.families import links as sm_links

from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.beta import Beta as _Beta
from statsmodels_gllamm.responses.beta_binomial import BetaBinomial as _BetaBinomial
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, BinomialLink
from statsmodels_gllamm.responses.registry import link_class, no_link

__all__ = ["Beta", "BetaBinomial"]

_LINKS = {sm_links.Logit: "logit", sm_links.Probit: "probit", sm_links.CLogLog: "cloglog",
          sm_links.LogLog: "loglog"}


def Beta(link=None) -> Response:
    r"""Beta response, for proportions between zero and one.

    Parameters
    ----------
    link : statsmodels link instance, optional
        Of the mean. Default is ``sm.families.links.Logit()``; also Probit, CLogLog, LogLog.

    Returns
    -------
    Response

    Raises
    ------
    TypeError
        Another link.

    Notes
    -----
    With the mean mu and the precision phi (Ferrari and Cribari-Neto, 2004),

    .. math::

        f(y) = \frac{\Gamma(\phi)}{\Gamma(\mu\phi)\,\Gamma((1 - \mu)\phi)}
               y^{\mu\phi - 1} (1 - y)^{(1 - \mu)\phi - 1}, \quad 0 < y < 1,
        \qquad \operatorname{Var}(y) = \frac{\mu (1 - \mu)}{1 + \phi}

    What is estimated is ``logprec``, the logarithm of phi; it may depend on covariates through
    ``dispersion``, as the precision of statsmodels' ``BetaModel`` does.  Responses of 0 and 1 have
    no density: ``ZeroInflated`` and ``Hurdle`` add a part for zeros.

    References
    ----------
    Ferrari, S. and Cribari-Neto, F. (2004). Beta regression for modelling rates and proportions.
    *Journal of Applied Statistics*, 31, 799-815.

    Examples
    --------
    >>> from statsmodels_gllamm.families.proportions import Beta
    >>> Beta().name
    'Beta(logit)'
    >>> Beta().aux_names
    ('logprec',)
    """
    return _Beta(_link(link, "Beta"))


def BetaBinomial(link=None) -> Response:
    r"""Beta-binomial response, for overdispersed successes in trials.

    Parameters
    ----------
    link : statsmodels link instance, optional
        Of the mean. Default is ``sm.families.links.Logit()``; also Probit, CLogLog, LogLog.

    Returns
    -------
    Response

    Raises
    ------
    TypeError
        Another link.

    Notes
    -----
    The response is as a binomial one: ``successes + failures`` on the left of the formula, or a
    proportion with ``n_trials=``.  The probability of success has a beta distribution with mean mu
    and precision phi, so that for y successes in n trials

    .. math::

        f(y) = \binom{n}{y} \frac{B(\mu\phi + y, (1 - \mu)\phi + n - y)}
               {B(\mu\phi, (1 - \mu)\phi)},
        \qquad \operatorname{Var}(y / n) = \frac{\mu (1 - \mu)}{n}
               \left(1 + \frac{n - 1}{\phi + 1}\right)

    1/(1 + phi) is the correlation of two trials of a row.  What is estimated is ``logprec``, the
    logarithm of phi; it may depend on covariates through ``dispersion``.  The limit of an infinite
    precision is the binomial distribution, and single trials say nothing of it.

    References
    ----------
    Skellam, J. G. (1948). A probability distribution derived from the binomial distribution by
    regarding the probability of success as variable between the sets of trials. *Journal of the
    Royal Statistical Society B*, 10, 257-261.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm.families.proportions import BetaBinomial
    >>> BetaBinomial(link=sm.families.links.CLogLog()).name
    'BetaBinomial(cloglog)'
    """
    return _BetaBinomial(_link(link, "BetaBinomial"))


def _link(link, family: str) -> BinomialLink:
    """The link of a statsmodels link instance."""
    name = "logit" if link is None else _LINKS.get(link_class(link))
    if name is None:
        raise no_link(link, family, [cls.__name__ for cls in _LINKS])
    return BINOMIAL_LINKS[name]
