"""Every family with every link: its response, where nu may be, and data from it."""
from dataclasses import dataclass

import statsmodels.api as sm

from statsmodels_gllamm import families
from statsmodels_gllamm.responses import Response, as_response

L = sm.families.links
F = sm.families
LINKS = {
    F.Gaussian: (L.Identity(), L.Log(), L.InversePower(), L.Power(2.0), L.Power(1 / 3)),
    F.Binomial: (L.Logit(), L.Probit(), L.Cauchy(), L.CLogLog(), L.LogLog(), L.Log(), L.LogC(),
                 L.Identity()),
    F.Poisson: (L.Log(), L.Identity(), L.Sqrt(), L.Power(0.4)),
    F.Gamma: (L.Log(), L.InversePower(), L.Identity(), L.Power(-0.4), L.Power(-0.5)),
    F.InverseGaussian: (L.InverseSquared(), L.InversePower(), L.Identity(), L.Log()),
}
NB_LINKS = (L.Log(), L.CLogLog(), L.Identity(), L.NegativeBinomial(alpha=0.7), L.Power(0.5))


@dataclass(frozen=True)
class Case:
    """``low`` and ``high`` bound the linear predictors tried; ``aux`` the auxiliary predictors."""

    response: Response
    family: sm.families.family.Family
    low: float
    high: float
    trials: bool = False

    @property
    def id(self) -> str:
        alpha = getattr(self.response, "alpha", None)
        return (self.response.name + (" trials" if self.trials else "")
                + (f" alpha={alpha}" if alpha else ""))

    def draw(self, rng, n, spread=1.0):
        """y (c, n), nu (n,) and aux (m, n)."""
        nu = rng.uniform(self.low, self.high, n)
        aux = rng.uniform(-1.0, 0.5, (len(self.response.aux_names), n)) * spread
        name = self.response.name
        if name.startswith("Binomial"):
            if self.trials:
                endog = rng.integers(0, 5, (n, 2))
            else:
                endog = rng.integers(0, 2, n)
        elif name.startswith(("Poisson", "NegativeBinomial")):
            endog = rng.poisson(2.0, n)
        elif name.startswith("Gaussian"):
            endog = rng.normal(1.0, 1.0, n)
        else:
            endog = rng.gamma(2.0, 0.5, n)
        return self.response.prepare(endog), nu, aux


def _ranges(family, link):
    if isinstance(link, L.NegativeBinomial) or (
            isinstance(family, F.Binomial) and isinstance(link, L.Log | L.LogC)):
        return -3.0, -0.1
    if isinstance(family, F.Binomial) and isinstance(link, L.Identity):
        return 0.05, 0.95
    if isinstance(link, L.Power) and not (
            isinstance(family, F.Gaussian) and isinstance(link, L.Identity)):
        return 0.3, 2.5
    return -2.5, 2.5


def _cases():
    for cls, links in LINKS.items():
        for link in links:
            family = cls(link, check_link=False)
            for trials in (False, True) if cls is F.Binomial else (False,):
                yield Case(as_response(family), family, *_ranges(family, link), trials)
    for link in NB_LINKS:
        family = F.NegativeBinomial(link, alpha=0.6, check_link=False)
        low, high = _ranges(family, link)
        yield Case(as_response(family), family, low, high)
        yield Case(families.NegativeBinomial(link=link), family, low, high)


CASES = list(_cases())
IDS = [case.id for case in CASES]
