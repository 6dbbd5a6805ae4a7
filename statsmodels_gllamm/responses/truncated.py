r"""Counts that are never zero: the distribution of a count given that it is positive.

.. math:: \ell = \log f(y) - \log(1 - f(0)) = \log f(y) - T(x), \qquad x = \log(-\log f(0)),
          \quad T(x) = \log(1 - e^{-e^x})

T, with derivatives t1, t2, t3, is the tail ``GUMBEL_MIN``, exact for any x; x and its derivatives
come from `hazards.py`.  By the chain rule

.. math:: \ell' = f' - t_1 x', \quad \ell'' = f'' - t_2 x'^2 - t_1 x'', \quad
          \ell''' = f''' - t_3 x'^3 - 3 t_2 x' x'' - t_1 x'''

and alike in the auxiliary values.  With a = e^x, f(0) = e^-a, odds s = f(0) / (1 - f(0)), and I,
mu and V the information, the mean and the variance of the count, those of a positive one are

.. math:: (1 + s) (I - s\, a^2 x'^2), \qquad (1 + s) \mu, \qquad (1 + s) (V - s \mu^2)

Log-concave in nu where the count is an exponential family with nu as its natural parameter, which
truncation leaves: the log link of a Poisson, the logit of a binomial.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import Around, Response, quiet, without_weight
from statsmodels_gllamm.responses.binomial import Binomial, times
from statsmodels_gllamm.responses.hazards import hazard
from statsmodels_gllamm.responses.poisson import Poisson
from statsmodels_gllamm.responses.proportion import BetaMixture
from statsmodels_gllamm.responses.tails import GUMBEL_MIN
from statsmodels_gllamm.responses.validation import refuse, row_labels

EPS = np.finfo(np.float64).eps
LIMIT = -600.0  # log of a mean below which the mean of positive counts does not change with it
DOUBLY = -700.0  # log(-log m) = 700, loglog link
CERTAIN = 50.0  # -log f(0) beyond which a count is positive
RARE = np.log(0.1)  # x below which positive counts are drawn one by one


@dataclass(frozen=True)
class ZeroTruncated(Around, Response):
    """A count response, given that it is positive.

    Parameters
    ----------
    inner : Response
        With ``mass_at_zero``.
    """

    inner: Response
    mass_at_zero = False

    def __post_init__(self) -> None:
        if not self.inner.mass_at_zero:
            raise TypeError(f"{self.inner.name} is no distribution of counts, so that there is "
                            "nothing to truncate at zero.")

    @property
    def name(self) -> str:
        return f"Truncated({self.inner.name})"

    @property
    def log_concave(self) -> bool:
        inner = self.inner
        return isinstance(inner, Poisson) or (
            isinstance(inner, Binomial) and inner.link.name == "logit")

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        y = self.inner.prepare(endog, n_trials, index=index, columns=columns)
        refuse(y[0] == 0, y[0], row_labels(endog, index), self.name,
               "a response truncated at zero is positive; drop these rows, or take the family "
               "that is not truncated")
        return y

    def blank(self, n, n_trials=None, columns=None):
        return self.inner.blank(n, n_trials, columns)

    def constant(self, y, aux=None):
        return self.inner.constant(y, aux)

    @quiet
    def kernel(self, y, nu, aux=None):
        nu = self._reached(nu)
        kernel = self.inner.kernel(y, nu, aux)
        return _inside(kernel, kernel - GUMBEL_MIN.value(hazard(self.inner).value(y, nu, aux)))

    @quiet
    def kernel_score(self, y, nu, aux=None):
        nu = self._reached(nu)
        kernel, score = self.inner.kernel_score(y, nu, aux)
        x, slope = hazard(self.inner).value_score(y, nu, aux)
        value, first = GUMBEL_MIN.value_score(x)
        score = score - times(first, slope)
        kernel = _inside(kernel, kernel - value)
        return kernel, without_weight(kernel, score)

    def _chain(self, y, nu, aux):
        """t1, t2, t3 and x', x'', x'''; zeros outside the support."""
        x = hazard(self.inner)
        t = GUMBEL_MIN.derivatives(x.value(y, nu, aux))
        slopes = x.derivatives(y, nu, aux)
        if self.bounded:
            out = np.isneginf(self.inner.kernel(y, nu, aux))
            t, slopes = (tuple(np.where(out, 0.0, d) for d in ds) for ds in (t, slopes))
        return t, slopes

    @quiet
    def derivatives(self, y, nu, aux=None):
        nu = self._reached(nu)
        f1, f2, f3 = self.inner.derivatives(y, nu, aux)
        (t1, t2, t3), (x1, x2, x3) = self._chain(y, nu, aux)
        return (f1 - times(t1, x1), f2 - times(t2, x1 * x1) - times(t1, x2),
                f3 - times(t3, x1 * x1 * x1) - 3 * times(t2, x1 * x2) - times(t1, x3))

    @quiet
    def expected_information(self, y, nu, aux=None):
        """Where small means leave no digit of the difference, its rounding error."""
        nu = self._reached(nu)
        x = hazard(self.inner).value(y, nu, aux)
        (w, _, _), (x1, _, _) = self._chain(y, nu, aux)
        a = np.exp(x)
        inner = self.inner.expected_information(y, nu, aux)
        per_hazard = np.where(a == 0, x1 * x1, inner / a)
        value = (a + w) * (per_hazard - times(w, x1 * x1))
        value = np.fmax(value, EPS * (a + w) * per_hazard)
        return np.where(a > CERTAIN, inner, value)

    @quiet
    def aux_score(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_score(y, nu, aux)
        nu = self._reached(nu)
        x = hazard(self.inner)
        first = GUMBEL_MIN.value_score(x.value(y, nu, aux))[1]
        if self.bounded:
            first = np.where(np.isneginf(self.inner.kernel(y, nu, aux)), 0.0, first)
        return self.inner.aux_score(y, nu, aux) - times(first, x.aux_score(y, nu, aux))

    @quiet
    def aux_derivatives(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_derivatives(y, nu, aux)
        nu = self._reached(nu)
        (t1, t2, t3), (x1, x2, _) = self._chain(y, nu, aux)
        a, a1, a2, _ = hazard(self.inner).aux(y, nu, aux)
        f1, f2 = self.inner.aux_derivatives(y, nu, aux)
        return (f1 - times(t2, a * x1) - times(t1, a1),
                f2 - times(t3, a * x1 * x1) - times(t2, 2 * x1 * a1 + a * x2) - times(t1, a2))

    @quiet
    def aux_curvature(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_curvature(y, nu, aux)
        nu = self._reached(nu)
        (t1, t2, _), _ = self._chain(y, nu, aux)
        a, _, _, twice = hazard(self.inner).aux(y, nu, aux)
        return (self.inner.aux_curvature(y, nu, aux) - times(t2, a[:, None] * a[None])
                - times(t1, twice))

    def _reached(self, nu):
        """nu, no smaller than where what cancels in the log density keeps its digits.

        The density is the same below for the beta-binomial (f(y) is proportional to its mean), and
        as good as zero or one for the binomial.
        """
        if isinstance(self.inner, BetaMixture):
            return self._moderate(nu)
        loglog = isinstance(self.inner, Binomial) and self.inner.link.name == "loglog"
        return np.maximum(nu, DOUBLY) if loglog else nu

    def _moderate(self, nu):
        """nu, no smaller than where the distribution of a positive count does not change."""
        link = getattr(self.inner, "link", None)
        if isinstance(self.inner, Binomial | BetaMixture):
            return np.maximum(nu, {"probit": -34.0, "loglog": -6.0}.get(link.name, LIMIT))
        return nu if self.bounded else np.maximum(nu, LIMIT)

    def _odds(self, y, nu, aux):
        """1 + s, and s."""
        y = self.inner.blank(np.shape(nu)[-1]) if y is None else y
        s = 1 / np.expm1(np.exp(hazard(self.inner).value(y, nu, aux)))
        return 1 + s, s

    @quiet
    def mean(self, nu, aux=None, y=None):
        nu = self._moderate(nu)
        return self._odds(y, nu, aux)[0] * self.inner.mean(nu, aux, y)

    @quiet
    def variance(self, nu, aux=None, y=None):
        nu = self._moderate(nu)
        more, s = self._odds(y, nu, aux)
        mean = self.inner.mean(nu, aux, y)
        return np.maximum(more * (self.inner.variance(nu, aux, y) - s * mean * mean), 0.0)

    @quiet
    def simulate(self, rng, nu, aux=None, y=None):
        y = self.inner.blank(len(nu)) if y is None else y
        rare = hazard(self.inner).value(y, nu, aux) < RARE
        out = np.full(len(nu), np.nan)
        self._draw_again(rng, out, np.flatnonzero(~rare), nu, aux, y)
        self._invert(rng, out, np.flatnonzero(rare), nu, aux, y)
        return out / y[1] if len(y) > 1 else out

    def _draw_again(self, rng, out, rows, nu, aux, y):
        """Draw the rows' counts until they are positive."""
        while len(rows):
            part = y[:, rows]
            draw = self.inner.simulate(rng, nu[rows], _on(aux, rows), part)
            out[rows] = np.rint(draw * part[1]) if len(part) > 1 else draw
            rows = rows[out[rows] == 0]

    def _invert(self, rng, out, rows, nu, aux, y):
        """Count up to where the distribution function exceeds a uniform number."""
        left = rng.uniform(size=len(rows))
        count = 0.0
        while len(rows):
            count += 1
            part = y[:, rows]
            part[0] = count
            left = left - np.exp(self.log_density(part, nu[rows], _on(aux, rows)))
            out[rows] = count
            more = left > 0
            if len(part) > 1:
                more &= count < part[1]
            rows, left = rows[more], left[more]


def _on(aux, rows):
    return None if aux is None else aux[:, rows]


def _inside(kernel, value):
    """The value, minus infinity where the count's own kernel is."""
    return np.where(np.isneginf(np.real(kernel)), kernel, value)
