r"""A response whose log density is a function of the user's.

.. math:: \ell_i = \text{logpdf}(y_i, \nu_i, \phi_{i1}, \phi_{i2}, \ldots)

Derivatives that the user does not give come from the function itself.  The first ones are those of
a complex step h i, Im f(x + h i) / h, exact to rounding (Squire and Trapp, 1998, SIAM Rev. 40,
110-112); higher ones are Taylor coefficients on small circles (taylor.py).  Mixed ones are found
from the Taylor coefficients c_k(u, v) along directions (u, v) of (nu, phi):

.. math:: f_{\nu\phi} = \frac{c_2(u, v) - c_2(u, -v)}{2 u v}, \qquad
          f_{\nu\nu\phi} = \frac{c_3(u, v) - c_3(u, -v) - 2 c_3(0, v)}{u^2 v}

Functions that do not take complex numbers are interpolated on the real line instead.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import pickle

import numpy as np

from statsmodels_gllamm.responses.base import Response, quiet
from statsmodels_gllamm.responses.taylor import START, taylor
from statsmodels_gllamm.responses.validation import as_numbers, no_trials

STEP = 1e-30  # of the complex step
INSIDE = 0.5  # share of the radii along the axes that the directions between them start from
FACTORIAL = (1.0, 1.0, 2.0, 6.0)


@dataclass(frozen=True)
class Custom(Response):
    """A log density given as a function, made by `families.Custom`.

    Parameters
    ----------
    functions : tuple of four callables or None
        Log density and its first, second and third derivative in nu; the first is not None. Each
        takes (y, nu, *aux), all (N,), and gives (N,).
    label : str
        Name of the distribution.
    aux : tuple of (str, float)
        Names and starting values of auxiliary predictors.
    mean_of, variance_of : callable, optional
        Functions of (nu, *aux).
    simulate_of : callable, optional
        Function of (rng, nu, *aux).
    log_concave : bool
    bounded : bool
        Whether the density may be zero for some nu.
    by_complex : bool or None
        Whether the functions take complex numbers; None before that is known.
    """

    functions: tuple[Callable | None, ...]
    label: str = "Custom"
    aux: tuple[tuple[str, float], ...] = ()
    mean_of: Callable | None = None
    variance_of: Callable | None = None
    simulate_of: Callable | None = None
    log_concave: bool = False
    bounded: bool = True
    by_complex: bool | None = None

    def __getstate__(self):
        functions = dict(zip(("logpdf", "score", "hessian", "third", "mean", "variance", "simulate"),
                             (*self.functions, self.mean_of, self.variance_of, self.simulate_of)))
        for argument, function in functions.items():
            try:
                pickle.dumps(function)
            except Exception as error:
                raise pickle.PicklingError(
                    f"{argument} of {self.label} cannot be saved, because it is a lambda or a local "
                    "function: define it with def at the top of a module, and save again.") from error
        return self.__dict__

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    @property
    def derivatives_by(self) -> str | None:
        """"analytic", "complex step" or "finite differences"; None before it is known."""
        if None not in self.functions:
            return "analytic"
        if self.by_complex is None:
            return None
        return "complex step" if self.by_complex else "finite differences"

    @property
    def name(self) -> str:
        by = self.derivatives_by
        how = {None: "", "analytic": "; analytic derivatives"}.get(by, f"; derivatives by {by}")
        return f"Custom({self.label}{how})"

    @property
    def aux_names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.aux)

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        no_trials(n_trials, self.label)
        return np.ascontiguousarray(as_numbers(endog, self.label, index)[0])[None]

    def constant(self, y, aux=None):
        return np.zeros(y.shape[1])

    def _value(self, order, y, nu, aux):
        """One of the user's functions at nu (..., n), by one call with flat arrays."""
        shape = np.shape(nu)
        flat = [np.broadcast_to(x, shape).ravel() for x in (y[0], nu, *self._rows(aux))]
        return np.asarray(self.functions[order](*flat)).reshape(shape)

    def _rows(self, aux):
        return () if aux is None else aux

    @quiet
    def kernel(self, y, nu, aux=None):
        value = self._value(0, y, nu, aux)
        nan = np.isnan(value)
        return np.where(nan, -np.inf, value) if nan.any() else value

    @quiet
    def kernel_score(self, y, nu, aux=None):
        if self.functions[1] is None and self.by_complex:
            value = self._value(0, y, nu + STEP * 1j, aux)
            kernel, score = value.real.copy(), value.imag / STEP
        else:
            kernel, score = self._value(0, y, nu, aux).copy(), self._orders([1], y, nu, aux)[0]
        kernel[np.isnan(kernel)] = -np.inf
        score[np.isneginf(kernel) | np.isnan(score)] = 0.0
        return kernel, score

    def _below(self, order):
        """The highest order of the user's functions up to this one."""
        return max(k for k in range(order + 1) if self.functions[k] is not None)

    def _orders(self, orders, y, nu, aux):
        """Derivatives of some orders in nu, each (..., n)."""
        values, lines = [], {}
        for order in orders:
            base = self._below(order)
            k = order - base
            if k == 0:
                value = np.array(self._value(order, y, nu, aux), dtype=np.float64)
            elif k == 1 and self.by_complex:
                value = self._value(base, y, nu + STEP * 1j, aux).imag / STEP
            else:
                if base not in lines:
                    lines[base] = self._line(base, y, nu, aux, 1.0, None)
                terms, radius = lines[base]
                value = FACTORIAL[k] * terms[k - 1] / radius**k
            values.append(value)
        return values

    def _line(self, base, y, nu, aux, u, v, start=START):
        """Taylor terms (3, ..., n) and radius (..., n) of a function of the user's at nu + u t and
        aux + v t: u (..., n), v (m, ..., n), or None where aux does not change."""
        shape = np.shape(nu)
        flat = [np.broadcast_to(x, shape).ravel() for x in (y[0], nu, *self._rows(aux))]
        slopes = [np.broadcast_to(x, shape).ravel() for x in (
            0.0, u, *([0.0] * len(self.aux) if v is None else v))]

        def function(t, rows):
            arguments = [x[rows] + s[rows] * t if s.any() else np.broadcast_to(x[rows], t.shape)
                         for x, s in zip(flat, slopes)]
            return np.asarray(self.functions[base](*(a.ravel() for a in arguments))).reshape(t.shape)

        terms, radius = taylor(function, int(np.prod(shape)), bool(self.by_complex), start)
        return terms.reshape((3, *shape)), radius.reshape(shape)

    @quiet
    def derivatives(self, y, nu, aux=None):
        none = ~np.isfinite(self.kernel(y, nu, aux))
        values = tuple(self._orders((1, 2, 3), y, nu, aux))
        for value in values:
            value[none] = 0.0
        return values

    @quiet
    def expected_information(self, y, nu, aux=None):
        """The observed one where it is positive, else its size and that of the outer product."""
        first, second, _ = self.derivatives(y, nu, aux)
        return np.where(second < 0, -second, second + first * first)

    def _unit(self, j, shape, size=1.0):
        """A direction (m, ..., n) in which one auxiliary value changes."""
        return [np.broadcast_to(size if k == j else 0.0, shape) for k in range(len(self.aux))]

    def _aux_slope(self, base, y, nu, aux, j):
        """Derivative of a function of the user's in one auxiliary value (..., n)."""
        if self.by_complex:
            step = np.zeros((len(aux), 1), dtype=complex)
            step[j] = STEP * 1j
            return self._value(base, y, nu, aux + step).imag / STEP
        terms, radius = self._line(base, y, nu, aux, 0.0, self._unit(j, np.shape(nu)))
        return terms[0] / radius

    @quiet
    def aux_score(self, y, nu, aux=None):
        if not self.aux:
            return super().aux_score(y, nu, aux)
        value = np.stack([self._aux_slope(0, y, nu, aux, j) for j in range(len(aux))])
        return _zero(value, self.kernel(y, nu, aux))

    @quiet
    def aux_derivatives(self, y, nu, aux=None):
        if not self.aux:
            return super().aux_derivatives(y, nu, aux)
        kernel = self.kernel(y, nu, aux)
        return tuple(_zero(np.stack([self._mixed(order, y, nu, aux, j) for j in range(len(aux))]),
                           kernel) for order in (1, 2))

    def _mixed(self, order, y, nu, aux, j):
        """Derivative in an auxiliary value of that of an order in nu."""
        base = self._below(order)
        if base == order:
            return self._aux_slope(base, y, nu, aux, j)
        shape = np.shape(nu)
        u = self._line(base, y, nu, aux, 1.0, None)[1]
        own, v = self._line(base, y, nu, aux, 0.0, self._unit(j, shape))
        k = order - base + 1
        plus, r = self._line(base, y, nu, aux, u, self._unit(j, shape, v), INSIDE)
        minus, s = self._line(base, y, nu, aux, u, self._unit(j, shape, -v), INSIDE)
        difference = plus[k - 1] / r**k - minus[k - 1] / s**k
        return difference / (2 * u * v) if k == 2 else (difference - 2 * own[2]) / (u * u * v)

    @quiet
    def aux_curvature(self, y, nu, aux=None):
        if not self.aux:
            return super().aux_curvature(y, nu, aux)
        m, shape = len(aux), np.shape(nu)
        value, sizes = np.empty((m, m, *shape)), []
        for j in range(m):
            terms, radius = self._line(0, y, nu, aux, 0.0, self._unit(j, shape))
            value[j, j] = 2 * terms[1] / radius**2
            sizes.append(radius)
        for j in range(m):
            for k in range(j):
                u, v = self._unit(j, shape, sizes[j]), self._unit(k, shape, sizes[k])
                plus, r = self._line(0, y, nu, aux, 0.0, np.add(u, v), INSIDE)
                minus, s = self._line(0, y, nu, aux, 0.0, np.subtract(u, v), INSIDE)
                value[j, k] = value[k, j] = (
                    (plus[1] / r**2 - minus[1] / s**2) / (2 * sizes[j] * sizes[k]))
        return _zero(value, self.kernel(y, nu, aux))

    def _known(self, function, argument, what):
        if function is None:
            raise NotImplementedError(f"{self.name} has no {what}: give {argument}= to Custom.")
        return function

    @quiet
    def mean(self, nu, aux=None, y=None):
        function = self._known(self.mean_of, "mean", "mean to predict with")
        return _spread(function(nu, *self._rows(aux)), nu)

    @quiet
    def variance(self, nu, aux=None, y=None):
        function = self._known(self.variance_of, "variance", "variance")
        return _spread(function(nu, *self._rows(aux)), nu)

    def simulate(self, rng, nu, aux=None, y=None):
        function = self._known(self.simulate_of, "simulate", "way to draw responses")
        return _spread(function(rng, nu, *self._rows(aux)), nu)

    def aux_start(self, y, mu):
        return np.array([value for _, value in self.aux])


def _spread(value, nu):
    """A user's result, which may be one number, in the shape of nu."""
    return np.array(np.broadcast_to(value, np.shape(nu)), dtype=np.float64)


def _zero(value, kernel):
    """Derivatives (..., n), set to zero where the density is."""
    value[..., np.isneginf(kernel)] = 0.0
    return value
