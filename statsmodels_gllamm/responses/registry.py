"""From a statsmodels family and its link to a response: the one place that knows statsmodels."""
from __future__ import annotations

import inspect

from statsmodels.genmod import families
from statsmodels.genmod.families import family as sm_family
from statsmodels.genmod.families import links as sm_links

from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial
from statsmodels_gllamm.responses.gamma import Gamma
from statsmodels_gllamm.responses.gaussian import Gaussian, GaussianMean
from statsmodels_gllamm.responses.inverse_gaussian import InverseGaussian
from statsmodels_gllamm.responses.links import CLogLog, Log, MeanLink, NegBin, Power
from statsmodels_gllamm.responses.logit import BinomialLogit
from statsmodels_gllamm.responses.negative_binomial import NegativeBinomial
from statsmodels_gllamm.responses.poisson import Poisson, PoissonPower

_BINOMIAL = {
    sm_links.Logit: "logit",
    sm_links.Probit: "probit",
    sm_links.Cauchy: "cauchy",
    sm_links.CLogLog: "cloglog",
    sm_links.LogLog: "loglog",
    sm_links.Log: "log",
    sm_links.LogC: "logc",
}
_ORDINAL = {
    sm_links.Logit: "logit",
    sm_links.Probit: "probit",
    sm_links.CLogLog: "cloglog",
    sm_links.LogLog: "loglog",
    sm_links.Cauchy: "cauchit",
}
_BINOMIAL_ALLOWED = ("Logit", "Probit", "Cauchy", "CLogLog", "LogLog", "Log", "LogC", "Identity")
_POSITIVE = ("Log", "Identity", "Sqrt", "InversePower", "InverseSquared", "Power")


def as_response(family) -> Response:
    """The response of a family.

    Parameters
    ----------
    family : Response, or instance or class of a statsmodels family
        Gaussian, Binomial, Poisson, Gamma, InverseGaussian or NegativeBinomial with any of its
        links.  A statsmodels NegativeBinomial has a fixed alpha; one whose alpha is estimated is
        `statsmodels_gllamm.families.NegativeBinomial`.

    Returns
    -------
    Response

    Raises
    ------
    TypeError
        Not a family, or a link that the family does not have here; lists what there is.
    NotImplementedError
        A statsmodels family that has no likelihood.
    """
    if isinstance(family, Response):
        return family
    if inspect.isclass(family) and issubclass(family, sm_family.Family):
        family = family()
    builder = _BUILDERS.get(type(family))
    if builder is not None:
        return builder(family)
    names = ", ".join(cls.__name__ for cls in _BUILDERS)
    if isinstance(family, sm_family.Tweedie):
        raise NotImplementedError("Tweedie has no density that could be written down, so no "
                                  f"maximum likelihood: take one of {names}.")
    raise TypeError(f"family must be a statsmodels family ({names}) or one of "
                    f"statsmodels_gllamm.families, not {family!r}.")


def link_class(link) -> type:
    """The statsmodels class a link is; deprecated aliases count as what they are aliases of."""
    for cls in type(link).__mro__:
        if cls.__module__ == sm_links.__name__ and cls.__name__[:1].isupper():
            if type(link).__module__ == sm_links.__name__:
                return cls
    return type(link)


def ordinal_link(link):
    """The name of an ordinal link for one of statsmodels, class or instance; else ``link``.

    Both have the same function F, of thresholds less the linear predictor for ordinal responses.
    """
    if inspect.isclass(link) and issubclass(link, sm_links.Link):
        link = link()
    return _ORDINAL.get(link_class(link), link)


def mean_link(link, family: str, allowed=_POSITIVE) -> MeanLink:
    """The `MeanLink` of a statsmodels link instance, if its name is among those allowed."""
    cls = link_class(link)
    if cls.__name__ in allowed:
        if issubclass(cls, sm_links.Power):
            return Power(float(link.power))
        if cls is sm_links.NegativeBinomial:
            return NegBin(float(link.alpha))
        return {sm_links.Log: Log, sm_links.CLogLog: CLogLog}[cls]()
    raise no_link(link, family, allowed)


def no_link(link, family: str, allowed) -> TypeError:
    """The error for a link that is not among those allowed."""
    shown = type(link).__name__ if isinstance(link, sm_links.Link) else repr(link)
    return TypeError(f"{family} has no link {shown} here: take an instance of one of "
                     f"{', '.join(allowed)} from statsmodels.")


def _binomial(family) -> Response:
    cls = link_class(family.link)
    identity = issubclass(cls, sm_links.Power) and family.link.power == 1
    name = "identity" if identity else _BINOMIAL.get(cls)
    if name is None:
        raise no_link(family.link, "Binomial", _BINOMIAL_ALLOWED)
    return BinomialLogit() if name == "logit" else Binomial(BINOMIAL_LINKS[name])


def _gaussian(family) -> Response:
    link = mean_link(family.link, "Gaussian")
    return Gaussian() if link == Power(1.0) else GaussianMean(link)


def _poisson(family) -> Response:
    link = mean_link(family.link, "Poisson")
    return Poisson() if isinstance(link, Log) else PoissonPower(link)


def negative_binomial(link=None, alpha: float | None = None) -> NegativeBinomial:
    """NB2 with a statsmodels link instance (default Log) and a fixed or estimated alpha."""
    allowed = _POSITIVE + ("CLogLog", "NegativeBinomial")
    link = Log() if link is None else mean_link(link, "NegativeBinomial", allowed)
    return NegativeBinomial(link, None if alpha is None else float(alpha))


_BUILDERS = {
    families.Gaussian: _gaussian,
    families.Binomial: _binomial,
    families.Poisson: _poisson,
    families.Gamma: lambda family: Gamma(mean_link(family.link, "Gamma")),
    families.InverseGaussian: lambda family: InverseGaussian(
        mean_link(family.link, "InverseGaussian")),
    families.NegativeBinomial: lambda family: negative_binomial(family.link, family.alpha),
}
