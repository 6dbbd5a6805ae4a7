r"""Firth's penalty: half the log determinant of the information about the coefficients.

.. math::
    P = \tfrac{\alpha}{2} \log|I|, \qquad I = -\frac{\partial^2 \ell}{\partial\beta\,\partial\beta'},
    \qquad \frac{\partial P}{\partial\theta} = -\tfrac{\alpha}{2}
    \sum_r \frac{d^2}{dt^2} \frac{\partial\ell}{\partial\theta}(\theta + t v_r)\Big|_{t=0},
    \quad \sum_r v_r v_r' = I^{-1}

with the log-likelihood of the quadrature.  I are central differences of the exact gradient along the
p coefficients, and the slope of its log determinant second differences of the same along the columns
v_r of a root of its inverse: 4p gradients in all.  The search takes the curvature of the
log-likelihood alone, that of the penalty being of smaller order (Firth, 1993, Biometrika 80, 27-38;
Heinze and Schemper, 2002, Statistics in Medicine 21, 2409-2419).
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.estimation.objective import Point
from statsmodels_gllamm.estimation.penalties import Penalty
from statsmodels_gllamm.integration.mode import ModeError

FIRST = 5e-3  # steps of first differences, in standard errors
SECOND = 2e-2  # of second differences


@dataclass(frozen=True)
class Firth:
    """``at`` (p,) are the positions of coefficients and thresholds in the coordinates of the search;
    ``alpha`` the weight of the penalty."""

    at: np.ndarray
    alpha: float = 1.0
    informative = False

    def on(self, objective, inner: Point) -> Penalty:
        """The penalty at a point."""
        gradient = _Gradient(objective, inner)
        size = FIRST * _errors(objective, inner)[self.at]
        matrix = self._information(gradient, size)
        diagonal = np.diag(matrix)
        proper = FIRST / np.sqrt(np.where(diagonal > 0, diagonal, np.inf))
        if (size > 2 * proper).any() and (proper > 0).all():
            matrix = self._information(gradient, np.minimum(size, proper))
        try:
            root = np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            raise ModeError("the information about the coefficients, whose determinant is Firth's "
                            "penalty, is not positive definite", np.zeros(1, dtype=int)) from None
        none = np.zeros((len(inner.working),) * 2)
        value = self.alpha * float(np.log(np.diag(root)).sum())
        return Penalty(value, lambda: self._slope(gradient, root), none, none)

    def _direction(self, k: int, values) -> np.ndarray:
        out = np.zeros(k)
        out[self.at] = values
        return out

    def _information(self, gradient: _Gradient, size) -> np.ndarray:
        k = len(gradient.inner.working)
        rows = []
        for unit, h in zip(np.eye(len(size)), size):
            step = self._direction(k, h * unit)
            rows.append((gradient(-step) - gradient(step))[self.at] / (2 * h))
        matrix = np.array(rows)
        return 0.5 * (matrix + matrix.T)

    def _slope(self, gradient: _Gradient, root) -> np.ndarray:
        """Derivative (k,) of the penalty, from the Cholesky root of I."""
        k, here = len(gradient.inner.working), gradient.inner.gradient
        total = np.zeros(k)
        for column in np.linalg.inv(root):  # rows of the inverse root: sum v v' = I^-1
            step = self._direction(k, SECOND * column)
            total += (gradient(step) - 2 * here + gradient(-step)) / SECOND**2
        return -0.5 * self.alpha * total


@dataclass(frozen=True)
class _Gradient:
    """The gradient of the log-likelihood (k,) a step away from a point."""

    objective: object
    inner: Point

    def __call__(self, step: np.ndarray) -> np.ndarray:
        return self.objective.at(self.inner.working + step, self.inner.value.state).gradient


def _errors(objective, inner: Point) -> np.ndarray:
    """Rough standard errors (k,) that set the size of steps."""
    if inner.value.information is not None:
        rough = np.diag(inner.louis)
    else:
        rough = np.diag(objective.at(inner.working, inner.value.state, units=True).opg)
    known = rough > 0
    return np.where(known, 1 / np.sqrt(np.where(known, rough, 1.0)), 1 + np.abs(inner.working))
