"""A problem with other frequency weights of its top-level units: nothing else is built again."""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.integration.grids import GaussianProblem, Grid
from statsmodels_gllamm.integration.problem import Problem
from statsmodels_gllamm.integration.tables import table_statistics


def reweighted(problem: Problem | GaussianProblem, weight: np.ndarray):
    """The problem with frequency weights (n_top,) of the top-level units.

    Units that have no weight in the problem were left out of it, and must have none in ``weight``.
    """
    if isinstance(problem, GaussianProblem):
        grids = tuple(_grid(grid, weight) for grid in problem.grids if weight[grid.units].any())
        return replace(problem, grids=grids, top_weight=weight)
    total = weight
    if problem.levels:  # identical units are computed once
        total = np.bincount(problem.representative[-1], weight, minlength=len(weight))
    chunks = tuple(replace(chunk, top_weight=total[chunk.top_units]) for chunk in problem.chunks)
    return replace(problem, chunks=chunks, top_weight=weight)


def _grid(grid: Grid, weight: np.ndarray) -> Grid:
    own = weight[grid.units]
    there = grid.present[grid.pattern] > 0
    present, n, mean, scatter, pattern = table_statistics(there, grid.values, own)
    inside = pattern >= 0
    return replace(grid, present=present, n=n, mean=mean, scatter=scatter, units=grid.units[inside],
                   pattern=pattern[inside], values=grid.values[inside])
