"""Units of a level that hold, or are, those of other levels and groups."""
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
