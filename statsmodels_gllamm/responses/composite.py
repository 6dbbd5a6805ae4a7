r"""Composite links: the mean of an outcome is a weighted sum of the means of several rows.

.. math:: \ell_s = \ell(y_s; \mu_s), \qquad \mu_s = \sum_{i \in s} w_i h(\nu_i)

(Thompson & Baker, 1981; Rabe-Hesketh & Skrondal, 2007).  The outer density is a function of a
scale m of the mean: mu itself (Gaussian), log mu (positive means), or log mu and log(1 - mu), a sum
of two such functions (Binomial).  With R_k = w_i h^(k) / mu (without the division for a scale of
mu) and e_k the derivatives of the outer density in mu, times mu^k,

    l_i = e1 R1_i      l_ij = e2 R1_i R1_j + [i = j] e1 R2_i
    l_ijk = e3 R1_i R1_j R1_k + e2 ([i = j] R2_i R1_k + two like it) + [i = j = k] e1 R3_i

From derivatives d_k in log mu: e1 = d1, e2 = d2 - d1, e3 = d3 - 3 d2 + 2 d1.  Shares w_i h_i / mu are
computed in logs.  What ascends is the expected information R1 R1' I(m).
"""
from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.responses.base import Around, Response, quiet
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial, successes_failures, times
from statsmodels_gllamm.responses.composite_partials import (
    CompositeDerivatives,
    Term,
    any_row,
    log_sum,
    relative,
)
from statsmodels_gllamm.responses.gaussian import Gaussian, GaussianMean
from statsmodels_gllamm.responses.generalized_poisson import GeneralizedPoisson
from statsmodels_gllamm.responses.links import Log, MeanLink, Power
from statsmodels_gllamm.responses.mean_response import MeanResponse
from statsmodels_gllamm.responses.negative_binomial1 import NegativeBinomial1
from statsmodels_gllamm.responses.poisson import Poisson, PoissonPower
from statsmodels_gllamm.responses.sets import SetResponse, first_rows

LOG_ONLY = (Poisson, NegativeBinomial1, GeneralizedPoisson)  # responses without another link


@dataclass(frozen=True)
class Composite(Around, SetResponse):
    """Outcomes whose mean is a weighted sum; ``y`` are the row statistics of ``inner``, the same on
    all rows of an outcome, and below them the weights.

    `mean`, `variance` and `simulate` are by outcome (..., S).

    Parameters
    ----------
    inner : Response
        The distribution, and the link between a row's mean and linear predictor.
    """

    inner: Response

    @property
    def name(self) -> str:
        return f"Composite({self.inner.name})"

    @property
    @abstractmethod
    def outer(self) -> Response:
        """The density as a function of the scale m of the mean."""

    @abstractmethod
    def scale(self, y, nu, sets):
        """m (..., S) and the mask (..., S) of outcomes outside the support, or None."""

    @abstractmethod
    def terms(self, y, nu, aux, sets) -> tuple[Term, ...]:
        """The parts of the density: (R1, R2, R3) (..., n), (e1, e2, e3) (..., S)."""

    def aux_terms(self, y, nu, aux, sets) -> tuple:
        """Derivatives of e1 and e2 in the auxiliary values (m', ..., S)."""
        m, _ = self.scale(y, nu, sets)
        return self.outer.aux_derivatives(self.statistics(y, sets), m, aux)

    @abstractmethod
    def information(self, y, nu, aux, sets):
        """Rows (..., n) c and a, and I (..., S): the expected information is c I a'."""

    def constant(self, y, aux, sets):
        return self.outer.constant(self.statistics(y, sets), aux)

    def statistics(self, y, sets):
        """The outcomes' statistics (c, S)."""
        return y[:-1, first_rows(sets)]

    @quiet
    def kernel(self, y, nu, aux, sets):
        m, outside = self.scale(y, nu, sets)
        value = self.outer.kernel(self.statistics(y, sets), m, aux)
        return value if outside is None else np.where(outside, -np.inf, value)

    @quiet
    def kernel_score(self, y, nu, aux, sets):
        kernel = self.kernel(y, nu, aux, sets)
        score = sum(times(t.r[0], sets.spread(t.e[0])) for t in self.terms(y, nu, aux, sets))
        impossible = np.isneginf(kernel)
        return kernel, np.where(sets.spread(impossible), 0.0, score) if impossible.any() else score

    @quiet
    def local(self, y, nu, aux, sets):
        return CompositeDerivatives(self, y, nu, aux, sets)

    @quiet
    def aux_score(self, y, nu, aux, sets):
        m, outside = self.scale(y, nu, sets)
        value = self.outer.aux_score(self.statistics(y, sets), m, aux)
        return value if outside is None else np.where(outside, 0.0, value)

    @quiet
    def aux_curvature(self, y, nu, aux, sets):
        m, outside = self.scale(y, nu, sets)
        value = self.outer.aux_curvature(self.statistics(y, sets), m, aux)
        return value if outside is None else np.where(outside, 0.0, value)

    def _moments(self, nu, aux, y, sets):
        """What methods for moments take: m, aux and y of the outcomes."""
        aux = None if aux is None else self.row_aux(y, aux, sets)
        return self.scale(y, nu, sets)[0], aux, self.statistics(y, sets)

    @quiet
    def mean(self, nu, aux=None, y=None, sets=None):
        return self.outer.mean(*self._moments(nu, aux, y, sets))

    @quiet
    def variance(self, nu, aux=None, y=None, sets=None):
        return self.outer.variance(*self._moments(nu, aux, y, sets))

    @quiet
    def simulate(self, rng, nu, aux=None, y=None, sets=None):
        return self.outer.simulate(rng, *self._moments(nu, aux, y, sets))

    def aux_start(self, y, mu=None):
        """From the responses about their mean; ``mu`` is not used."""
        return self.outer.aux_start(y[:-1], np.full(y.shape[1], np.mean(y[0])))

    def describe_constant(self, y):
        return self.outer.describe_constant(y[:-1])


