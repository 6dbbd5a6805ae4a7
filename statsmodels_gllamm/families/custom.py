"""Families of the user's own: a log density is enough."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from numbers import Real

from statsmodels_gllamm.families.base import Elementwise, FamilyData, Outcomes, row_statistics
from statsmodels_gllamm.responses import custom
from statsmodels_gllamm.responses.custom_check import checked


@dataclass(frozen=True)
class CustomFamily(Elementwise):
    """A `Custom` log density; made by that function."""

    response: custom.Custom

    @property
    def derivatives_by(self) -> str | None:
        """"analytic", "complex step", "finite differences", or None before the data are seen."""
        return self.response.derivatives_by

    def fitted(self, data: FamilyData) -> CustomFamily:
        if data.endog is None or self.response.by_complex is not None:
            return self
        return replace(self, response=checked(
            self.response, row_statistics(self.response, data), data.index))

    def outcomes(self, data: FamilyData) -> Outcomes:
        return Elementwise(self.fitted(data).response).outcomes(data)


def Custom(logpdf: Callable, *, score: Callable | None = None, hessian: Callable | None = None,
           third: Callable | None = None, mean: Callable | None = None,
           variance: Callable | None = None, simulate: Callable | None = None,
           aux: Mapping[str, float] | None = None, log_concave: bool = False,
           name: str | None = None) -> CustomFamily:
    r"""Family of a log density that the user writes.

    Parameters
    ----------
    logpdf : callable
        ``logpdf(y, nu, *aux)``: the log density or log probability of responses ``y`` with linear
        predictors ``nu`` and auxiliary values ``aux``. All are arrays (N,) of the same length, and
        so is the result: one value for each row, from that row alone. Where the density is zero it
        is ``-np.inf``.
    score, hessian, third : callable, optional
        First, second and third derivative of ``logpdf`` in ``nu``, with the same arguments. By
        default they are found numerically.
    mean, variance : callable, optional
        ``mean(nu, *aux)`` of a response, for predictions and residuals; ``nu`` may have any
        shape whose last axis is that of ``aux``.
    simulate : callable, optional
        ``simulate(rng, nu, *aux)``: random responses with a numpy Generator.
    aux : mapping of str to float, optional
        Names and starting values of auxiliary parameters on the whole real line, such as
        ``{"logsd": 0.0}``; each is linear in the columns of ``dispersion=`` (by default a
        constant), with parameters ``logsd[column]``.
    log_concave : bool, optional
        The second derivative of ``logpdf`` in ``nu`` is never positive: the search for modes is
        then quicker.
    name : str, optional
        Default is the name of the function.

    Returns
    -------
    CustomFamily
        ``derivatives_by`` says how derivatives are found once a model is built.

    Raises
    ------
    TypeError
        Something is not callable, or a starting value not a number.
    ValueError
        When a model is built: a function that is not elementwise, or whose derivative is not what
        it should be.
    DataError
        When a model is built: a log density that is NaN.

    Notes
    -----
    .. math:: \ell_i = \text{logpdf}(y_i, \nu_i, \phi_{i1}, \ldots), \qquad \phi_{ij} = w_i'\alpha_j

    The estimation needs derivatives up to the third. If ``logpdf`` takes complex numbers, which is
    tried on the data once, they are exact to about ten digits or better: the first by a complex
    step, higher ones by Cauchy's integral on small circles. For that write ``scipy.special.
    loggamma`` rather than ``gammaln``, ``np.sqrt(x * x)`` rather than ``np.abs(x)``, and
    ``np.where`` conditions on ``np.real(x)``. Otherwise they are finite differences of high order,
    with about six digits in the third derivative, and slower. The name of the family says which:
    ``Custom(mydist; derivatives by complex step)``.

    A log density that is NaN counts as -inf, but it may not be NaN wherever it is tried.
    The constant terms belong to ``logpdf``: without them the log-likelihood lacks them too.

    References
    ----------
    Squire, W. and Trapp, G. (1998). Using complex variables to estimate derivatives of real
    functions. *SIAM Review* 40, 110-112.

    Lyness, J. N. and Moler, C. B. (1967). Numerical differentiation of analytic functions. *SIAM
    Journal on Numerical Analysis* 4, 202-210.

    Examples
    --------
    Logistic errors around a linear predictor, heavier in the tails than Gaussian ones:

    >>> import numpy as np
    >>> def logistic(y, nu, logscale):
    ...     z = (y - nu) * np.exp(-logscale)
    ...     return -z - 2 * np.log1p(np.exp(-z)) - logscale
    >>> family = Custom(logistic, mean=lambda nu, logscale: nu, aux={"logscale": 0.0},
    ...                 log_concave=True)
    >>> family.name
    'Custom(logistic)'

    As ``family=`` of a model it knows the data, and how it gets its derivatives:

    >>> from statsmodels_gllamm.families.base import FamilyData
    >>> import pandas as pd
    >>> y = np.array([0.3, -1.2, 2.0])
    >>> family.fitted(FamilyData(y, pd.RangeIndex(3))).name
    'Custom(logistic; derivatives by complex step)'
    """
    functions = (logpdf, score, hessian, third)
    given = dict(zip(("logpdf", "score", "hessian", "third", "mean", "variance", "simulate"),
                     (*functions, mean, variance, simulate)))
    for argument, function in given.items():
        if not callable(function) and (function is not None or argument == "logpdf"):
            raise TypeError(f"{argument} of a Custom family is a function, not {function!r}.")
    label = name or getattr(logpdf, "__name__", "logpdf").replace("<lambda>", "logpdf")
    return CustomFamily(custom.Custom(functions, label, _starts(aux), mean, variance, simulate,
                                      log_concave))


def _starts(aux) -> tuple[tuple[str, float], ...]:
    """Names and starting values, checked."""
    if aux is not None and not isinstance(aux, Mapping):
        raise TypeError("aux of a Custom family maps names to starting values, such as "
                        f"{{'logsd': 0.0}}, not {aux!r}.")
    starts = []
    for key, value in (aux or {}).items():
        if not (isinstance(key, str) and isinstance(value, Real) and isfinite(value)):
            raise TypeError(f"aux of a Custom family maps names to finite numbers, but {key!r} has "
                            f"{value!r}.")
        starts.append((key, float(value)))
    return tuple(starts)
