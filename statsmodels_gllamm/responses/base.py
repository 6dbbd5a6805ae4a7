r"""The contract of a response: the log density of a row given its linear predictor.

.. math:: \ell_i(\nu_i, \phi_i) = \text{kernel}(y_i, \nu_i, \phi_i) + \text{constant}(y_i, \phi_i)

nu is the linear predictor and phi the row's auxiliary values (log residual standard deviation,
thresholds and the like).  Derivatives in nu up to the third and in phi up to the second are what
adaptive quadrature with an exact gradient needs.  A response whose outcomes take several linear
predictors is a `SetResponse` (sets.py).
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from functools import wraps
from typing import ClassVar

import numpy as np

AUX_STEP = 1e-4  # of the differences that stand for second derivatives in auxiliary values


class Distribution(ABC):
    """What a response says of itself, whether its outcomes take one linear predictor or several.

    Attributes
    ----------
    name : str
        Distribution and link, such as "Binomial(logit)".
    aux_names : tuple of str
        Auxiliary predictors, such as ("logsd",); m is their number.
    aux_designs : dict {str: str}
        Which design the columns of an auxiliary predictor come from: "dispersion" (default),
        "thresholds", "constant", or a key of the family's own.
    linear_aux : bool
        `row_aux` is linear.
    categories : tuple or None
        Labels of a categorical response's categories, in the order of `probabilities`.
    aux_limits : tuple of float
        Values of the auxiliary predictors beyond which (above a positive one, below a negative one)
        the density hardly changes; infinity, and () for all, for none.
    log_concave : bool
        The second derivative in nu is never positive, wherever the density is.
    bounded : bool
        The density is zero for some nu: the kernel is minus infinity there.
    gaussian : bool
        The log density is quadratic in nu, so that Laplace's approximation is exact.
    takes_constant : bool
        Auxiliary predictors named cut... take the place of the constant of nu.
    mass_at_zero : bool
        A response of zero has positive probability, as that of a count; `blank` gives the row
        statistics of such responses.
    """

    aux_names: tuple[str, ...] = ()
    aux_designs: ClassVar[dict[str, str]] = {}
    linear_aux: bool = True
    categories: tuple | None = None
    aux_limits: ClassVar[tuple[float, ...]] = ()
    log_concave: bool = False
    bounded: bool = False
    gaussian: bool = False
    mass_at_zero: bool = False
    takes_constant: bool = False

    @property
    @abstractmethod
    def name(self) -> str:
        """Distribution and link."""

    def __str__(self) -> str:
        return self.name

    @property
    def n_row_aux(self) -> int:
        """Auxiliary values of an outcome, m'."""
        return len(self.aux_names)


class Around:
    """Mixin of a response made from another one, with the auxiliary predictors of that.

    Attributes
    ----------
    inner : Response
    """

    inner: Distribution

    @property
    def aux_names(self) -> tuple[str, ...]:
        return self.inner.aux_names

    @property
    def aux_designs(self) -> dict[str, str]:
        return self.inner.aux_designs

    @property
    def aux_limits(self) -> tuple[float, ...]:
        return self.inner.aux_limits

    @property
    def linear_aux(self) -> bool:
        return self.inner.linear_aux

    @property
    def bounded(self) -> bool:
        return self.inner.bounded


