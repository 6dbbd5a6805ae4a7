r"""Student t responses: y = nu + sigma T, T with d degrees of freedom, logsd = log sigma.

With z = (y - nu)/sigma, x = z/sqrt(d), q = x^2/(1 + x^2) = 1 - p, w = x p, s = d/2, and R the remainder
of Stirling's series,

.. math:: \ell = -\frac{d + 1}{2}\log(1 + x^2) + s\log\left(1 + \frac{1}{2s}\right) - \frac12
          + R(s + \tfrac12) - R(s) - \tfrac12\log 2\pi - \log\sigma

(the gamma functions rearranged so that the normal limit loses no digits).  Derivatives in z:
g1 = -(d + 1) w/sqrt(d), g2 = -(d + 1) p (p - q)/d, g3 = 2 (d + 1) w p (3p - q)/d^(3/2).
Those in logdf = log d are in `StudentT`.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import polygamma

from statsmodels_gllamm.responses.base import quiet, without_weight
from statsmodels_gllamm.responses.location_scale import LocationScale
from statsmodels_gllamm.responses.special import (
    HALF_LOG_2PI,
    SERIES_FROM,
    digamma_remainder,
    stirling_remainder,
)
from statsmodels_gllamm.responses.standard import Standard
from statsmodels_gllamm.responses.student_tail import StudentTail

NORMAL = 11.0  # log df beyond which it is a normal distribution for all that data can tell
START = np.log(8.0)  # log df
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)  # B_2k
MAD = 0.6745  # median absolute deviation of a standard normal variable


class Student(Standard):
    """The density of T; ``df`` is a positive number or (n,), possibly complex."""

    log_concave = False

    def __init__(self, df):
        self.df = df
        self.root = np.sqrt(df)

    @property
    def lower(self):
        """log F, for degrees of freedom that are one number."""
        return StudentTail(self)

    @property
    def upper(self):
        """The same, as F is symmetric."""
        return StudentTail(self)

    @property
    def constant(self):
        s = self.df / 2
        return (s * log1p(1 / self.df) - 0.5 - HALF_LOG_2PI
                + stirling_remainder(s + 0.5) - stirling_remainder(s))

    @property
    def constant_derivatives(self):
        """First and second derivative of the constant in log df."""
        s = self.df / 2
        first = s * (np.log1p(1 / self.df) - 1 / self.df
                     + digamma_remainder(s) - digamma_remainder(s + 0.5))
        ratio = s / (s + 0.5)
        second = s * s * (trigamma_remainder(s + 0.5) - trigamma_remainder(s))
        return first, first + second - ratio * ratio / (4 * s)

    @property
    def information(self):
        return (self.df + 1) / (self.df + 3)

    def value(self, z):
        return -0.5 * (self.df + 1) * log1p_square(z / self.root)

    def weights(self, z):
        """x, p, q and w, exact where x^2 overflows."""
        x = z / self.root
        w = 1 / (x + 1 / x)
        p = 1 / (1 + x * x)
        return x, p, w * x, w

    def value_score(self, z):
        return self.value(z), -(self.df + 1) / self.root * self.weights(z)[3]

    def derivatives(self, z):
        _, p, q, w = self.weights(z)
        n = (self.df + 1) / self.df
        return -n * self.root * w, -n * p * (p - q), 2 * n / self.root * w * p * (3 * p - q)

    def df_derivatives(self, z):
        """Derivatives of g1 and of g2 in log df."""
        _, p, q, w = self.weights(z)
        inverse = 1 / self.df
        return (-w * (self.root * q - p / self.root),
                -p * (q * (4 * p - 1) + inverse * p * (3 * q - p)))

    def df_score(self, z):
        """Derivative of log f in log df, constant included."""
        _, _, q, _ = self.weights(z)
        logs = log1p_square(z / self.root)
        return 0.5 * (self.df * (q - logs) + q) + self.constant_derivatives[0]

    def df_curvature(self, z):
        """Second derivative of log f in log df, constant included."""
        _, p, q, _ = self.weights(z)
        logs = log1p_square(z / self.root)
        change = self.df * (q - 0.5 * logs) - 0.5 * (self.df + 1) * p * q
        return change + self.constant_derivatives[1]


@dataclass(frozen=True)
class StudentT(LocationScale):
    """Student t response with identity link; ``df`` a number, or None to have logdf estimated."""

    df: float | None = None
    positive = False
    aux_designs = {"logdf": "constant"}

    def __post_init__(self) -> None:
        if self.df is not None and not (np.isfinite(self.df) and self.df > 0):
            raise ValueError(f"df of a StudentT is a positive number, or None to be estimated, not "
                             f"{self.df!r}; for an infinite df take the Gaussian family.")

    @property
    def name(self) -> str:
        return "StudentT" if self.df is None else f"StudentT(df={self.df:g})"

    @property
    def aux_names(self) -> tuple[str, ...]:
        return ("logsd", "logdf") if self.df is None else ("logsd",)

    @property
    def aux_limits(self) -> tuple[float, ...]:
        return (np.inf, NORMAL) if self.df is None else ()

    def standard(self, aux):
        return Student(np.exp(aux[1]) if self.df is None else np.float64(self.df))

    @quiet
    def aux_score(self, y, nu, aux):
        score = super().aux_score(y, nu, aux)
        if self.df is not None:
            return score
        z = self.standardized(y[0], nu, aux)
        density = self.standard(aux)
        return np.concatenate([score, without_weight(density.value(z), density.df_score(z))[None]])

    @quiet
    def aux_derivatives(self, y, nu, aux):
        first, second = super().aux_derivatives(y, nu, aux)
        if self.df is not None:
            return first, second
        slope = self.slopes(aux)[0]
        d1, d2 = self.standard(aux).df_derivatives(self.standardized(y[0], nu, aux))
        return (np.concatenate([first, (d1 * slope)[None]]),
                np.concatenate([second, (d2 * slope**2)[None]]))

    @quiet
    def aux_curvature(self, y, nu, aux):
        value = super().aux_curvature(y, nu, aux)
        if self.df is not None:
            return value
        density, z = self.standard(aux), self.standardized(y[0], nu, aux)
        cross = -z * density.df_derivatives(z)[0]
        kernel = density.value(z)
        cross, last = (without_weight(kernel, x) for x in (cross, density.df_curvature(z)))
        return np.stack([np.stack([value[0, 0], cross]), np.stack([cross, last])])

    def _df(self, aux):
        return self.standard(aux).df

    def mean(self, nu, aux=None, y=None):
        """The centre of symmetry, which is the mean where there are more than one df."""
        return +nu

    @quiet
    def variance(self, nu, aux, y=None):
        """Infinite where the degrees of freedom are two or fewer, NaN from one down."""
        df = self._df(aux)
        ratio = np.where(df > 2, 1 / (1 - 2 / df), np.where(df > 1, np.inf, np.nan))
        return ratio * np.exp(2 * aux[0]) + np.zeros(np.shape(nu))

    def draw_standard(self, rng, aux, n):
        return rng.standard_t(self._df(aux), size=n)

    @quiet
    def aux_start(self, y, mu):
        """The log standard deviation from the median absolute residual."""
        centre = np.where(np.isfinite(mu), mu, np.median(y[0]))
        residual = np.abs(y[0] - centre)
        spread = np.median(residual) / MAD
        spread = max(spread if spread > 0 else np.mean(residual), np.finfo(np.float64).tiny)
        return np.array([np.log(spread), START][:len(self.aux_names)])


def trigamma_remainder(s):
    """psi'(s) - 1/s - 1/(2 s^2), for real s > 0 (Abramowitz and Stegun, 1964, 6.4.12)."""
    s = np.asarray(s)
    far = s > SERIES_FROM
    big, small = np.where(far, s, SERIES_FROM), np.where(far, 1.0, s)
    inverse = 1 / (big * big)
    total = np.zeros_like(big)
    for b in reversed(BERNOULLI):
        total = total * inverse + b
    return np.where(far, total * inverse / big, polygamma(1, small) - 1 / small - 0.5 / small**2)


def log1p(x):
    """log(1 + x), with all digits for complex x too."""
    if not np.iscomplexobj(x):
        return np.log1p(x)
    a, b = np.real(x), np.imag(x)
    return 0.5 * np.log1p(2 * a + a * a + b * b) + 1j * np.arctan2(b, 1 + a)


def log1p_square(x):
    """log(1 + x^2), for real or complex x, where x^2 overflows too."""
    size = np.abs(np.real(x))
    if np.max(size, initial=0.0) < 1e8:
        return log1p(x * x)
    far = size > 1e8
    near = np.where(far, 0.0, x)
    return np.where(far, 2 * np.log(np.where(far, x * np.sign(np.real(x)), 1.0)), log1p(near * near))
