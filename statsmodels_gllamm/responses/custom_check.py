"""What a user's log density must be, found by trying it on the data once.

Its mistakes get one error each, and here it turns out whether it takes complex numbers: a complex
step must agree with differences on the real line, in the linear predictor and in every auxiliary
value, and the higher Taylor coefficients on a circle with those of an interval.
"""
from __future__ import annotations

from dataclasses import replace
import warnings

import numpy as np

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.custom import FACTORIAL, STEP, Custom
from statsmodels_gllamm.responses.custom_smooth import refuse_kinks
from statsmodels_gllamm.responses.validation import rows_text

TRIES = (0.3, -0.3, 1.1, -1.1, 3.0, -3.0, 0.03, 12.0, -12.0)  # linear predictors
AT_MOST = 100  # rows on which derivatives are compared
AGREE = 1e-5  # differences of Taylor terms relative to the largest one
FLOOR = 1e-6  # size of a term, relative to the function, that differences see
ARGUMENTS = ("logpdf", "score", "hessian", "third")


@quiet
def checked(response: Custom, y, index=None) -> Custom:
    """The response with ``by_complex`` and ``bounded`` known.

    Parameters
    ----------
    response : Custom
    y : ndarray (1, n)
        Row statistics.
    index : sequence, optional
        Row labels.

    Raises
    ------
    ValueError
        A function that cannot be evaluated, has another shape than its arguments, is not real, is
        not a function of each row alone, has a kink, or is not the derivative that it should be.
    DataError
        A log density that is NaN or plus infinity.
    """
    n = y.shape[1]
    aux = np.repeat(np.array([v for _, v in response.aux]).reshape(-1, 1), n, axis=1)
    tries = [*TRIES, y[0], np.log(np.maximum(np.abs(y[0]), 0.1))]
    nus = [np.broadcast_to(np.asarray(nu, dtype=float), (n,)).copy() for nu in tries]
    values = np.array([_call(response, 0, y, nu, aux) for nu in nus])
    _refuse_values(response, values, index)
    finite = np.isfinite(values)
    nu = np.choose(finite.argmax(axis=0), nus)
    rows = np.flatnonzero(finite.any(axis=0))
    rows = rows[:: max(1, -(-len(rows) // AT_MOST))]
    some, nu, aux = y[:, rows], nu[rows], aux[:, rows]
    if not rows.size:
        raise DataError(f"logpdf of {response.label} is minus infinity in every row, at any linear "
                        f"predictor tried, such as {TRIES[0]:g} and {TRIES[1]:g}.")
    _refuse_rows(response, some, nu, aux)
    response = replace(response, by_complex=False, bounded=not finite.all())
    refuse_kinks(response, some, aux, [x[rows] for x in nus])
    _refuse_derivatives(response, some, nu, aux)
    return replace(response, by_complex=_takes_complex(response, some, nu, aux))


def _call(response, order, y, nu, aux):
    """One of the user's functions at real numbers: its errors in terms of the user."""
    name, n = f"{ARGUMENTS[order]} of {response.label}", len(nu)
    try:
        value = np.asarray(response.functions[order](y[0].copy(), nu.copy(), *aux.copy()))
    except Exception as error:
        raise ValueError(f"{name} cannot be evaluated as {ARGUMENTS[order]}"
                         f"({', '.join(('y', 'nu', *response.aux_names))}) with arrays of {n} "
                         f"rows: {type(error).__name__}: {error}") from error
    if value.shape != (n,):
        raise ValueError(f"{name} gives an array of shape {value.shape} for arguments of shape "
                         f"({n},): it must be elementwise, one value for each row.")
    if value.dtype.kind not in "iuf":
        raise ValueError(f"{name} gives {value.dtype} for real arguments: it must give numbers.")
    return value.astype(np.float64)


def _refuse_values(response, values, index):
    """DataError for rows whose log density is NaN wherever it was tried, or plus infinity."""
    for bad, what, rule in (
            (np.isnan(values).all(axis=0), "NaN", "check it at these responses; where the density "
             "is zero it is -inf"),
            (np.isposinf(values).any(axis=0), "plus infinity", "it must be finite or -inf")):
        if bad.any():
            raise DataError(f"logpdf of {response.label} is {what} in {rows_text(bad, index)}: "
                            f"{rule}.")


def _refuse_rows(response, y, nu, aux):
    """ValueError if a row's value depends on other rows."""
    for order in range(4):
        if response.functions[order] is not None:
            whole = _call(response, order, y, nu, aux)
            part = _call(response, order, y[:, ::-2], nu[::-2], aux[:, ::-2])
            if not np.allclose(whole[::-2], part, rtol=1e-9, atol=1e-12, equal_nan=True):
                raise ValueError(f"{ARGUMENTS[order]} of {response.label} gives a row another value "
                                 "when it comes with other rows: it must be elementwise.")


def _refuse_derivatives(response, y, nu, aux):
    """ValueError if a derivative of the user's is not that of the function before it."""
    for order in (1, 2, 3):
        if response.functions[order] is not None:
            base = response._below(order - 1)
            given = _call(response, order, y, nu, aux)
            terms, radius = response._line(base, y, nu, aux, 1.0, None)
            unit = FACTORIAL[order - base] / radius ** (order - base)
            numeric = terms[order - base - 1] * unit
            size = np.abs(terms).max(axis=0) + FLOOR * np.abs(_call(response, base, y, nu, aux))
            excess = np.abs(given - numeric) / unit - 10 * AGREE * (size + np.abs(given) / unit)
            if not np.all(excess <= 0):
                worst = np.argmax(np.where(np.isnan(excess), np.inf, excess))
                raise ValueError(
                    f"{ARGUMENTS[order]} of {response.label} is not the derivative of "
                    f"{ARGUMENTS[base]} in nu: {given[worst]:.6g} at y = {y[0, worst]:g} and nu = "
                    f"{nu[worst]:g}, where differences give {numeric[worst]:.6g}.")


def _takes_complex(response, y, nu, aux) -> bool:
    """Whether complex numbers give the same derivatives as real ones."""
    other = replace(response, by_complex=True)
    directions = [(1.0, None)] + [
        (0.0, response._unit(j, np.shape(nu))) for j in range(len(response.aux))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # imaginary parts thrown away
            return all(
                _agrees(response, other, base, y, nu, aux, u, v)
                for base in range(4) if response.functions[base] is not None
                for u, v in directions)
    except Exception:  # whatever the user's function does with complex numbers
        return False


def _agrees(real, other, base, y, nu, aux, u, v) -> bool:
    terms, radius = real._line(base, y, nu, aux, u, v)
    circle, r = other._line(base, y, nu, aux, u, v)
    k = np.arange(1, 4)[:, None]
    step = 1j * STEP
    slope = other._value(base, y, nu + step * u, aux + (0.0 if v is None else step * np.array(v)))
    size = np.abs(terms).max(axis=0) + FLOOR * np.abs(slope.real)
    gap = np.abs(circle * (radius / r) ** k - terms)
    return bool(np.all(np.isfinite(gap)) and np.all(gap <= AGREE * size)
                and np.all(np.abs(slope.imag / STEP * radius - terms[0]) <= AGREE * size))
