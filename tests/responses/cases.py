"""Every family with every link: its response, where nu may be, and data from it."""
from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm

from statsmodels_gllamm import families
from statsmodels_gllamm.responses import Response, as_response
from statsmodels_gllamm.responses.beta import Beta
from statsmodels_gllamm.responses.beta_binomial import BetaBinomial
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial
from statsmodels_gllamm.responses.generalized_poisson import GeneralizedPoisson
from statsmodels_gllamm.responses.links import CLogLog, Power
from statsmodels_gllamm.responses.negative_binomial import NegativeBinomial
from statsmodels_gllamm.responses.negative_binomial1 import NegativeBinomial1
from statsmodels_gllamm.responses.poisson import Poisson, PoissonPower
from statsmodels_gllamm.responses.truncated import ZeroTruncated

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


@dataclass(frozen=True)
class KindCase(Case):
    """A response without a statsmodels family, whose data are of a kind: "count", "positive",
    "unit" (between 0 and 1) or "trials" (successes in five trials, or ``positive_trials``)."""

    family: None = None
    low: float = -2.5
    high: float = 2.5
    kind: str = "count"

    @property
    def id(self) -> str:
        alpha = getattr(self.response, "alpha", None)
        return self.response.name + (f" alpha={alpha}" if alpha else "")

    def endog(self, rng, n):
        """Responses (n,) or (n, 2), some of them large."""
        if self.kind == "unit":
            return rng.beta(0.8, 0.8, n)
        if self.kind.endswith("trials"):
            first = self.kind.startswith("positive")
            trials = np.where(rng.uniform(size=n) < 0.2, 20 if first else 80, 5)
            success = rng.integers(first, trials + 1)
            return np.stack([success, trials - success], axis=1)
        count = np.where(rng.uniform(size=n) < 0.15, rng.poisson(60.0, n), rng.poisson(2.0, n))
        return np.maximum(count, 1) if self.kind == "positive" else count

    def draw(self, rng, n, spread=1.0):
        nu = rng.uniform(self.low, self.high, n)
        aux = rng.uniform(-1.0, 0.5, (len(self.response.aux_names), n)) * spread
        return self.response.prepare(self.endog(rng, n)), nu, aux

    def support(self, trials=5):
        """Row statistics of responses, and weights under which the density is summed over them."""
        if self.kind == "unit":
            value = 1 / (1 + np.exp(-np.arange(-36.0, 36.0, 0.01)))  # in steps of the log odds
            return self.response.prepare(value), 0.01 * value * (1 - value)
        first = int(self.kind.startswith("positive"))
        if self.kind.endswith("trials"):
            k = np.arange(first, trials + 1.0)
            return self.response.prepare(np.stack([k, trials - k], axis=1)), 1.0
        return self.response.prepare(np.arange(first, 4000.0)), 1.0


PROPORTION_LINKS = ("logit", "probit", "cloglog", "loglog")
COUNTS = [
    KindCase(NegativeBinomial1()), KindCase(NegativeBinomial1(0.6)), KindCase(NegativeBinomial()),
    KindCase(GeneralizedPoisson(1)), KindCase(GeneralizedPoisson(2), high=0.5)]
PROPORTIONS = [
    KindCase(cls(BINOMIAL_LINKS[link]), low=-far, high=far, kind=kind)
    for cls, far, kind in ((Beta, 0.8, "unit"), (BetaBinomial, 1.5, "trials"))
    for link in PROPORTION_LINKS]
TRUNCATED = [
    KindCase(ZeroTruncated(Poisson()), kind="positive"),
    KindCase(ZeroTruncated(PoissonPower(Power(0.5))), low=0.3, kind="positive"),
    *(KindCase(ZeroTruncated(c.response), high=c.high, kind="positive") for c in COUNTS),
    KindCase(ZeroTruncated(NegativeBinomial(CLogLog())), kind="positive"),
    *(KindCase(ZeroTruncated(Binomial(BINOMIAL_LINKS[link])), low=-2.0, high=1.5,
               kind="positive trials") for link in (*PROPORTION_LINKS, "cauchy")),
    KindCase(ZeroTruncated(Binomial(BINOMIAL_LINKS["log"])), low=-3.0, high=-0.1,
             kind="positive trials"),
    *(KindCase(ZeroTruncated(BetaBinomial(BINOMIAL_LINKS[link])), low=-2.0, high=1.5,
               kind="positive trials") for link in PROPORTION_LINKS)]
