r"""Means, variances and probabilities of one response, as functions of the linear predictor.

Of continuous responses the probabilities are P(Y <= v) = exp(log F(v)) and P(Y > v) =
exp(log S(v)), each from its own logarithm, which is exact in both tails.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from numbers import Real

import numpy as np

from statsmodels_gllamm.responses.censored import CensoredResponse
from statsmodels_gllamm.responses.gaussian import GaussianBase
from statsmodels_gllamm.responses.location_scale import GaussianIdentity, LocationScale
from statsmodels_gllamm.responses.student import StudentT
from statsmodels_gllamm.responses.truncated import ZeroTruncated

BLOCK = 60_000  # densities at a time


def response_moments(response, y, kind: str, aux, data, values=None) -> Callable:
    """Function nu (1, ..., n) -> (..., n) or, of probabilities, (K, ..., n).

    Parameters
    ----------
    response : Response
    y : ndarray (c, n)
        Statistics of rows whose response is not known.
    kind : {"mean", "var", "prob", "below", "above"}
        "below" and "above": P(Y <= v) and P(Y > v) of every one of the ``values``.
    aux : ndarray (m, n)
    data : FamilyData
    values : tuple of numbers, optional
        Counts whose probabilities are wanted, or values of a continuous response.
    """
    if kind in ("below", "above"):
        return tail_moments(response, kind, aux, values)
    if kind != "prob":
        category_values(response)
    if kind == "mean":
        return lambda nu: response.mean(nu[0], aux, y)
    if kind == "var":
        return lambda nu: response.variance(nu[0], aux, y)
    if response_labels(response, data, values) is None:
        return lambda nu: response.mean(nu[0], aux, y)[None]
    if response.categories is not None:
        return lambda nu: response.probabilities(nu[0], aux, y)
    return count_moments(response, aux, data, values)


def count_moments(response, aux, data, values) -> Callable:
    """Function nu (1, ..., n) -> (K, ..., n): probabilities of K counts."""
    y, phi, possible = (np.stack(parts, axis=-2) for parts in zip(
        *(count_rows(response, value, aux, data) for value in values)))

    def probabilities(nu):
        out, at = [], nu[0][..., None, :]
        step = max(BLOCK // max(at.size, 1), 1)
        for own in (slice(k, k + step) for k in range(0, len(values), step)):
            shape = nu.shape[1:-1] + possible[own].shape
            n = possible[own].size
            wide = np.broadcast_to(at, shape).reshape(nu.shape[1:-1] + (n,))
            p = np.exp(response.log_density(y[:, own].reshape(len(y), n), wide,
                                            phi[:, own].reshape(len(phi), n)))
            out.append(np.moveaxis(p.reshape(shape) * possible[own], -2, 0))
        return np.concatenate(out)

    return probabilities


def has_tails(response) -> bool:
    """Whether there are probabilities of being below and above any value: `tail_moments`."""
    return isinstance(response, (CensoredResponse, LocationScale, GaussianBase))


def tail_moments(response, kind: str, aux, values) -> Callable:
    """Function nu (1, ..., n) -> (K, ..., n): P(Y <= v), or P(Y > v) for ``kind`` "above"."""
    if isinstance(response, CensoredResponse):
        response = response.inner
    mean = None
    if isinstance(response, GaussianBase):
        response, mean = GaussianIdentity(), response.mean
    elif isinstance(response, StudentT) and response.df is None:
        df = np.exp(aux[1, 0]) if aux.shape[1] else 1.0  # one number for all rows
        response, aux = replace(response, df=df), aux[:1]
    log_tail = response.log_survival if kind == "above" else response.log_distribution

    def tails(nu):
        location = nu[0] if mean is None else mean(nu[0])
        return np.stack([np.exp(log_tail(value, location, aux)) for value in values])

    return tails


def response_labels(response, data, values) -> tuple | None:
    """Labels of the probabilities; None for a response of zero or one.

    Raises
    ------
    ValueError
        The response has no categories and is no count, or there are no ``values`` for one.
    """
    if response.categories is not None:
        return tuple(response.categories)
    if not is_count(response):
        tails = ("which='cumulative' for P(Y <= v), or above=v for P(Y > v)" if has_tails(response)
                 else "which='mean' or 'var'")
        raise ValueError(f"{response.name} is neither a category nor a count, so that it has no "
                         f"probabilities of single values; use {tails}")
    if is_binary(response, data):
        return None
    if values is None:
        raise ValueError("values= has the counts whose probabilities are wanted, such as range(10)")
    return tuple(values)


def is_count(response) -> bool:
    """Whether a response is 0, 1, 2, ... or the proportion of such a number."""
    return response.mass_at_zero or isinstance(response, ZeroTruncated)


def is_binary(response, data) -> bool:
    """Whether rows are 0 or 1: a binomial response without numbers of trials."""
    return is_binomial(response) and data.n_trials is None


def is_binomial(response) -> bool:
    """Whether a response is a number of successes, whose mean is that of the proportion."""
    return is_count(response) and len(response.blank(1, 2)) == 2


def count_rows(response, value: int, aux, data):
    """Row statistics, auxiliary values and whether it is possible, of a count (n,)."""
    least = float(isinstance(response, ZeroTruncated))
    count, trials = np.full(data.n, float(value)), data.n_trials
    possible = count >= least
    if trials is not None:
        possible &= count <= trials
    count = np.where(possible, count, least)
    if trials is not None:
        count = count / np.maximum(trials, 1)
    y = response.prepare(count, trials, index=data.index, columns=data.numbers)
    return y, response.row_aux(y, aux), possible


def category_values(response, labels=None) -> np.ndarray | None:
    """Numbers (K,) that the labels of categories are; None without categories.

    Raises
    ------
    ValueError
        They are no numbers.
    """
    labels = response.categories if labels is None else labels
    if labels is None:
        return None
    if not all(isinstance(label, Real) for label in labels):
        raise ValueError(f"{response.name} has categories that are not numbers, so that it has no "
                         "mean or variance; use which='prob'")
    return np.array(labels, dtype=float)


def category_moments(kind: str, probabilities: Callable, values=None) -> Callable:
    """Function of nu from that of the probabilities (K, ..., n); ``values`` (K,) of categories."""
    if kind == "prob":
        return probabilities

    def moment(nu):
        p = probabilities(nu)
        mean = np.tensordot(values, p, axes=1)
        if kind == "mean":
            return mean
        return sum(q * (value - mean) ** 2 for value, q in zip(values, p))

    return moment


def zero_place(kind: str, labels, values) -> int | list[int] | None:
    """Which probabilities have that of zero in them: of ``labels``, or of limits ``values``."""
    if kind in ("below", "above"):
        return [k for k, value in enumerate(values) if (value >= 0) == (kind == "below")]
    return labels.index(0) if labels and 0 in labels else None


def zero_moments(kind: str, positive: Callable, zero: Callable, mean=None, place=None) -> Callable:
    """Function of nu (2, ..., n) of a response that is zero with probability ``zero(nu[1])``.

    Parameters
    ----------
    kind : {"mean", "var", "prob", "below", "above"}
    positive : callable
        The same of the other part, a function of nu (1, ..., n).
    mean : callable, optional
        Mean of the other part, for the variance.
    place : int or list of int, optional
        Which of the probabilities have that of zero in them, see `zero_place`; None for none.
    """
    def moment(nu):
        pi = zero(nu[1])
        value = (1 - pi) * positive(nu[:1])
        if kind == "var":
            value = value + pi * (1 - pi) * mean(nu[:1]) ** 2
        elif kind != "mean" and place is not None:
            value[place] += pi
        return value

    return moment
