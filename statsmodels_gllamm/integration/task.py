"""What is integrated, and how: of the whole model, and of the units of one chunk.

A chunk integrates over the latent variables that its rows touch.  At each level those that are
normal given the others stand first, with one point (reach.py); with a rule of the fifth degree where
Louis' information takes fourth moments.  A level of untouched ones keeps one of them, with one point.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration.reach import FULL, NORMAL
from statsmodels_gllamm.integration.rules import Rule, rule_of


@dataclass(frozen=True, slots=True)
class Task:
    """What is integrated, and how.

    Attributes
    ----------
    q : tuple of int
        Latent variables per level, from the bottom to the top.
    rules : tuple of Rule
        Nodes per level.
    entries : (ndarray (E,), ndarray (E,))
        Rows and columns of Psi that are used.
    adaptive : bool
        Place the nodes at the mode (True) or at the prior (ordinary quadrature).
    """

    q: tuple[int, ...]
    rules: tuple[Rule, ...]
    entries: tuple[np.ndarray, np.ndarray]
    adaptive: bool = True

    @property
    def n_nodes(self) -> int:
        """Node combinations per bottom unit, all latent variables being touched."""
        return int(np.prod([rule.size for rule in self.rules], dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Portion:
    """The part of a task that concerns the units of a chunk.

    Attributes
    ----------
    task : Task
        Over the latent variables that are integrated.
    whole : Task
    own : tuple of ndarray (q',)
        Which of each level's latent variables those are, in their order.
    columns : ndarray (1 + D',)
        The offset's column of Psi and theirs.
    entries : ndarray (E',)
        Which of the entries of the whole are theirs.
    """

    task: Task
    whole: Task
    own: tuple[np.ndarray, ...]
    columns: np.ndarray
    entries: np.ndarray

    def psi(self, psi: np.ndarray) -> np.ndarray:
        """Psi (r, 1 + D + m) of the whole -> (r, 1 + D' + m).

        Raises
        ------
        ValueError
            Psi has loadings that are not among the entries by which units were told apart.
        """
        first_aux = 1 + sum(self.whole.q)
        other = psi[:, :first_aux].copy()
        rows, columns = self.whole.entries
        linear = columns < first_aux
        other[rows[linear], columns[linear]] = 0.0
        if other[:, 1:].any():
            raise ValueError("Psi has loadings that are not among the task's entries")
        return np.concatenate([psi[:, self.columns], psi[:, first_aux:]], axis=1)

    def start(self, modes):
        """Modes per level (q, G) of the whole -> (q', G)."""
        return tuple(u[own] for u, own in zip(modes, self.own))

    def modes(self, modes):
        """Modes per level (q', G) -> (q, G) of the whole, zero for those left out."""
        return tuple(_spread(u, own, q) for u, own, q in zip(modes, self.own, self.whole.q))

    def bar(self, bar: np.ndarray) -> np.ndarray:
        """Derivatives in the portion's entries (E', ...) -> in all (E, ...)."""
        return _spread(bar, self.entries, len(self.whole.entries[0]))

    def square(self, matrix: np.ndarray) -> np.ndarray:
        """A matrix (E', E') -> (E, E)."""
        return self.bar(self.bar(matrix).T)

    def places(self, level: int) -> np.ndarray:
        """Where the latent variables of a level and those above stand among all of those levels."""
        first = np.cumsum([0, *self.whole.q[level:]])
        return np.concatenate([own + at for own, at in zip(self.own[level:], first)])


def _spread(x: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    out = np.zeros((size,) + x.shape[1:])
    out[places] = x
    return out


def portion_of(active, task: Task, moments: bool = False) -> Portion | None:
    """The part of a task for a chunk's `Active` latent variables; None for all of it.

    ``moments``: with rules that give the moments that Louis' information takes.
    """
    if active is None or not active.fits(task):
        return None
    kinds = active.kinds
    if not task.adaptive or all(n == 1 for rule in task.rules for n in rule.points):
        kinds = np.where(kinds == NORMAL, FULL, kinds)  # prior nodes, or one point for all
    if (kinds == FULL).all() and active.columns.all():
        return None
    own, rules, first = [], [], 0
    for q, rule in zip(task.q, task.rules):
        mine = kinds[first:first + q]
        order = np.concatenate([np.flatnonzero(mine == NORMAL), np.flatnonzero(mine == FULL)])
        order = order if len(order) else np.zeros(1, dtype=np.int64)
        n_fifth = int((mine == NORMAL).sum()) if moments else 0
        points = tuple(rule.points[d] if mine[d] == FULL or k < n_fifth else 1
                       for k, d in enumerate(order))
        rules.append(rule_of(points, n_fifth))
        own.append(order)
        first += q
    starts = np.cumsum([0, *task.q[:-1]])
    latent = np.concatenate([at + order for at, order in zip(starts, own)])
    return _portion(task, tuple(own), tuple(rules), latent, first, active.columns)


def _portion(task: Task, own, rules, latent, n_latent: int, used: np.ndarray) -> Portion:
    rows, columns = task.entries
    number = np.full(max(int(columns.max(initial=0)), n_latent) + 1, -1)
    number[0] = 0
    number[1 + latent] = 1 + np.arange(len(latent))
    number[1 + n_latent:] = np.arange(1 + len(latent), 1 + len(latent) + len(number) - 1 - n_latent)
    entries = np.flatnonzero((number[columns] >= 0) & used[rows])
    inner = Task(tuple(len(x) for x in own), rules, (rows[entries], number[columns[entries]]),
                 task.adaptive)
    return Portion(inner, task, own, np.concatenate([[0], 1 + latent]), entries)
