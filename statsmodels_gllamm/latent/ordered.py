r"""Classes in order: inequalities between class-specific coefficients.

.. math:: \beta_{p1} \le \beta_{p2} \le \dots \le \beta_{pC} \quad\Longleftrightarrow\quad
          G \theta \ge 0

with a row of G for every column p in order and every two neighbouring classes: the derivative of
:math:`\beta_{p,c+1} - \beta_{pc}` in the parameters.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.parameters import Layout


@dataclass(frozen=True, slots=True)
class Order:
    """Inequalities G theta + h >= 0.

    Attributes
    ----------
    columns : dict of int to tuple of int
        By number of a class variable those of its columns whose coefficients rise with the class.
    matrix : ndarray (m, k)
        G.
    shift : ndarray (m,)
        h.
    texts : tuple of str (m,)
        What holds with equality where G theta + h = 0.
    """

    columns: dict[int, tuple[int, ...]]
    matrix: np.ndarray
    shift: np.ndarray
    texts: tuple[str, ...]

    def slack(self, theta: np.ndarray) -> np.ndarray:
        """G theta + h (m,)."""
        return self.matrix @ theta + self.shift

    def within(self, basis: np.ndarray, shift: np.ndarray) -> Order | None:
        """The same of phi, where theta = basis phi + shift; None where nothing is left of it."""
        matrix = self.matrix @ basis
        left = np.abs(matrix).max(axis=1, initial=0.0) > 1e-12
        if not left.any():
            return None
        return Order(self.columns, matrix[left], (self.shift + self.matrix @ shift)[left],
                     tuple(text for text, one in zip(self.texts, left) if one))


def order_of(variables, ordered, layout: Layout) -> Order:
    """The order of the classes of a sample.

    Parameters
    ----------
    variables : sequence of LatentClasses
    ordered : sequence of (bool or tuple of str)
        For every variable: all columns, none, or those whose coefficients have these names.
    layout : Layout

    Raises
    ------
    FormulaError
        A name is not that of a class-specific column.
    """
    columns, rows, texts = {}, [np.zeros((0, layout.size))], []
    for classes, wanted in zip(variables, ordered):
        names = [column.name for column in classes.columns]
        wanted = names if wanted is True else wanted or ()
        unknown = [name for name in wanted if name not in names]
        if unknown:
            raise FormulaError(f"Classes(ordered=...) has {unknown[0]!r}, which is not a column in the "
                               f"bars of {classes.name!r}; these are {', '.join(names)}")
        own = tuple(p for p, name in enumerate(names) if name in wanted)
        if own:
            columns[classes.number] = own
            slope = np.diff(_slopes(classes, layout), axis=0)
            rows.append(slope[:, own].reshape(-1, layout.size))
            texts += [f"{names[p]} is the same with {classes.label(c)} and {classes.label(c + 1)}"
                      for c in range(classes.n - 1) for p in own]
    matrix = np.vstack(rows)
    return Order(columns, matrix, np.zeros(len(matrix)), tuple(texts))


def _slopes(classes, layout: Layout) -> np.ndarray:
    """Derivative of the coefficients in all parameters (n, P, k)."""
    out = np.zeros((classes.n, len(classes.columns), layout.size))
    place = layout.positions("class")[classes.places[0]]
    for c in range(classes.n):
        column, own, values = classes.slopes(c)
        np.add.at(out[c], (column, place[own]), values)
    return out


def in_order(order: Order | None, classes, own: np.ndarray) -> np.ndarray:
    """Coefficients (n, P) of a class variable with those of the columns in order sorted."""
    columns = [] if order is None else list(order.columns.get(classes.number, ()))
    own = own.copy()
    own[:, columns] = np.sort(own[:, columns], axis=0)
    return own
