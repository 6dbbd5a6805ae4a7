"""Sums over the children of a unit, and spreading a unit's values over its children.

The children of all units stand on the last axis.  Where every unit has the same number m of
children they are laid out position-major, child = position * G + unit, so that both operations
are plain broadcasting; otherwise the children of a unit are contiguous.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Runs:
    """Children -> units on the last axis: ``n`` children of ``size`` units.

    ``counts`` is None in the balanced, position-major layout.
    """

    n: int
    size: int
    counts: np.ndarray | None = None
    starts: np.ndarray | None = None

    def sum(self, x: np.ndarray) -> np.ndarray:
        """(..., n) -> (..., size): sums over the children of each unit."""
        if self.counts is None:
            if self.n == self.size:
                return x
            return x.reshape(x.shape[:-1] + (self.n // self.size, self.size)).sum(-2)
        return np.add.reduceat(x, self.starts, axis=-1)

    def spread(self, x: np.ndarray) -> np.ndarray:
        """(..., size) -> (..., n): each unit's value at its children."""
        if self.counts is None:
            if self.n == self.size:
                return x
            m = self.n // self.size
            wide = np.broadcast_to(x[..., None, :], x.shape[:-1] + (m, self.size))
            return wide.reshape(x.shape[:-1] + (self.n,))
        return np.repeat(x, self.counts, axis=-1)

    def sum_times(self, x: np.ndarray, a: np.ndarray) -> np.ndarray:
        """(N, n), (n,) -> (N, size): sums over the children of x a.

        Positions where a is zero are left out: the column of an item has one that is not.
        """
        if self.counts is None:
            shape = (self.n // self.size, self.size)
            a, x = a.reshape(shape), x.reshape((-1,) + shape)
            used = np.flatnonzero(a.any(axis=1)) if shape[0] > 2 else ()
            if len(used) == 1:
                return x[:, used[0]] * a[used[0]]
            if 2 * len(used) < shape[0] and shape[0] > 2:
                return np.einsum("kmg,mg->kg", x[:, used], a[used])
            return np.einsum("kmg,mg->kg", x, a)
        return np.add.reduceat(x * a, self.starts, axis=-1)

    def contract(self, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """(N, n), (N, size) -> (n,): at every child, the sum over N of x times its unit's weight."""
        if self.counts is None:
            shape = (-1, self.n // self.size, self.size)
            return np.einsum("kmg,kg->mg", x.reshape(shape), weight).ravel()
        return np.einsum("kn,kn->n", x, np.repeat(weight, self.counts, axis=-1))

    def times(self, a: np.ndarray, x: np.ndarray) -> np.ndarray:
        """(n,), (N, size) -> (N, n): a at every child times its unit's value x."""
        if self.counts is None:
            shape = (self.n // self.size, self.size)
            return (a.reshape(shape) * x[:, None, :]).reshape(len(x), self.n)
        wide = np.repeat(x, self.counts, axis=-1)
        wide *= a
        return wide


def layout(counts: np.ndarray, starts: np.ndarray, order: np.ndarray,
           contiguous: bool = False) -> tuple[Runs, np.ndarray]:
    """Lay out the children of units taken in a given order.

    Parameters
    ----------
    counts, starts : ndarray (U,)
        Number of children and first child of each unit, children being contiguous.
    order : ndarray (G,)
        The units, in the order of the parent axis.
    contiguous : bool
        Lay the children of a unit out contiguously even where all units have the same number.

    Returns
    -------
    Runs, ndarray (n,)
        The runs, and the child that stands at each place of the child axis.
    """
    c, s = counts[order], starts[order]
    size = len(order)
    m = int(c[0])
    if (c == m).all() and not contiguous:
        return Runs(m * size, size), (s[None, :] + np.arange(m)[:, None]).ravel()
    n = int(c.sum())
    first = np.concatenate([[0], np.cumsum(c)[:-1]])
    return Runs(n, size, c, first), np.repeat(s - first, c) + np.arange(n)
