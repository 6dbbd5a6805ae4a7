"""Chunks of whole top-level units, the pieces a likelihood is summed over.

A chunk holds the rows of some top-level units, laid out so that every sum over the rows of a unit
is contiguous (latent/runs.py), and sized so that rows x nodes temporaries stay in the cache.  It is
all that one evaluation of those units' log-likelihood needs besides the parameters.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.integration.observed import Rows, Sets
from statsmodels_gllamm.integration.observed_mixed import Mixed
from statsmodels_gllamm.integration.reach import Active
from statsmodels_gllamm.latent.hierarchy import Level
from statsmodels_gllamm.latent.runs import Runs


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some top-level units, their outcomes and rows.

    Attributes
    ----------
    observed : Rows, Sets or Mixed
        The outcomes' responses, with their level-1 weights.
    offset : ndarray (n,) or None
    design : ndarray (r, n)
        Row columns W.
    row_runs : Runs
        rows -> bottom units; the units of a model without latent variables are the outcomes.
    runs : tuple of Runs
        outcomes -> level-2 units -> ... -> top-level units; empty without latent variables.
    unit_weight : tuple of (ndarray or None)
        Weight of each unit inside its parent, levels below the top.
    top_weight : ndarray (G,)
        Weight of each top-level unit.
    rows : ndarray (n,)
        Engine row of every chunk row.
    units : tuple of ndarray
        Global number of every unit, level by level.
    top_units : ndarray (G,)
        Global number of every top-level unit; of every outcome, without latent variables.
    patterns : (ndarray (n,), ndarray (r, P)) or None
        Pattern of every row, and the row columns of every pattern, where few rows of W differ.
    active : Active or None
        Which latent variables and columns the rows touch; None for all.
    """

    observed: Rows | Sets | Mixed
    offset: np.ndarray | None
    design: np.ndarray
    row_runs: Runs
    runs: tuple[Runs, ...]
    unit_weight: tuple[np.ndarray | None, ...]
    top_weight: np.ndarray
    rows: np.ndarray
    units: tuple[np.ndarray, ...]
    top_units: np.ndarray
    patterns: tuple[np.ndarray, np.ndarray] | None = None
    active: Active | None = None

    @property
    def outcome_runs(self) -> Runs:
        """outcomes -> bottom units."""
        n = self.observed.n_outcomes
        return self.runs[0] if self.runs else Runs(n, n)

    def rows_to_top(self, x: np.ndarray) -> np.ndarray:
        """Sum x (..., n) from the rows to the top-level units."""
        return self.units_to_top(self.row_runs.sum(x), 0)

    def top_to_rows(self, x: np.ndarray) -> np.ndarray:
        """Spread x (..., G) from the top-level units to the rows."""
        return self.row_runs.spread(self.to_units(x, len(self.runs) - 1, 0))

    def units_to_top(self, x: np.ndarray, level: int) -> np.ndarray:
        """Sum x from the units of ``level`` to the top-level units."""
        for runs in self.runs[level + 1:]:
            x = runs.sum(x)
        return x

    def to_units(self, x: np.ndarray, level: int, below: int) -> np.ndarray:
        """Spread x from the units of ``level`` to those of level ``below``."""
        for runs in self.runs[below + 1:level + 1][::-1]:
            x = runs.spread(x)
        return x

    def to_rows(self, x: np.ndarray, level: int) -> np.ndarray:
        """Spread x from the units of ``level`` to the rows."""
        return self.row_runs.spread(self.to_units(x, level, 0))


@dataclass(frozen=True, slots=True)
class Problem:
    """All chunks of a data set, with the map back to the original units.

    ``representative[l]`` (n_units,) is the computed unit that stands for each unit of level l.
    """

    chunks: tuple[Chunk, ...]
    levels: tuple[Level, ...]
    representative: tuple[np.ndarray, ...]
    n_rows: int
    top_weight: np.ndarray  # frequency weight of every original top-level unit

    @property
    def n_computed(self) -> int:
        """Rows that are computed, identical units once."""
        return sum(chunk.design.shape[1] for chunk in self.chunks)

    @property
    def n_top(self) -> int:
        """Number of independent units: top-level units, or outcomes without latent variables."""
        return len(self.top_weight)


@dataclass(frozen=True, slots=True)
class Distinct:
    """The top-level units of a problem with identical ones once.

    Attributes
    ----------
    problem : Problem
        In which they are all there is, with the frequency weights of those that they stand for.
    first : ndarray (G,)
        Their numbers among the original units.
    place : ndarray (n_top,)
        Which of them stands for each original unit.
    """

    problem: Problem
    first: np.ndarray
    place: np.ndarray

    @property
    def merged(self) -> bool:
        """Whether some stand for several."""
        return len(self.first) < len(self.place)


def distinct_units(problem: Problem) -> Distinct:
    """The top-level units of a problem with levels, identical ones once."""
    representative = problem.representative[-1]
    kept = np.zeros(problem.n_top, dtype=bool)
    kept[representative] = True
    number = np.cumsum(kept) - 1
    place, first = number[representative], np.flatnonzero(kept)
    chunks = tuple(replace(chunk, top_units=number[chunk.top_units]) for chunk in problem.chunks)
    few = replace(problem, chunks=chunks,
                  representative=(*problem.representative[:-1], np.arange(len(first))),
                  top_weight=np.bincount(place, problem.top_weight, minlength=len(first)))
    return Distinct(few, first, place)