@dataclass(frozen=True)
class CompositeGaussian(Composite):
    """Gaussian outcomes; weights may have any sign."""

    @property
    def identity(self) -> bool:
        return isinstance(self.inner, Gaussian)

    @property
    def log_concave(self) -> bool:
        return self.identity

    @property
    def gaussian(self) -> bool:
        return self.identity

    @property
    def outer(self) -> Response:
        return Gaussian()

    @property
    def _link(self) -> MeanLink:
        return Power(1.0) if self.identity else self.inner.link

    def _inside(self, nu):
        if not self.bounded:
            return nu, None
        real = np.real(nu)
        outside = real == 0 if self._link.q.is_integer() else ~(real > 0)
        return (np.where(outside, 1.0, nu), outside) if outside.any() else (nu, None)

    def scale(self, y, nu, sets):
        nu, outside = self._inside(nu)
        mu = nu if self.identity else self._link.mean(nu)
        return sets.sum(times(y[-1], mu)), any_row(outside, sets)

    def _slopes(self, y, nu):
        return tuple(times(y[-1], h) for h in self._link.mean_derivatives(self._inside(nu)[0])[1:])

    def terms(self, y, nu, aux, sets):
        m, _ = self.scale(y, nu, sets)
        e = self.outer.derivatives(self.statistics(y, sets), m, aux)
        return (Term(self._slopes(y, nu), e),)

    def information(self, y, nu, aux, sets):
        m, _ = self.scale(y, nu, sets)
        r = self._slopes(y, nu)[0]
        return r, r, self.outer.expected_information(self.statistics(y, sets), m, aux)


