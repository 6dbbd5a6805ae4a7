r"""Durations: t = log y, so that log y = nu + sigma W for a standard variable W.

    LogNormal     W normal           E y = e^(nu + sigma^2/2)
    LogLogistic   W logistic         E y = e^nu pi sigma / sin(pi sigma), sigma < 1
    Weibull       W Gumbel-minimum   E y = e^nu Gamma(1 + sigma)
    Exponential   the same with sigma = 1

The auxiliary predictor is logsd = log sigma, or logshape = -log sigma.  In the hazard metric
log(hazard) = logshape + (shape - 1) log y + nu, whose nu is minus shape times that of log y.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.location_scale import LocationScale
from statsmodels_gllamm.responses.standard import GUMBEL_MIN, LOGISTIC, NORMAL, Standard

METRICS = ("time", "hazard")


class Duration(LocationScale):
    """Moments from those of W; ``sd`` is the standard deviation of W."""

    density: Standard
    sd = 1.0

    def standard(self, aux):
        return self.density

    def scale(self, aux):
        """sigma (n,) or a number."""
        return np.exp(-self.log_rate(aux))

    def log_moment(self, scale):
        """log E e^(scale W); infinity where there is none."""
        raise NotImplementedError

    def _location(self, nu, aux):
        return -nu * self.scale(aux) if self.hazard else nu

    @quiet
    def mean(self, nu, aux=None, y=None):
        return np.exp(self._location(nu, aux) + self.log_moment(self.scale(aux)))

    @quiet
    def variance(self, nu, aux=None, y=None):
        """(E y)^2 times the squared coefficient of variation."""
        scale = self.scale(aux)
        once, twice = self.log_moment(scale), self.log_moment(2 * scale)
        spread = np.where(np.isposinf(twice), np.inf, np.expm1(twice - 2 * once))
        value = np.exp(2 * (self._location(nu, aux) + once)) * spread
        return np.where(np.isposinf(twice), np.inf, value)

    @quiet
    def aux_start(self, y, mu):
        if not self.aux_names:
            return np.zeros(0)
        logs = np.log(y[0])
        residual = logs - np.log(mu)
        sd = np.std(residual if np.all(np.isfinite(residual)) else logs)
        return -self.sign * np.log([max(sd / self.sd, 1e-3)])


@dataclass(frozen=True)
class LogNormal(Duration):
    """log y ~ N(nu, sigma^2)."""

    density = NORMAL
    log_concave = True
    gaussian = True

    @property
    def name(self) -> str:
        return "LogNormal"

    def log_moment(self, scale):
        return 0.5 * scale**2

    def draw_standard(self, rng, aux, n):
        return rng.standard_normal(n)


@dataclass(frozen=True)
class LogLogistic(Duration):
    """log y is logistic with mean nu and scale sigma = e^-logshape."""

    density = LOGISTIC
    aux_names = ("logshape",)
    sign = 1.0
    log_concave = True
    sd = np.pi / np.sqrt(3)

    @property
    def name(self) -> str:
        return "LogLogistic"

    def log_moment(self, scale):
        inside = scale < 1
        return np.where(inside, -np.log(np.sinc(np.where(inside, scale, 0.5))), np.inf)

    def draw_standard(self, rng, aux, n):
        return rng.logistic(size=n)


@dataclass(frozen=True)
class Weibull(Duration):
    """Weibull response; ``metric`` says what nu is, "time" or "hazard"."""

    metric: str = "time"
    density = GUMBEL_MIN
    aux_names = ("logshape",)
    sign = 1.0
    log_concave = True
    sd = np.pi / np.sqrt(6)

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ValueError(f'metric of {type(self).__name__} is "time" (accelerated failure time) '
                             f'or "hazard" (proportional hazards), not {self.metric!r}.')

    @property
    def name(self) -> str:
        return f"{type(self).__name__}({self.metric})"

    @property
    def hazard(self) -> bool:
        return self.metric == "hazard"

    def log_moment(self, scale):
        return gammaln(1 + scale)

    def draw_standard(self, rng, aux, n):
        return np.log(rng.standard_exponential(n))


@dataclass(frozen=True)
class Exponential(Weibull):
    """Weibull response of shape one."""

    aux_names = ()
