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
    columns : tuple of int
        Numbers of the class-specific columns whose coefficients rise with the class.
    matrix : ndarray (m, k)
        G.
    shift : ndarray (m,)
        h.
    texts : tuple of str (m,)
        What holds with equality where G theta + h = 0.
    """

    columns: tuple[int, ...]
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


def order_of(classes, ordered, layout: Layout) -> Order | None:
    """The order of the classes of a sample.

    Parameters
    ----------
    classes : LatentClasses
    ordered : bool or tuple of str
        All columns, or those whose coefficients have these names.
    layout : Layout

    Raises
    ------
    FormulaError
        A name is not that of a class-specific column.
    """
    names = [column.name for column in classes.columns]
    wanted = names if ordered is True else ordered
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise FormulaError(f"Classes(ordered=...) has {unknown[0]!r}, which is not a column in the "
                           f"bars of {classes.name!r}; these are {', '.join(names)}")
    columns = tuple(p for p, name in enumerate(names) if name in wanted)
    slope = np.zeros((classes.n, len(names), layout.size))
    place = layout.positions("class")
    for c in range(classes.n):
        column, own, values = classes.slopes(c)
        np.add.at(slope[c], (column, place[own]), values)
    rows, texts = [], []
    for p in columns:
        for c in range(1, classes.n):
            rows.append(slope[c, p] - slope[c - 1, p])
            texts.append(f"{names[p]} is the same with {classes.label(c - 1)} and {classes.label(c)}")
    if not rows:
        return None
    return Order(columns, np.array(rows), np.zeros(len(rows)), tuple(texts))


def in_order(order: Order | None, own: np.ndarray) -> np.ndarray:
    """Coefficients (n, P) with those of the columns in order sorted."""
    if order is not None:
        own = own.copy()
        own[:, list(order.columns)] = np.sort(own[:, list(order.columns)], axis=0)
    return own
