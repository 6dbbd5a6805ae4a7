"""Sets of data rows that labels make: choice sets, clusters of a composite link."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import FamilyData


def column_names(columns, what: str) -> str | tuple[str, ...]:
    """A column, or the columns of a combination as a tuple; TypeError for anything else."""
    if isinstance(columns, str):
        return columns
    if isinstance(columns, (list, tuple)) and columns and all(isinstance(c, str) for c in columns):
        return columns[0] if len(columns) == 1 else tuple(columns)
    raise TypeError(f"{what}= takes the name of a column or a list of names, not {columns!r}.")


@dataclass(frozen=True, eq=False)
class RowSets:
    """The set of every data row, as a number (n,), and the sets' names.

    Attributes
    ----------
    numbers : ndarray (n,)
    first : ndarray (S,)
        Some row of each set.
    size : int
    """

    numbers: np.ndarray
    first: np.ndarray
    size: int
    codes: np.ndarray
    labels: object
    columns: str | tuple[str, ...]

    @classmethod
    def of(cls, data: FamilyData, role: str, columns) -> RowSets:
        """The sets of a role of the data's labels."""
        codes, labels = data.labels[role]
        _, first, numbers = np.unique(codes, return_index=True, return_inverse=True)
        return cls(numbers, first, len(first), codes, labels, columns)

    def sum(self, x) -> np.ndarray:
        """Sums (S,) of x (n,) over the rows of each set."""
        return np.bincount(self.numbers, x, minlength=self.size)

    def name(self, number: int) -> str:
        """Such as "id = 3" or "id = 3, task = 2"."""
        label = self.labels[self.codes[self.first[number]]]
        if isinstance(self.columns, str):
            return f"{self.columns} = {label}"
        return ", ".join(f"{column} = {part}" for column, part in zip(self.columns, label))

    def names(self, bad) -> str:
        """The first of the sets where ``bad`` (S,) is true, and how many more."""
        where = np.flatnonzero(bad)
        more = f" (and {len(where) - 1} more)" if len(where) > 1 else ""
        return self.name(where[0]) + more

    def varying(self, x) -> np.ndarray:
        """Mask (S,) of the sets in which x (n,) is not the same on all rows."""
        return self.sum(x != x[self.first][self.numbers]) > 0

    def refuse_varying(self, design, what: str, sets: str) -> None:
        """DataError for a column of a design that varies within a set."""
        for column in design.columns:
            varies = self.varying(design[column].to_numpy())
            if varies.any():
                raise DataError(
                    f"{what} must be the same on all rows of a {sets}, but its column {column!r} "
                    f"varies in {self.names(varies)}.")


class SortedSets:
    """Rows in the order of their sets, with sums over sets as of `latent.runs.Runs`."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.order = np.argsort(numbers, kind="stable")
        own = numbers[self.order]
        new = np.concatenate([[True], own[1:] != own[:-1]])[:len(own)]
        self.starts = np.flatnonzero(new)
        self.counts = np.diff(np.append(self.starts, len(own)))
        self.n, self.size = len(own), len(self.starts)
        self.place = np.empty(self.n, dtype=np.int64)
        self.place[self.order] = np.arange(self.n)

    def sum(self, x):
        """(..., n) -> (..., S)."""
        return np.add.reduceat(x, self.starts, axis=-1)

    def spread(self, x):
        """(..., S) -> (..., n)."""
        return np.repeat(x, self.counts, axis=-1)

    def sorted(self, x):
        """x (..., n) in the order of the sets."""
        return x[..., self.order]

    def back(self, x):
        """x (..., n) from the order of the sets to that of the data."""
        return x[..., self.place]
