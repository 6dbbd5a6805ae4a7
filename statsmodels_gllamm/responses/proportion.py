r"""Responses whose density is a function of the two log probabilities x1 = log m and x2 = log(1 - m).

.. math:: \ell = f(x_1; s_1) + f(x_2; s_2) - F(a), \qquad a = \log\phi

with the mean m = F(nu) of a binomial link, v and w the derivatives of x1 and x2 in nu
(`tails.py`), and t = x + a the logs of the parameters m phi and (1 - m) phi of the beta
distribution:

.. math:: \ell' = f_1 v_1 + \ldots, \quad \ell'' = f_2 v_1^2 + f_1 v_2 + \ldots, \quad
          \ell''' = f_3 v_1^3 + 3 f_2 v_1 v_2 + f_1 v_3 + \ldots

The two sides of the mean add up to one, and so the derivatives in logprec = a of f_1 and f_2 are
f_2 and f_3 up to terms that cancel.
"""
from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from statsmodels_gllamm.responses.base import Response, quiet, without_weight
from statsmodels_gllamm.responses.binomial import BinomialLink, times

LINKS = ("logit", "probit", "cloglog", "loglog")


class BetaMixture(Response):
    """What the beta and the beta-binomial have in common."""

    link: BinomialLink
    aux_names: ClassVar[tuple[str, ...]] = ("logprec",)

    def __post_init__(self) -> None:
        if self.link.name not in LINKS:
            raise ValueError(f"{self.family} has the links {', '.join(LINKS)}, not "
                             f"{self.link.name}.")

    @property
    def name(self) -> str:
        return f"{self.family}({self.link.name})"

    @abstractmethod
    def sides(self, y):
        """The statistics s1 and s2 (n,)."""

    @abstractmethod
    def side(self, s, x, aux):
        """f, for real or complex x and aux."""

    @abstractmethod
    def side_score(self, s, x, aux):
        """f and f_1."""

    @abstractmethod
    def side_derivatives(self, s, x, aux):
        """f_1, f_2, f_3."""

    @abstractmethod
    def total(self, y, aux):
        """First and second derivative of F in logprec, less the terms that cancel."""

    def _logs(self, nu):
        return self.link.success.value(nu), self.link.log_failure(nu)

    def _slopes(self, nu):
        """Derivatives of x1 and of x2 in nu."""
        return self.link.success.derivatives(nu), self.link.failure_derivatives(nu)

    def _sides(self, y, nu, aux):
        """Of either side: f_1, f_2, f_3 and the derivatives of x."""
        for s, x, v in zip(self.sides(y), self._logs(nu), self._slopes(nu)):
            yield self.side_derivatives(s, x, aux), v

    @quiet
    def kernel(self, y, nu, aux):
        return sum(self.side(s, x, aux) for s, x in zip(self.sides(y), self._logs(nu)))

    @quiet
    def kernel_score(self, y, nu, aux):
        link = self.link
        x1, v1 = link.success.value_score(nu)
        x2, w1 = link.failure_score(nu)
        s1, s2 = self.sides(y)
        kernel, score = self.side_score(s1, x1, aux)
        other, other_score = self.side_score(s2, x2, aux)
        kernel = kernel + other
        score = times(score, v1)
        score += times(other_score, w1)
        return kernel, without_weight(kernel, score)

    @quiet
    def derivatives(self, y, nu, aux):
        first = second = third = 0.0
        for (f1, f2, f3), (v1, v2, v3) in self._sides(y, nu, aux):
            first = first + times(f1, v1)
            second = second + times(f2, v1 * v1) + times(f1, v2)
            third = third + times(f3, v1 * v1 * v1) + 3 * times(f2, v1 * v2) + times(f1, v3)
        return first, second, third

    @quiet
    def aux_score(self, y, nu, aux):
        first = sum(self.side_score(s, x, aux)[1] for s, x in zip(self.sides(y), self._logs(nu)))
        return (first - self.total(y, aux)[0])[None]

    @quiet
    def aux_derivatives(self, y, nu, aux):
        first = second = 0.0
        for (_, f2, f3), (v1, v2, _) in self._sides(y, nu, aux):
            first = first + times(f2, v1)
            second = second + times(f3, v1 * v1) + times(f2, v2)
        return first[None], second[None]

    @quiet
    def aux_curvature(self, y, nu, aux):
        second = sum(f[1] for f, _ in self._sides(y, nu, aux))
        return (second - self.total(y, aux)[1])[None, None]

    @quiet
    def mean(self, nu, aux=None, y=None):
        return np.exp(self.link.success.value(nu))

    @quiet
    def _binomial_variance(self, nu):
        """m (1 - m)."""
        x1, x2 = self._logs(nu)
        return np.exp(x1 + x2)

    @quiet
    def _draw(self, rng, nu, aux):
        """Beta variates (n,), rounded into (0, 1)."""
        tiny = np.finfo(np.float64).tiny
        a, b = (np.maximum(np.exp(x + aux[0]), tiny) for x in self._logs(nu))
        return np.clip(rng.beta(a, b), tiny, 1 - 2.0**-53)

