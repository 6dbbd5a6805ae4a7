r"""Binomial responses: y successes in n trials, each with probability F(nu).

.. math:: \ell = y \log F(\nu) + (n - y) \log(1 - F(\nu)) + \log\binom{n}{y}

Row statistics: y alone when every row is one trial, else y and n.  log F and log(1 - F) are two
tails of `tails.py`, the second one at shift + sign nu.  With one trial and a symmetric link the
log density is log F(x), x = (2y - 1) nu.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.responses import tails
from statsmodels_gllamm.responses.base import Response, quiet, without_weight
from statsmodels_gllamm.responses.validation import INTEGER_TOL, as_counts, as_numbers, refuse


@dataclass(frozen=True)
class BinomialLink:
    """log F(nu) = success(nu) and log(1 - F(nu)) = failure(shift + sign nu), lower < nu < upper."""

    name: str
    success: tails.Tail
    failure: tails.Tail
    sign: float = -1.0
    shift: float = 0.0
    lower: float = -np.inf
    upper: float = np.inf
    log_concave: bool = True

    def __reduce__(self):
        return binomial_link, (self.name,)  # the tails are compared by identity

    @property
    def bounded(self) -> bool:
        return self.lower > -np.inf or self.upper < np.inf

    @property
    def symmetric(self) -> bool:
        """1 - F(nu) = F(-nu)."""
        return self.success is self.failure and self.sign == -1 and self.shift == 0

    def inside(self, nu):
        """nu, with values of the support put where F is not in (0, 1), and the mask of these
        or None."""
        if not self.bounded:
            return nu, None
        outside = ~((np.real(nu) > self.lower) & (np.real(nu) < self.upper))
        if not outside.any():
            return nu, None
        return np.where(outside, (max(self.lower, -1.0) + self.upper) / 2, nu), outside

    def _other(self, nu):
        """The argument of the failure's tail."""
        return self.shift + self.sign * nu

    def log_failure(self, nu):
        """log(1 - F(nu))."""
        return self.failure.value(self._other(nu))

    def failure_score(self, nu):
        """log(1 - F(nu)) and its first derivative."""
        value, first = self.failure.value_score(self._other(nu))
        return value, self.sign * first

    def failure_derivatives(self, nu):
        """The first three derivatives of log(1 - F(nu))."""
        first, second, third = self.failure.derivatives(self._other(nu))
        return self.sign * first, second, self.sign * third


BINOMIAL_LINKS = {link.name: link for link in (
    BinomialLink("logit", tails.LOGISTIC, tails.LOGISTIC),
    BinomialLink("probit", tails.NORMAL, tails.NORMAL),
    BinomialLink("cauchy", tails.CAUCHY, tails.CAUCHY, log_concave=False),
    BinomialLink("cloglog", tails.GUMBEL_MIN, tails.GUMBEL_MAX),
    BinomialLink("loglog", tails.GUMBEL_MAX, tails.GUMBEL_MIN),
    BinomialLink("log", tails.LINEAR, tails.LOG_1M_EXP, sign=1.0, upper=0.0),
    BinomialLink("logc", tails.LOG_1M_EXP, tails.LINEAR, sign=1.0, upper=0.0),
    BinomialLink("identity", tails.LOG, tails.LOG, shift=1.0, lower=0.0, upper=1.0),
)}


def binomial_link(name: str) -> BinomialLink:
    """The link of a name."""
    return BINOMIAL_LINKS[name]


def trials_of(y):
    """Numbers of trials (n,) from the row statistics; one for all rows of a single trial."""
    return 1.0 if y is None or len(y) == 1 else y[1]


def successes_failures(y):
    """Successes and failures (n,) each, from the row statistics."""
    return y[0], trials_of(y) - y[0]


def trials_by_row(y, n: int):
    """The same as an array (n,)."""
    return np.broadcast_to(trials_of(y), (n,))


def draw_proportions(rng, y, p):
    """Proportions (n,) of successes in each row's trials, for probabilities (n,)."""
    n = trials_by_row(y, np.shape(p)[-1])
    return rng.binomial(n.astype(np.int64), p) / np.maximum(n, 1)


def times(weight, x):
    """weight * x, which is zero where the weight is, whatever x."""
    return np.where(weight == 0, 0.0, weight * x)


