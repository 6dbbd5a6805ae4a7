r"""Generalised Poisson responses (Consul and Jain, 1973), mean mu = e^nu, logdisp = log(alpha).

With w = alpha mu^(p - 1), p = 1 or 2 as in statsmodels, variance mu (1 + w)^2:

.. math:: \ell = \log\mu + (y - 1)\log(\mu + w y) - y \log(1 + w)
          - \frac{\mu + w y}{1 + w} - \log y!

With v = max(y - 1, 0), log mu taken out of the second term, P = 1 - Q = w / (1 + w) and
S = z / (1 + z), z = w y / mu, derivatives in nu, then in logdisp e:

    p = 1   y - v S - mu Q,   v S (1 - S) - mu Q,   -v S (1 - S)(1 - 2 S) - mu Q
            v S - y P + (mu - y) PQ,   in l': -v S (1 - S) + mu PQ,
            in l'': v S (1 - S)(1 - 2 S) + mu PQ,   twice: v S (1 - S) - y PQ + (mu - y) PQ (Q - P)
    p = 2   with h = P / alpha:   Q (y Q - h),   -2 y P Q^2 + h Q (P - Q),
            -2 y P Q^2 (Q - 2 P) + h Q (2 P Q - (P - Q)^2)
            v S - y P + h P - y P Q,   in l': -2 P l',
            in l'': -2 y P Q^2 (Q - 2 P) + h P Q (4 Q - 2 P),
            twice: v S (1 - S) - y P Q - y P Q (Q - P) + h P (Q - P)

(w is free of mu for p = 1, z for p = 2).  Expected information: mu Q (1 - P mu / (mu + 2 alpha)),
by E[Y (Y - 1) / (theta + lambda Y)^2] = theta / (theta + 2 lambda); and h Q.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln

from statsmodels_gllamm.responses.base import Response, quiet, without_weight
from statsmodels_gllamm.responses.negative_binomial import prepare_counts
from statsmodels_gllamm.responses.tails import LOGISTIC

LOG2 = np.log(2.0)
LEAST = 0.01  # dispersion to start from where there seems to be none


@dataclass(frozen=True)
class GeneralizedPoisson(Response):
    """Generalised Poisson response with log link, overdispersed.

    Parameters
    ----------
    p : {1, 2}
        Variance mu (1 + alpha)^2, or mu (1 + alpha mu)^2.
    """

    p: int = 1
    aux_names = ("logdisp",)
    aux_limits = (-12.0,)  # below it is Poisson
    mass_at_zero = True

    def __post_init__(self) -> None:
        if self.p not in (1, 2):
            raise ValueError(f"p of a GeneralizedPoisson is 1 or 2, not {self.p!r}.")

    @property
    def name(self) -> str:
        return "GeneralizedPoisson(log)" if self.p == 1 else "GeneralizedPoisson2(log)"

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        return prepare_counts(endog, n_trials, index, "GeneralizedPoisson")

    @quiet
    def _odds(self, nu, aux):
        """P, Q, and h = mu Q."""
        x = aux[0] + (nu if self.p == 2 else 0.0)
        p, q = expit(x), expit(-x)
        return p, q, np.exp(-aux[0]) * p if self.p == 2 else np.exp(nu) * q

    def _share(self, y, nu, aux):
        """log z where v is not zero, and v."""
        x = np.log(np.maximum(y[0], 1)) + aux[0]
        return (x - nu if self.p == 1 else x), np.maximum(y[0] - 1, 0)

    @quiet
    def constant(self, y, aux):
        value = -gammaln(y[0] + 1)
        if self.p == 1:
            return value - y[0] * np.exp(LOGISTIC.value(aux[0])) + y[0] * LOGISTIC.value(-aux[0])
        x, v = self._share(y, None, aux)
        return value - v * LOGISTIC.value(-x)

    @quiet
    def kernel(self, y, nu, aux):
        if self.p == 1:
            x, v = self._share(y, nu, aux)
            return y[0] * nu - v * LOGISTIC.value(-x) - np.exp(nu + LOGISTIC.value(-aux[0]))
        log_p = LOGISTIC.value(nu + aux[0])
        return y[0] * (nu + LOGISTIC.value(-nu - aux[0])) - (
            np.exp(log_p - aux[0]) + y[0] * np.exp(log_p))

    @quiet
    def kernel_score(self, y, nu, aux):
        fast = self._fast1 if self.p == 1 else self._fast2
        kernel, score = fast(y, nu, aux)
        if np.isfinite(np.min(kernel, initial=0.0)) and np.isfinite(np.min(score, initial=0.0)):
            return kernel, score
        kernel = self.kernel(y, nu, aux)
        return kernel, without_weight(kernel, self.derivatives(y, nu, aux)[0])

    def _fast1(self, y, nu, aux):
        """y nu + v log(1 + z) - mu Q from one exponential, as long as nothing overflows."""
        mu = np.exp(nu)
        z = y[0] * np.exp(aux[0]) / mu
        v = np.maximum(y[0] - 1, 0)
        kernel = np.log1p(z)
        kernel *= v
        kernel += y[0] * nu
        mu *= expit(-aux[0])
        kernel -= mu
        z /= z + 1
        z *= -v
        z += y[0]
        z -= mu
        return kernel, z

    def _fast2(self, y, nu, aux):
        """y (nu - log(1 + w)) - (1/alpha + y) P, w = alpha mu, alike."""
        w = np.exp(nu + aux[0])
        kernel = np.log1p(w)
        np.subtract(nu, kernel, out=kernel)
        kernel *= y[0]
        q = 1 / (w + 1)
        w *= q
        total = (y[0] + np.exp(-aux[0])) * w
        kernel -= total
        total -= y[0]
        total *= -q
        return kernel, total

    @quiet
    def derivatives(self, y, nu, aux):
        p, q, h = self._odds(nu, aux)
        if self.p == 2:
            first = q * (y[0] * q - h)
            weighted = 2 * y[0] * p * q * q
            return (first, h * q * (p - q) - weighted,
                    h * q * (2 * p * q - (p - q) ** 2) - weighted * (q - 2 * p))
        x, v = self._share(y, nu, aux)
        s, c = expit(x), expit(-x)
        return y[0] - v * s - h, v * s * c - h, -v * s * c * (c - s) - h

    @quiet
    def expected_information(self, y, nu, aux):
        p, q, h = self._odds(nu, aux)
        return h * q if self.p == 2 else h * (1 - p * expit(nu - aux[0] - LOG2))

    @quiet
    def aux_score(self, y, nu, aux):
        p, q, h = self._odds(nu, aux)
        x, v = self._share(y, nu, aux)
        excess = np.where(np.isinf(h), 0.0, h * p)  # there is no weight where it overflows
        return (v * expit(x) - y[0] * p * (1 + q) + excess)[None]

    @quiet
    def aux_derivatives(self, y, nu, aux):
        p, q, h = self._odds(nu, aux)
        if self.p == 2:
            first = -2 * p * q * (y[0] * q - h)
            second = p * q * (h * (4 * q - 2 * p) - 2 * y[0] * q * (q - 2 * p))
            return first[None], second[None]
        x, v = self._share(y, nu, aux)
        s, c = expit(x), expit(-x)
        return (h * p - v * s * c)[None], (h * p + v * s * c * (c - s))[None]

    @quiet
    def aux_curvature(self, y, nu, aux):
        p, q, h = self._odds(nu, aux)
        x, v = self._share(y, nu, aux)
        value = v * expit(x) * expit(-x) - y[0] * p * q * (1 + q - p) + h * p * (q - p)
        return value[None, None]

    @quiet
    def log_hazard(self, y, nu, aux):
        """log(-log f(0)) = log(mu Q) (..., n), for `hazards.py`."""
        return nu + LOGISTIC.value(-aux[0] - (nu if self.p == 2 else 0.0))

    def log_hazard_derivatives(self, y, nu, aux):
        """Its three derivatives in nu."""
        p, q, _ = self._odds(nu, aux)
        if self.p == 1:
            return np.ones_like(nu), np.zeros_like(nu), np.zeros_like(nu)
        return q, -p * q, -p * q * (q - p)

    def log_hazard_aux(self, y, nu, aux):
        """Its derivative in aux, those of its first two derivatives in nu, and its second one."""
        p, q, _ = self._odds(nu, aux)
        zero = np.zeros((1,) + np.shape(nu))
        if self.p == 1:
            return zero - p, zero, zero, zero[None] - p * q
        return -p[None], -(p * q)[None], -(p * q * (q - p))[None], -(p * q)[None, None]

    @quiet
    def mean(self, nu, aux=None, y=None):
        return np.exp(nu)

    @quiet
    def variance(self, nu, aux, y=None):
        return np.exp(nu) * (1 + np.exp(aux[0] + (nu if self.p == 2 else 0.0))) ** 2

    def simulate(self, rng, nu, aux, y=None):
        """Total progeny of Poisson(mu Q) ancestors who have Poisson(P) children each."""
        p, _, h = self._odds(nu, aux)
        p = p + np.zeros(np.shape(nu))
        total = rng.poisson(h).astype(np.float64)
        born, rows = total, np.arange(len(total))
        while True:
            alive = born > 0
            rows, born = rows[alive], born[alive]
            if not len(rows):
                return total
            born = rng.poisson(p[rows] * born).astype(np.float64)
            total[rows] += born

    def aux_start(self, y, mu):
        excess = np.sum((y[0] - mu) ** 2)
        if self.p == 1:
            alpha = np.sqrt(excess / np.sum(mu)) - 1
        else:  # excess = sum of mu + 2 alpha mu^2 + alpha^2 mu^3
            b, a = np.sum(mu**2), np.sum(mu**3)
            alpha = (np.sqrt(max(b * b + a * (excess - np.sum(mu)), 0.0)) - b) / a
        return np.array([np.log(max(alpha, LEAST))])
