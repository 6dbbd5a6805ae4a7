r"""Linear constraints on parameters, solved.

.. math:: R \theta = q \quad\Longleftrightarrow\quad \theta = A \varphi + a

where phi are those elements of theta that the reduced row echelon form of R leaves free.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PIVOT = 1e-10  # of the largest element of R, below which a pivot is zero


@dataclass(frozen=True, slots=True)
class Constraints:
    """Constraints R theta = q and their solution.

    Attributes
    ----------
    r : ndarray (m, k)
    q : ndarray (m,)
    basis : ndarray (k, f)
        A; row ``free[i]`` is the unit vector i.
    shift : ndarray (k,)
        a.
    free : ndarray (f,)
        Positions of phi in theta.
    """

    r: np.ndarray
    q: np.ndarray
    basis: np.ndarray
    shift: np.ndarray
    free: np.ndarray

    def expand(self, phi: np.ndarray) -> np.ndarray:
        """theta (..., k) from phi (..., f)."""
        return phi @ self.basis.T + self.shift

    def project(self, theta: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """phi (f,) whose theta is nearest to a given one (k,), differences times weights (k,)."""
        gap = weight * (theta - self.shift)
        return np.linalg.lstsq(weight[:, None] * self.basis, gap, rcond=None)[0]

    @property
    def fixed(self) -> np.ndarray:
        """Positions of the parameters that have one value."""
        return np.flatnonzero(~self.basis.any(axis=1))

    @property
    def touched(self) -> np.ndarray:
        """Positions of the parameters that a constraint has to do with."""
        return np.flatnonzero(self.r.any(axis=0))

    def texts(self, names) -> list[str]:
        """Every constraint in words."""
        return [_text(row, value, names) for row, value in zip(self.r, self.q)]


def solve(r: np.ndarray, q: np.ndarray, names) -> Constraints:
    """Solve R theta = q for as many elements of theta as there are constraints.

    Parameters
    ----------
    r : ndarray (m, k)
    q : ndarray (m,)
    names : sequence of str
        Parameters, for messages.

    Raises
    ------
    ValueError
        Constraints that contradict each other, or leave no parameter free.
    """
    r, q = np.atleast_2d(np.asarray(r, dtype=float)), np.ravel(np.asarray(q, dtype=float))
    if not (np.isfinite(r).all() and np.isfinite(q).all()):
        raise ValueError("constraints have numbers that are not finite")
    table = np.column_stack([r, q])
    scale = np.abs(r).max(axis=1, initial=0.0)
    table = table / np.where(scale > 0, scale, 1.0)[:, None]
    pivots: list[int] = []
    for number in range(len(r)):
        row = number + int(np.argmax(np.abs(table[number:, :-1]).max(axis=1, initial=0.0)))
        table[[number, row]] = table[[row, number]]
        size = np.abs(table[number, :-1])
        if size.max(initial=0.0) < PIVOT:
            break
        column = len(size) - 1 - int(np.argmax(size[::-1] > 0.5 * size.max()))
        table[number] /= table[number, column]
        others = np.arange(len(r)) != number
        table[others] -= np.outer(table[others, column], table[number])
        pivots.append(column)
    wrong = np.abs(table[len(pivots):, -1]) > 1e-8
    if wrong.any():
        raise ValueError("the constraints contradict each other: no parameters satisfy "
                         + " and ".join(_text(row, value, names) for row, value in zip(r, q)))
    k = r.shape[1]
    free = np.setdiff1d(np.arange(k), pivots)
    if not len(free):
        raise ValueError("the constraints fix every parameter; there is nothing to estimate")
    basis, shift = np.zeros((k, len(free))), np.zeros(k)
    basis[free, np.arange(len(free))] = 1.0
    for row, column in zip(table, pivots):
        basis[column] = -row[free]
        shift[column] = row[-1]
    return Constraints(r, q, basis, shift, free)


def _text(row, value, names) -> str:
    """One constraint as an equation, terms of negative sign on the right."""
    def side(sign):
        return [name if abs(w) == 1 else f"{abs(w):g}*{name}"
                for name, w in zip(names, row) if w * sign > 0]

    left, right = side(1), side(-1)
    if not left:
        left, right, value = right, left, -value
    if value or not right:
        right.append(f"{value:g}")
    return f"{' + '.join(left) or '0'} = {' + '.join(right)}"