class Response(Distribution):
    r"""A distribution with its link; it holds no data.

    Shapes: rows n stand last.  ``y`` (c, n) are the row statistics made by `prepare`, the first of
    them the response value; ``nu`` is (..., n), with node axes first.  ``aux`` are the auxiliary
    predictors (m, n) in `row_aux`, `mean`, `variance`, `simulate` and `probabilities`, and the
    row's auxiliary values (m', n) made of them by `row_aux` in all other methods; both are the same
    unless a response says otherwise, and ignored when m is zero.

    Notes
    -----
    Where the kernel is minus infinity, `kernel_score` gives a first derivative of zero (such a
    node has no weight), and `derivatives` gives zeros outside the support.  Inside the support a
    value too large for a double is an infinity of the right sign.  No method warns, clips or
    changes its arguments.
    """

    @abstractmethod
    def prepare(self, endog, n_trials=None, *, index=None, columns=None) -> np.ndarray:
        """Validated row statistics.

        Parameters
        ----------
        endog : array_like
            (n,), or (n, 2) successes and failures of a binomial response.
        n_trials : array_like, optional
            Numbers of trials (n,); then the response is a proportion.
        index : sequence, optional
            Row labels (n,) for messages; default the index of ``endog``, else positions from 0.
        columns : mapping of str to ndarray (n,), optional
            What else the family reads from the data, by role.

        Returns
        -------
        y : ndarray (c, n)
            In C order; the first row is the response value.

        Raises
        ------
        DataError
            A value that the distribution cannot have; the message names rows.
        """

    def blank(self, n, n_trials=None, columns=None) -> np.ndarray:
        """Row statistics (c, n) of rows whose response is not known."""
        return np.zeros((1, n))

    def row_aux(self, y, aux) -> np.ndarray:
        """The rows' auxiliary values (m', n) from the auxiliary predictors (m, n)."""
        return aux

    def row_aux_adjoint(self, y, aux, bar) -> np.ndarray:
        """Derivative in the predictors (m, n) from that in the rows' values (m', n)."""
        return bar

    @abstractmethod
    def constant(self, y, aux=None) -> np.ndarray:
        """Terms of the log density free of nu (n,); accepts complex ``aux``."""

    @abstractmethod
    def kernel(self, y, nu, aux=None) -> np.ndarray:
        """Log density less `constant` (..., n); accepts complex ``nu`` and ``aux``."""

    def kernel_score(self, y, nu, aux=None) -> tuple[np.ndarray, np.ndarray]:
        """Kernel and its first derivative in nu, each (..., n): the hot loop over nodes."""
        kernel = self.kernel(y, nu, aux)
        return kernel, without_weight(kernel, self.derivatives(y, nu, aux)[0])

    @abstractmethod
    def derivatives(self, y, nu, aux=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First, second and third derivative of the log density in nu, each (..., n)."""

    def curvature(self, y, nu, aux=None) -> np.ndarray:
        """Minus the second derivative in nu (..., n)."""
        return -self.derivatives(y, nu, aux)[1]

    @abstractmethod
    def expected_information(self, y, nu, aux=None) -> np.ndarray:
        """Expectation over the response of `curvature` (..., n); positive inside the support."""

    def aux_score(self, y, nu, aux=None) -> np.ndarray:
        """Derivatives of the log density, constant included, in aux (m, ..., n)."""
        return np.zeros((0,) + np.shape(nu))

    def aux_derivatives(self, y, nu, aux=None) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives in aux of the first and of the second derivative in nu, (m, ..., n) each."""
        empty = np.zeros((0,) + np.shape(nu))
        return empty, empty

    def aux_curvature(self, y, nu, aux=None) -> np.ndarray:
        """Second derivatives of the log density, constant included, in aux (m, m, ..., n)."""
        if aux is None or not len(aux):
            return np.zeros((0, 0) + np.shape(nu))
        columns = []
        for k in range(len(aux)):
            step = np.zeros((len(aux), 1))
            step[k] = AUX_STEP
            columns.append((self.aux_score(y, nu, aux + step) - self.aux_score(y, nu, aux - step))
                           / (2 * AUX_STEP))
        return np.stack(columns)

    def probabilities(self, nu, aux=None, y=None) -> np.ndarray:
        """Probabilities of the categories (K, ..., n), for a categorical response."""
        raise NotImplementedError(f"{self.name} has no categories")

    def log_density(self, y, nu, aux=None) -> np.ndarray:
        """Normalised log density (..., n)."""
        return self.kernel(y, nu, aux) + self.constant(y, aux)

    @abstractmethod
    def mean(self, nu, aux=None, y=None) -> np.ndarray:
        """Mean of a row's response (..., n); of the proportion, for a binomial response."""

    @abstractmethod
    def variance(self, nu, aux=None, y=None) -> np.ndarray:
        """Variance of a row's response (..., n), on the scale of `mean`."""

    @abstractmethod
    def simulate(self, rng, nu, aux=None, y=None) -> np.ndarray:
        """Random responses (n,) on the scale of `mean`; ``rng`` is a numpy Generator."""

    def transformed(self, values) -> np.ndarray:
        """Responses on the scale on which a `gaussian` one is normal."""
        return values

    def aux_start(self, y, mu) -> np.ndarray:
        """Starting values of constant auxiliary predictors (m,) from means ``mu`` (n,)."""
        return np.zeros(len(self.aux_names))

    def describe_constant(self, y) -> str | None:
        """What the response is if it does not vary ("every response is 0"), else None."""
        return f"every response is {y[0, 0]:g}" if np.ptp(y[0]) == 0 else None


def without_weight(kernel, score):
    """The score (..., n) with zeros, set in place, where the kernel (..., n) is minus infinity."""
    if not np.isfinite(np.min(kernel, initial=0.0)):
        score[np.isneginf(kernel)] = 0.0
    return score


def scale_score(kernel):
    """d/dlog(sigma) of k - log(sigma), k proportional to sigma^-2; zero at minus infinity."""
    return without_weight(kernel, -2 * kernel - 1)


def quiet(function):
    """Decorator: overflow, log(0) and 0 * infinity are tested for, not warned about."""
    @wraps(function)
    def silent(*args, **kwargs):
        with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
            return function(*args, **kwargs)
    return silent
