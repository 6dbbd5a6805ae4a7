"""Units of a level: which of other levels and groups they hold or are, and their weights."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.latent.hierarchy import first_rows


def top_units(levels) -> list[np.ndarray]:
    """The top-level unit (n_units,) of every unit of every level."""
    tops = [np.arange(levels[-1].n_units)]
    for level in levels[-2::-1]:
        tops.insert(0, tops[0][level.parent])
    return tops


def level_units(structure, group) -> tuple[int, np.ndarray]:
    """Level of a group (formula.groups.Group), and the level's unit of each of its clusters."""
    number = next(i for i, level in enumerate(structure.levels) if group.name in level.groups)
    return number, structure.levels[number].codes[first_rows(group.codes, group.n_clusters)]


def unit_weights(model, level) -> np.ndarray:
    """What a level's units (n_units,) stand for in the population: frequency times sampling weights, as
    they were given, with those of the levels above."""
    rows, sample = first_rows(level.codes, level.n_units), model.sample
    product, below = np.ones(level.n_units), {"rows"}
    if "rows" in level.groups:  # rows that are clusters
        below.clear()
    for other in model.structure.levels:
        if other.n_units > level.n_units:
            below.update(other.groups)
    for weights in (sample.weights, {} if sample.sampling is None else sample.sampling.raw):
        for name, weight in weights.items():
            if name not in below:
                product *= weight[rows]
    return product