@dataclass(frozen=True)
class CompositePositive(Composite):
    """Outcomes with a positive mean; weights are not negative."""

    @property
    def outer(self) -> Response:
        if isinstance(self.inner, LOG_ONLY):
            return self.inner
        return Poisson() if isinstance(self.inner, PoissonPower) else replace(
            self.inner, link=Log())

    @property
    def _link(self) -> MeanLink:
        return Log() if isinstance(self.inner, LOG_ONLY) else self.inner.link

    def _inside(self, nu):
        if not self._link.bounded:
            return nu, None
        outside = self._link.outside(nu)
        return (np.where(outside, self._link.inner, nu), outside) if outside.any() else (nu, None)

    def scale(self, y, nu, sets):
        nu, outside = self._inside(nu)
        return log_sum(np.log(y[-1]) + self._link.log_mean(nu), sets), any_row(outside, sets)

    def _relative(self, y, nu, m, sets):
        """R1, R2, R3."""
        nu, _ = self._inside(nu)
        share = np.exp(np.log(y[-1]) + self._link.log_mean(nu) - sets.spread(m))
        return relative(share, *self._link.log_mean_derivatives(nu))

    def terms(self, y, nu, aux, sets):
        m, _ = self.scale(y, nu, sets)
        d1, d2, d3 = self.outer.derivatives(self.statistics(y, sets), m, aux)
        return (Term(self._relative(y, nu, m, sets), (d1, d2 - d1, d3 - 3 * d2 + 2 * d1)),)

    def aux_terms(self, y, nu, aux, sets):
        first, second = super().aux_terms(y, nu, aux, sets)
        return first, second - first

    def information(self, y, nu, aux, sets):
        m, _ = self.scale(y, nu, sets)
        r = self._relative(y, nu, m, sets)[0]
        return r, r, self.outer.expected_information(self.statistics(y, sets), m, aux)


@dataclass(frozen=True)
class CompositeBinomial(Composite):
    """Binomial outcomes; weights are not negative, and their sum is one or less."""

    @property
    def outer(self) -> Response:
        return Binomial(BINOMIAL_LINKS["identity"])

    def _logs(self, y, nu, sets):
        """Rows' log w h and log w (1 - h), and outcomes' log mu and log(1 - mu)."""
        link, log_weight = self.inner.link, np.log(y[-1])
        nu, _ = link.inside(nu)
        rows = log_weight + link.success.value(nu), log_weight + link.log_failure(nu)
        rest = 1 - sets.sum(y[-1])
        rest = np.log(np.where(rest > 1e-12, rest, 0.0))  # weights may sum to one up to rounding
        return rows, (log_sum(rows[0], sets), log_sum(rows[1], sets, rest))

    def scale(self, y, nu, sets):
        _, (log_mu, _) = self._logs(y, nu, sets)
        return np.exp(log_mu), any_row(self.inner.link.inside(nu)[1], sets)

    @quiet
    def kernel(self, y, nu, aux, sets):
        _, (log_mu, log_rest) = self._logs(y, nu, sets)
        success, failure = successes_failures(self.statistics(y, sets))
        value = times(success, log_mu) + times(failure, log_rest)
        outside = any_row(self.inner.link.inside(nu)[1], sets)
        return value if outside is None else np.where(outside, -np.inf, value)

    def _relatives(self, y, nu, sets):
        """R1, R2, R3 of mu and of 1 - mu."""
        link = self.inner.link
        (log_success, log_failure), (log_mu, log_rest) = self._logs(y, nu, sets)
        nu, _ = link.inside(nu)
        return (relative(np.exp(log_success - sets.spread(log_mu)), *link.success.derivatives(nu)),
                relative(np.exp(log_failure - sets.spread(log_rest)), *link.failure_derivatives(nu)))

    def terms(self, y, nu, aux, sets):
        counts = successes_failures(self.statistics(y, sets))
        return tuple(Term(r, (count, -count, 2 * count))
                     for r, count in zip(self._relatives(y, nu, sets), counts))

    def information(self, y, nu, aux, sets):
        (r, *_), (other, *_) = self._relatives(y, nu, sets)
        return r, -other, sum(successes_failures(self.statistics(y, sets)))

    @quiet
    def simulate(self, rng, nu, aux=None, y=None, sets=None):
        _, (_, log_rest) = self._logs(y, nu, sets)
        p = -np.expm1(np.minimum(log_rest, 0.0))  # not above one by rounding, as mu may be
        return self.outer.simulate(rng, p, None, self.statistics(y, sets))


def composite(inner: Response) -> Composite | None:
    """The composite response of a response, or None if it has none."""
    if isinstance(inner, (Gaussian, GaussianMean)):
        return CompositeGaussian(inner)
    if isinstance(inner, Binomial):
        return CompositeBinomial(inner)
    if isinstance(inner, (*LOG_ONLY, PoissonPower, MeanResponse)):
        return CompositePositive(inner)
    return None
