"""Families beyond those of statsmodels, for the ``family`` argument.

statsmodels' own families, with their links, are used as they are: ``sm.families.Binomial()``.
"""
from __future__ import annotations

from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.registry import negative_binomial

__all__ = ["NegativeBinomial"]


def NegativeBinomial(kind: int = 2, alpha: float | None = None, link=None) -> Response:
    r"""Negative binomial response for overdispersed counts.

    Parameters
    ----------
    kind : {2}
        2 is NB2, whose variance is quadratic in the mean.
    alpha : float, optional
        The dispersion parameter: a positive number fixes it, None (default) estimates it.
    link : statsmodels link instance, optional
        Default is ``sm.families.links.Log()``; also CLogLog, NegativeBinomial, Identity, Power.

    Returns
    -------
    Response

    Raises
    ------
    NotImplementedError
        Another ``kind``.
    TypeError
        A link that is not one of the above.

    Notes
    -----
    .. math::

        f(y) = \frac{\Gamma(y + 1/\alpha)}{y!\,\Gamma(1/\alpha)}
               \left(\frac{1}{1 + \alpha\mu}\right)^{1/\alpha}
               \left(\frac{\alpha\mu}{1 + \alpha\mu}\right)^y,
        \qquad \operatorname{Var}(y) = \mu + \alpha\mu^2

    What is estimated is ``logsize``, the logarithm of 1/alpha; it may depend on covariates through
    ``dispersion``.  statsmodels' family of the same name has a fixed alpha.

    References
    ----------
    Cameron, A. C. and Trivedi, P. K. (2013). *Regression Analysis of Count Data*, 2nd edition.
    Cambridge University Press.

    Examples
    --------
    >>> from statsmodels_gllamm import families
    >>> families.NegativeBinomial().name
    'NegativeBinomial(log)'
    """
    if kind != 2:
        raise NotImplementedError(f"NegativeBinomial is available as kind=2 (NB2), not {kind!r}.")
    return negative_binomial(link, alpha)
