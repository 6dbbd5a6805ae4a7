r"""Standard densities f(z) of location-scale responses: log f and three derivatives g1, g2, g3.

    Normal      log f = -z^2/2 - log(2 pi)/2          Logistic   log f = z - 2 log(1 + e^z)
    GumbelMin   log f = z - e^z                       Student    student.py

log F(z) = lower(z) and log(1 - F(z)) = upper(-z) are tails of tails.py; ``information`` is the
expectation of -g2.
"""
from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import expit

from statsmodels_gllamm.responses import tails
from statsmodels_gllamm.responses.special import HALF_LOG_2PI


class Standard(ABC):
    """A density; ``constant`` is what `value` leaves out of its log."""

    lower: tails.Tail
    upper: tails.Tail
    constant = 0.0
    information = 1.0
    log_concave = True

    @abstractmethod
    def value(self, z):
        """log f(z) less its constant, for real or complex z."""

    @abstractmethod
    def derivatives(self, z):
        """First, second and third derivative of log f."""

    def value_score(self, z):
        """`value` and the first derivative, at quadrature nodes."""
        return self.value(z), self.derivatives(z)[0]


class Normal(Standard):
    """Derivatives -z, -1, 0."""

    lower = upper = tails.NORMAL
    constant = -HALF_LOG_2PI

    def value(self, z):
        return -0.5 * z * z

    def derivatives(self, z):
        zero = np.zeros_like(z)
        return -z, zero - 1, zero


class Logistic(Standard):
    """p = 1 - q = F: derivatives q - p, -2pq, -2pq (q - p)."""

    lower = upper = tails.LOGISTIC
    information = 1 / 3

    def value(self, z):
        return z + 2 * tails.LOGISTIC.value(-z)

    def derivatives(self, z):
        p, q = expit(z), expit(-z)
        second = -2 * p * q
        return q - p, second, second * (q - p)


class GumbelMin(Standard):
    """Log of a standard exponential variable: derivatives 1 - e^z, -e^z, -e^z."""

    lower, upper = tails.GUMBEL_MIN, tails.GUMBEL_MAX

    def value(self, z):
        return z - np.exp(z)

    def value_score(self, z):
        e = np.exp(z)
        return z - e, 1 - e

    def derivatives(self, z):
        second = -np.exp(z)
        return 1 + second, second, +second


NORMAL, LOGISTIC, GUMBEL_MIN = Normal(), Logistic(), GumbelMin()
