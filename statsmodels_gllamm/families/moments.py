"""Means, variances and probabilities of one response, as functions of the linear predictor."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from statsmodels_gllamm.responses.truncated import ZeroTruncated


def response_moments(response, y, kind: str, aux, data, values=None) -> Callable:
    """Function nu (1, ..., n) -> (..., n) or, of probabilities, (K, ..., n).

    Parameters
    ----------
    response : Response
    y : ndarray (c, n)
        Statistics of rows whose response is not known.
    kind : {"mean", "var", "prob"}
    aux : ndarray (m, n)
    data : FamilyData
    values : tuple of int, optional
        Counts whose probabilities are wanted.
    """
    if kind == "mean":
        return lambda nu: response.mean(nu[0], aux, y)
    if kind == "var":
        return lambda nu: response.variance(nu[0], aux, y)
    if response_labels(response, y, values) is None:
        return lambda nu: response.mean(nu[0], aux, y)[None]
    if response.categories is not None:
        return lambda nu: response.probabilities(nu[0], aux, y)
    rows = [_count_rows(response, value, aux, data) for value in values]
    return lambda nu: np.stack([
        np.exp(response.log_density(y, nu[0], phi)) * possible for y, phi, possible in rows])


def response_labels(response, y, values) -> tuple | None:
    """Labels of the probabilities; None for a response of zero or one.

    Raises
    ------
    ValueError
        The response has no categories and is no count, or there are no ``values`` for one.
    """
    if response.categories is not None:
        return tuple(response.categories)
    if not is_count(response):
        raise ValueError(f"{response.name} is neither a category nor a count, so that it has no "
                         "probabilities; use which='mean' or 'var'")
    if is_binary(response, y):
        return None
    if values is None:
        raise ValueError("values= has the counts whose probabilities are wanted, such as range(10)")
    return tuple(values)


def is_count(response) -> bool:
    """Whether a response is 0, 1, 2, ... or the proportion of such a number."""
    return response.mass_at_zero or isinstance(response, ZeroTruncated)


def is_binary(response, y) -> bool:
    """Whether rows with statistics y are 0 or 1."""
    return is_binomial(response) and len(y) == 1


def is_binomial(response) -> bool:
    """Whether a response is a number of successes, whose mean is that of the proportion."""
    return is_count(response) and len(response.blank(1, 2)) == 2


def _count_rows(response, value: int, aux, data):
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
