"""Nested units: rows -> level 2 -> ... -> level L, found from the data.

Group A is nested in group B when every unit of A lies in one unit of B.  Groups that are nested
neither way are crossed, which nested quadrature cannot integrate.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.exceptions import CrossedGroupsError


@dataclass(frozen=True, slots=True)
class Level:
    """One level of units.

    Attributes
    ----------
    groups : tuple of str
        The grouping names with this partition of the rows (more than one where they coincide).
    codes : ndarray (n,)
        Unit of every row, 0..n_units-1.
    n_units : int
    parent : ndarray (n_units,) or None
        Unit of the next level up that holds each unit; None at the top.
    """

    groups: tuple[str, ...]
    codes: np.ndarray
    n_units: int
    parent: np.ndarray | None = None

    @property
    def name(self) -> str:
        """The level's first grouping name."""
        return self.groups[0]


def first_rows(codes: np.ndarray, n_units: int) -> np.ndarray:
    """Some row of every unit (n_units,)."""
    row = np.empty(n_units, dtype=np.int64)
    row[codes] = np.arange(len(codes))
    return row


def parent_units(child: np.ndarray, n_child: int, parent: np.ndarray) -> np.ndarray | None:
    """Parent of every child unit (n_child,), or None where a child has rows in two parents."""
    up = parent[first_rows(child, n_child)]
    return up if np.array_equal(up[child], parent) else None


def _crossed(below: str, name: str, class_groups) -> str:
    """What is wrong with two groups, and what to write where names repeat."""
    advice = (f"(... | {name}/{below})" if below not in class_groups else
              f"within={name + ':' + below!r} for the classes {class_groups[below]!r}")
    whose = [f"{group!r} is that of the classes {class_groups[group]!r}" for group in (below, name)
             if group in class_groups]
    return (f"groups {below!r} and {name!r} are crossed (units of each have rows in several units of "
            f"the other){''.join('; ' + text for text in whose)}. Only nested groups can be integrated "
            f"by quadrature - if {below!r} is numbered afresh within {name!r}, write {advice}")


def build_levels(groups: dict[str, tuple[np.ndarray, int]], class_groups=()) -> tuple[Level, ...]:
    """Levels from the bottom (most units) to the top.

    Parameters
    ----------
    groups : dict
        name -> (codes (n,), number of units); every unit has at least one row.
    class_groups : mapping, optional
        name -> the class variable whose group it is, for errors.

    Raises
    ------
    CrossedGroupsError
        If two groups are nested neither way; both are named.
    """
    ordered = sorted(groups.items(), key=lambda item: -item[1][1])
    levels: list[Level] = []
    for name, (codes, n_units) in ordered:
        if levels:
            below = levels[-1]
            up = parent_units(below.codes, below.n_units, codes)
            if up is None:
                raise CrossedGroupsError(_crossed(below.name, name, class_groups))
            if n_units == below.n_units:
                levels[-1] = Level(below.groups + (name,), below.codes, n_units)
                continue
            levels[-1] = Level(below.groups, below.codes, below.n_units, up)
        levels.append(Level((name,), codes, n_units))
    return tuple(levels)
