r"""The distribution function of the observed responses, as a function of the linear predictors.

Of a row with response y the four numbers

.. math:: P(Y < y), \quad P(Y \le y), \quad P(Y \ge y), \quad P(Y > y)

of which the first two and the last two are the same for a continuous response.  Of a censored one y
is known to lie between two limits, which take the place of both y's; with delayed entry all is given
that Y is beyond it.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.special import betainc, gammainc, gammaincc, log_ndtr, ndtr, pdtr, pdtrc

from statsmodels_gllamm.families.base import row_statistics
from statsmodels_gllamm.families.choice import Choice, Ranking
from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.families.moments import count_moments, is_binomial, is_count
from statsmodels_gllamm.families.nominal import Nominal
from statsmodels_gllamm.families.zero import Hurdle, ZeroInflated
from statsmodels_gllamm.responses.beta import Beta
from statsmodels_gllamm.responses.binomial import Binomial
from statsmodels_gllamm.responses.censored import CensoredResponse
from statsmodels_gllamm.responses.custom import Custom
from statsmodels_gllamm.responses.gamma import Gamma
from statsmodels_gllamm.responses.gaussian import GaussianBase
from statsmodels_gllamm.responses.inverse_gaussian import InverseGaussian
from statsmodels_gllamm.responses.location_scale import GaussianIdentity, LocationScale
from statsmodels_gllamm.responses.negative_binomial import SizeResponse
from statsmodels_gllamm.responses.ordinal import CODE
from statsmodels_gllamm.responses.poisson import PoissonBase
from statsmodels_gllamm.responses.sets import SetResponse
from statsmodels_gllamm.responses.student import StudentT
from statsmodels_gllamm.responses.truncated import ZeroTruncated

CHUNK = 50  # counts at a time


def limits(family, aux: np.ndarray, data) -> Callable:
    """Function nu (P, ..., n) -> (4, ..., n) of the rows of some data; the last two are NaN where they
    are nothing but the first ones' complements.

    Parameters
    ----------
    family : Family
    aux : ndarray (m, n)
        Auxiliary predictors.
    data : FamilyData
        With responses.

    Raises
    ------
    NotImplementedError
        The family has no distribution function.
    """
    if isinstance(family, MixedFamily):
        parts, first = [], 0
        for _, own, rows, some in family.parts_of(data):
            m = len(own.outcomes(replace(some, endog=None)).aux_names)
            if len(rows):
                parts.append((rows, limits(own, aux[first:first + m, rows], some)))
            first += m
        return lambda nu: _together(nu, parts)
    if isinstance(family, ZeroInflated | Hurdle):
        return _with_zero(family, aux, data)
    response = family.outcomes(data).members[0].response
    if isinstance(response, SetResponse | Custom):
        raise NotImplementedError(
            f"{family.name} has no distribution function that quantile residuals could be made of"
            f"{_reason(family, response)}")
    (member,) = family.outcomes(data).members
    function = response_limits(response, member.y, aux, data)
    return lambda nu: function(nu[0])


def _reason(family, response) -> str:
    if isinstance(family, Nominal):
        return ": its categories have no order; predict(which='prob') has their probabilities"
    return ("" if isinstance(response, Custom) else
            ": its categories have no order" if isinstance(family, Choice | Ranking) else
            ": its outcomes take several rows") + "; kind='pearson' is another kind"


def _together(nu, parts) -> np.ndarray:
    out = np.empty((4,) + nu.shape[1:])
    for rows, function in parts:
        out[..., rows] = function(nu[..., rows])
    return out


def _with_zero(family, aux, data) -> Callable:
    """Of a response that is zero with a probability of its own."""
    response = family.positive
    zero = np.asarray(row_statistics(family.family, data)[0] == 0 if family.family.mass_at_zero
                      else np.asarray(data.endog, dtype=float).reshape(data.n) == 0)
    own = np.flatnonzero(~zero) if not response.mass_at_zero else np.arange(data.n)
    some = data.on(own)
    function = None
    if len(own):
        function = response_limits(response, row_statistics(response, some), aux[:, own], some)

    def value(nu):
        pi = family.zero_link().mean(nu[1])
        out = np.zeros((4,) + nu.shape[1:])
        out[2:] = 1.0
        if function is not None:
            out[..., own] = function(nu[0][..., own])
        lower, upper = pi + (1 - pi) * out[:2], (1 - pi) * out[2:]
        lower[0] = np.where(zero, 0.0, lower[0])
        upper[0] = np.where(zero, 1.0, upper[0])
        return np.concatenate([lower, upper])

    return value


def response_limits(response, y, aux, data) -> Callable:
    """Function nu (..., n) -> (4, ..., n) of one response with row statistics y (c, n)."""
    if response.categories is not None:
        return _of_categories(response, y, aux)
    if isinstance(response, CensoredResponse):
        return _of_censored(response, y, aux)
    if isinstance(response, LocationScale | GaussianBase):
        lower, upper = location_tails(response, aux)
        return lambda nu: _continuous(lower(y[0], nu), upper(y[0], nu))
    if isinstance(response, Gamma):
        shape = np.exp(-2 * aux[0])
        return lambda nu: _continuous(*(f(shape, shape * y[0] / response.mean(nu))
                                        for f in (gammainc, gammaincc)))
    if isinstance(response, InverseGaussian):
        return lambda nu: _continuous(*_inverse_gaussian(y[0], response.mean(nu), np.exp(-2 * aux[0])))
    if isinstance(response, Beta):
        precision = np.exp(aux[0])

        def beta(nu):
            a = response.mean(nu) * precision
            return _continuous(betainc(a, precision - a, y[0]), betainc(precision - a, a, 1 - y[0]))

        return beta
    if isinstance(response, SizeResponse):
        return _of_negative_binomial(response, y, aux)
    if isinstance(response, ZeroTruncated):
        return _of_truncated(response, y, aux, data)
    if isinstance(response, PoissonBase):
        return lambda nu: _counted(y[0], lambda k: (pdtr(k, response.mean(nu)),
                                                    pdtrc(k, response.mean(nu))))
    if isinstance(response, Binomial) and len(y) == 1:
        failure = np.zeros_like(y)

        def binary(nu):
            p, q = response.mean(nu), np.exp(response.kernel(failure, nu))
            return np.stack([np.where(y[0] > 0, q, 0.0), np.where(y[0] > 0, 1.0, q),
                             np.where(y[0] > 0, p, 1.0), np.where(y[0] > 0, 0.0, p)])

        return binary
    if isinstance(response, Binomial):
        return _of_trials(response, y)
    if is_count(response):
        return _of_counts(response, y, aux, data)
    raise NotImplementedError(f"{response.name} has no distribution function that quantile "
                              "residuals could be made of")


def _continuous(below, above) -> np.ndarray:
    return np.stack([below, below, above, above])


def _counted(y, tails) -> np.ndarray:
    """From k -> P(Y <= k), P(Y > k) of counts y."""
    before, at = tails(np.maximum(y - 1, 0)), tails(y)
    return np.stack([np.where(y > 0, before[0], 0.0), at[0], np.where(y > 0, before[1], 1.0), at[1]])


def _of_trials(response, y) -> Callable:
    """Of successes in several trials, by incomplete beta functions."""
    def value(nu):
        p, q = response.mean(nu), 1 - response.mean(nu)

        def tails(k):
            left = np.maximum(y[1] - k, 1)
            return (np.where(k < y[1], betainc(left, k + 1, q), 1.0),
                    np.where(k < y[1], betainc(k + 1, left, p), 0.0))

        return _counted(y[0], tails)

    return value


def _of_negative_binomial(response, y, aux) -> Callable:
    """By incomplete beta functions of the probability mean / variance."""
    def value(nu):
        mean, phi = response.mean(nu, aux, y), response.variance(nu, aux, y)
        share = mean / phi
        size = mean * share / (1 - share)
        return _counted(y[0], lambda k: (betainc(size, k + 1, share), betainc(k + 1, size, 1 - share)))

    return value


def _of_categories(response, y, aux) -> Callable:
    code = y[CODE].astype(np.intp)

    def value(nu):
        p = response.probabilities(nu, aux, y)
        k = np.arange(len(p)).reshape((-1,) + (1,) * (p.ndim - 1))
        before, after = np.where(k < code, p, 0.0).sum(0), np.where(k > code, p, 0.0).sum(0)
        own = np.where(k == code, p, 0.0).sum(0)
        return np.stack([before, before + own, after + own, after])

    return value


def location_tails(response, aux):
    """Functions (value (n,), nu) -> P(Y <= value) and P(Y > value) of a continuous response."""
    mean = None
    if isinstance(response, GaussianBase):
        response, mean = GaussianIdentity(), response.mean
    elif isinstance(response, StudentT) and response.df is None:
        df = np.exp(aux[1])
        if not (df == df[:1]).all():
            raise NotImplementedError("quantile residuals of StudentT need one number of degrees of "
                                      "freedom for all rows")
        response, aux = replace(response, df=float(df[0]) if len(df) else 1.0), aux[:1]

    def tail(log):
        return lambda value, nu: np.exp(log(value, nu if mean is None else mean(nu), aux))

    return tail(response.log_distribution), tail(response.log_survival)


def _of_censored(response, y, aux) -> Callable:
    lower, upper = location_tails(response.inner, aux)
    low, high = y[1], y[2]
    bottom = low == response._bottom
    inside = np.where(bottom, np.where(np.isfinite(high), high, 1.0), low)
    beyond = np.where(np.isfinite(high), high, inside)
    late = response.late(y)
    entry = np.where(late, y[3], inside) if response.entry else inside

    def value(nu):
        below = np.where(bottom, 0.0, lower(inside, nu)), np.where(
            np.isinf(high), 1.0, lower(beyond, nu))
        above = np.where(bottom, 1.0, upper(inside, nu)), np.where(
            np.isinf(high), 0.0, upper(beyond, nu))
        found = np.stack([*below, *above])
        if late.any():
            first, rest = lower(entry, nu), upper(entry, nu)
            found[:2] = np.where(late, (found[:2] - first) / rest, found[:2])
            found[2:] = np.where(late, found[2:] / rest, found[2:])
        return found

    return value


def _inverse_gaussian(y, mean, shape):
    """Both tails with mean and shape 1 / phi (Chhikara and Folks, 1974, Technometrics 16, 383)."""
    root = np.sqrt(shape / y)
    a, b = root * (y / mean - 1), root * (y / mean + 1)
    other = np.exp(2 * shape / mean + log_ndtr(-b))
    return ndtr(a) + other, ndtr(-a) - other


def _of_truncated(response, y, aux, data) -> Callable:
    """Of a count given that it is positive, from both tails of the count."""
    whole = response_limits(response.inner, y, aux, data)
    none = response_limits(response.inner, response.inner.blank(data.n, data.n_trials, data.numbers),
                           aux, data)

    def value(nu):
        (lower, upper), (_, zero, _, positive) = np.split(whole(nu), 2), none(nu)
        upper = upper / positive  # P(Y >= y) goes with P(Y < y)
        lower = np.where(upper < 0.5, 1 - upper, (lower - zero) / positive)
        return np.concatenate([lower, upper])

    return value


def _of_counts(response, y, aux, data) -> Callable:
    """By adding up the probabilities of the counts up to each, and of those above where there is a
    largest."""
    least, count = 0 if response.mass_at_zero else 1, y[0]
    most = None
    if is_binomial(response):
        most = y[1] if len(y) > 1 else np.ones(data.n)
        data = replace(data, n_trials=most)  # also where the response is `successes + failures`
    values = np.arange(least, int((count if most is None else most).max(initial=0)) + 1)
    chunks = [(own, count_moments(response, aux, data, tuple(own)))
              for own in np.split(values, np.arange(CHUNK, len(values), CHUNK))]

    def limits_of(nu):
        before, at, after = np.zeros((3,) + nu.shape)
        for own, probabilities in chunks:
            p = probabilities(nu[None])
            side = np.sign(own.reshape((-1,) + (1,) * nu.ndim) - count)
            before += np.where(side < 0, p, 0.0).sum(axis=0)
            at += np.where(side == 0, p, 0.0).sum(axis=0)
            after += np.where(side > 0, p, 0.0).sum(axis=0)
        if most is None:
            after = np.nan
        return np.stack([before, before + at, at + after, after + 0 * at])

    return limits_of