@dataclass(frozen=True)
class Binomial(Response):
    """Successes in trials with any link; `mean`, `variance` and `simulate` are of the proportion.

    Parameters
    ----------
    link : BinomialLink
        One of ``BINOMIAL_LINKS``.
    """

    link: BinomialLink
    mass_at_zero = True

    @property
    def name(self) -> str:
        return f"Binomial({self.link.name})"

    @property
    def log_concave(self) -> bool:
        return self.link.log_concave

    @property
    def bounded(self) -> bool:
        return self.link.bounded

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        return binomial_rows(endog, n_trials, index)

    def blank(self, n, n_trials=None, columns=None):
        return blank_binomial(n, n_trials)

    def constant(self, y, aux=None):
        if len(y) == 1:
            return np.zeros(y.shape[1])
        success, failure = successes_failures(y)
        return -np.log1p(y[1]) - betaln(success + 1, failure + 1)

    @quiet
    def kernel(self, y, nu, aux=None):
        nu, outside = self.link.inside(nu)
        success, failure = successes_failures(y)
        value = (times(success, self.link.success.value(nu))
                 + times(failure, self.link.log_failure(nu)))
        if outside is not None:
            value[outside] = -np.inf
        return value

    @quiet
    def kernel_score(self, y, nu, aux=None):
        link = self.link
        if link.symmetric and len(y) == 1:
            sign = 2 * y[0] - 1
            value, score = link.success.value_score(sign * nu)
            score *= sign
            return value, without_weight(value, score)
        if link.inside(nu)[1] is not None:
            return super().kernel_score(y, nu)
        success, failure = successes_failures(y)
        value, score = link.success.value_score(nu)
        other, other_score = link.failure_score(nu)
        value, score = value * success, score * success
        other, other_score = other * failure, other_score * failure
        value += other
        score += other_score
        if np.isfinite(np.min(value, initial=0.0)):
            return value, score
        return super().kernel_score(y, nu)

    def _tail_derivatives(self, nu):
        """Derivatives in nu of log F and of log(1 - F), zero outside the support."""
        nu, outside = self.link.inside(nu)
        first, other = self.link.success.derivatives(nu), self.link.failure_derivatives(nu)
        if outside is not None:
            first, other = ([np.where(outside, 0.0, d) for d in ds] for ds in (first, other))
        return first, other

    @quiet
    def derivatives(self, y, nu, aux=None):
        if self.link.symmetric and len(y) == 1:
            sign = 2 * y[0] - 1
            l1, l2, l3 = self.link.success.derivatives(sign * nu)
            return sign * l1, l2, sign * l3
        success, failure = successes_failures(y)
        first, other = self._tail_derivatives(nu)
        return tuple(times(success, s) + times(failure, f) for s, f in zip(first, other))

    @quiet
    def expected_information(self, y, nu, aux=None):
        first, other = self._tail_derivatives(nu)  # f^2 / (F (1 - F)) per trial
        return trials_of(y) * np.abs(np.where(other[0] == 0, 0.0, times(first[0], other[0])))

    @quiet
    def mean(self, nu, aux=None, y=None):
        p = np.exp(self.link.success.value(nu))
        if self.link.bounded:  # outside the support by the other tail, which has a value there
            p = np.where(np.isnan(p), 1 - np.exp(self.link.log_failure(nu)), p)
        return p

    @quiet
    def variance(self, nu, aux=None, y=None):
        p = self.mean(nu)
        return p * np.exp(self.link.log_failure(nu)) / trials_of(y)

    def simulate(self, rng, nu, aux=None, y=None):
        return draw_proportions(rng, y, self.mean(nu))

    def describe_constant(self, y):
        success, failure = successes_failures(y)
        if not success.any():
            return "every response is a failure"
        if not failure.any():
            return "every response is a success"
        return None


def binomial_rows(endog, n_trials, index):
    """Row statistics of a binomial response, (1, n) if every row is one trial, else (2, n).

    ``endog`` is 0/1, or successes and failures in two columns, or with ``n_trials`` a proportion.
    """
    values, index = as_numbers(endog, "Binomial", index, columns=2)
    if values.ndim == 2:
        if n_trials is not None:
            raise DataError("Binomial response has two columns, successes and failures, which say "
                            "the trials already: drop n_trials.")
        success, failure = (as_counts(column, index, "Binomial") for column in values.T)
        trials = success + failure
    elif n_trials is None:
        refuse(values < 0, values, index, "Binomial", "it cannot be negative")
        bad = (values != 0) & (values != 1)
        rule = ("counts of successes need their failures, `successes + failures` on the left of "
                "the formula") if np.any(values > 1) else (
                "without n_trials it must be 0 or 1; give n_trials= for proportions, or "
                "`successes + failures` on the left of the formula")
        refuse(bad, values, index, "Binomial", rule)
        return np.ascontiguousarray(values)[None]
    else:
        trials = as_trials(n_trials, len(values), index)
        success = proportion_successes(values, trials, index)
    return np.stack([success, trials] if np.any(trials != 1) else [success])


def blank_binomial(n: int, n_trials) -> np.ndarray:
    """Row statistics of no successes in the trials of each row, one trial if not given."""
    trials = np.ones(n) if n_trials is None else as_trials(n_trials, n, None)
    return np.stack([0 * trials, trials] if np.any(trials != 1) else [0 * trials])


def as_trials(n_trials, n: int, index) -> np.ndarray:
    """Validated numbers of trials (n,); a single number holds for all rows."""
    trials, _ = as_numbers(np.broadcast_to(n_trials, (n,)) if np.ndim(n_trials) == 0 else n_trials,
                           "n_trials of the Binomial", index)
    if len(trials) != n:
        raise DataError(f"n_trials has {len(trials)} rows, but the response has {n}.")
    return as_counts(trials, index, "n_trials of the Binomial")


def proportion_successes(values, trials, index) -> np.ndarray:
    """Whole numbers of successes from proportions in [0, 1] and trials."""
    rule = ("with n_trials it is the proportion of successes, between 0 and 1; for counts put "
            "`successes + failures` on the left of the formula and drop n_trials")
    refuse((values < 0) | (values > 1), values, index, "Binomial", rule)
    success = values * trials
    whole = np.rint(success)
    refuse(np.abs(success - whole) > INTEGER_TOL, values, index, "Binomial",
           "the proportion times n_trials must be a whole number; if the proportions are rounded, "
           "put `successes + failures` on the left of the formula")
    return whole
