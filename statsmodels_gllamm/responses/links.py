r"""Links of responses with a positive mean, as the log mean g(nu) = log h(nu), h the inverse link.

    Log            g = nu
    Power(p)       g = q log|nu|, q = 1/p: derivatives q/nu, -q/nu^2, 2 q/nu^3
    CLogLog        g = log(1 - e^(-e^nu))
    NegBin(alpha)  g = nu - log(1 - e^nu) - log(alpha), nu < 0

A positive mean keeps its digits in logs, and the densities are functions of log y - g.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.tails import GUMBEL_MIN, LOG_1M_EXP


class MeanLink(ABC):
    """The log mean and its derivatives as functions of the linear predictor."""

    bounded: bool = True
    inner: float = 1.0  # some nu inside the support

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the link, with its parameter."""

    def outside(self, nu):
        """Boolean mask of the nu without a positive mean."""
        return np.zeros(np.shape(nu), dtype=bool)

    @abstractmethod
    def log_mean(self, nu):
        """g(nu); accepts complex nu."""

    @abstractmethod
    def log_mean_derivatives(self, nu):
        """First, second and third derivative of g."""

    @abstractmethod
    def mean(self, nu):
        """h(nu), by its formula also where it is not positive."""

    @quiet
    def mean_derivatives(self, nu):
        """h and its first, second and third derivative."""
        mu = self.mean(nu)
        g1, g2, g3 = self.log_mean_derivatives(nu)
        return mu, mu * g1, mu * (g1 * g1 + g2), mu * (g1 * g1 * g1 + 3 * g1 * g2 + g3)


@dataclass(frozen=True)
class Log(MeanLink):
    """mu = e^nu."""

    name = "log"
    bounded = False

    def log_mean(self, nu):
        return nu

    def log_mean_derivatives(self, nu):
        zero = np.zeros_like(nu)
        return np.ones_like(nu), zero, zero

    @quiet
    def mean(self, nu):
        return np.exp(nu)


_POWER_NAMES = {1.0: "identity", 0.5: "sqrt", -1.0: "inverse_power", -2.0: "inverse_squared"}


@dataclass(frozen=True)
class Power(MeanLink):
    """mu = nu^q, q = 1/power, where that is positive: nu > 0, or nu != 0 if q is even."""

    power: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.power) and self.power != 0):
            raise ValueError(f"the power of a Power link must be finite and not zero, "
                             f"not {self.power!r}; the limit at zero is the log link.")

    @property
    def name(self) -> str:
        return _POWER_NAMES.get(self.power, f"power({self.power:g})")

    @property
    def q(self) -> float:
        """One over the power; an integer if it is one up to rounding."""
        q = 1 / self.power
        return float(np.rint(q)) if abs(q - np.rint(q)) < 1e-12 * abs(q) else q

    @property
    def even(self) -> bool:
        """The mean is positive on both sides of nu = 0."""
        return self.q % 2 == 0

    def outside(self, nu):
        return np.real(nu) == 0 if self.even else ~(np.real(nu) > 0)

    @quiet
    def log_mean(self, nu):
        return self.q * np.log(np.where(np.real(nu) < 0, -nu, nu))

    @quiet
    def log_mean_derivatives(self, nu):
        r = 1 / nu
        first = self.q * r
        return first, -first * r, 2 * first * r * r

    @quiet
    def mean(self, nu):
        return np.power(nu, self.q)

    @quiet
    def mean_derivatives(self, nu):
        """Powers of nu, so that nu = 0 is no exception where q is a natural number."""
        value, order, c = [], self.q, 1.0
        for _ in range(4):
            value.append(c * np.power(nu, order) if c else np.zeros_like(nu))
            c, order = c * order, order - 1
        return tuple(value)


@dataclass(frozen=True)
class CLogLog(MeanLink):
    """mu = 1 - e^(-e^nu), between zero and one."""

    name = "cloglog"
    bounded = False

    def log_mean(self, nu):
        return GUMBEL_MIN.value(nu)

    def log_mean_derivatives(self, nu):
        return GUMBEL_MIN.derivatives(nu)

    @quiet
    def mean(self, nu):
        return -np.expm1(-np.exp(nu))


@dataclass(frozen=True)
class NegBin(MeanLink):
    """mu = e^nu / (alpha (1 - e^nu)), nu < 0: canonical for a negative binomial of that alpha."""

    alpha: float = 1.0
    inner = -1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.alpha) and self.alpha > 0):
            raise ValueError(f"alpha of a NegativeBinomial link must be positive, "
                             f"not {self.alpha!r}.")

    @property
    def name(self) -> str:
        return f"nbinom({self.alpha:g})"

    def outside(self, nu):
        return ~(np.real(nu) < 0)

    def log_mean(self, nu):
        return nu - LOG_1M_EXP.value(nu) - np.log(self.alpha)

    def log_mean_derivatives(self, nu):
        first, second, third = LOG_1M_EXP.derivatives(nu)
        return 1 - first, -second, -third

    @quiet
    def mean(self, nu):
        return 1 / (self.alpha * np.expm1(-nu))
