"""Groups of rows: the clusters of a column or of a combination of columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import factorize, recode

__all__ = ["ROWS", "Clusters", "Group", "group_name", "make_group"]

ROWS = "rows"  # name of the group without columns, whose clusters are the rows


@dataclass(frozen=True, eq=False)
class Clusters:
    """The clusters of one group, without the rows.

    Attributes
    ----------
    name : str
        "school", or "school:class" for a combination; "rows" for the rows themselves.
    columns : tuple of str
    labels : Index (n_clusters,)
        The clusters' values; a MultiIndex of tuples for a combination.
    """

    name: str
    columns: tuple[str, ...]
    labels: pd.Index

    @property
    def n_clusters(self):
        """Number of clusters."""
        return len(self.labels)

    def recode(self, frame: pd.DataFrame) -> np.ndarray:
        """Codes of new rows.

        Parameters
        ----------
        frame : DataFrame
            With the group's columns.

        Returns
        -------
        ndarray of int64 (len(frame),)
            -1 for a cluster that the sample does not have, and for missing values.
        """
        if not self.columns:
            return np.full(len(frame), -1)
        missing = [c for c in self.columns if c not in frame.columns]
        if missing:
            raise DataError(f"The data have no column {missing[0]!r} for the group {self.name!r}.")
        if len(self.columns) == 1:
            return recode(frame[self.columns[0]], self.labels)[0]
        parts = [
            recode(frame[column], level)[0]
            for column, level in zip(self.columns, self.labels.levels, strict=True)
        ]
        # clusters as rows of level codes; -1, an unknown part, is in none of them
        known = pd.MultiIndex.from_arrays(self.labels.codes)
        return known.get_indexer(pd.MultiIndex.from_arrays(parts)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Group(Clusters):
    """The clusters of one group and the cluster of each row.

    Attributes
    ----------
    codes : ndarray of int64 (n,)
        0 to n_clusters - 1.
    """

    codes: np.ndarray

    @property
    def clusters(self):
        """The same clusters without the rows."""
        return Clusters(self.name, self.columns, self.labels)


def group_name(columns: tuple[str, ...]) -> str:
    """Name of a group: its columns joined by a colon; "rows" without columns."""
    return ":".join(columns) or ROWS


def make_group(columns: tuple[str, ...], frame: pd.DataFrame, factorized: dict) -> Group:
    """The clusters of a combination of columns without missing values.

    Parameters
    ----------
    columns : tuple of str
    frame : DataFrame
        The sample.
    factorized : dict
        Codes and categories of single columns found so far; filled in.

    Returns
    -------
    Group
        Clusters in the order of their values, first column first.
    """
    if not columns:
        return Group(ROWS, (), frame.index, np.arange(len(frame)))
    for column in columns:
        if column not in factorized:
            factorized[column] = factorize(frame[column])
    codes, labels = factorized[columns[0]]
    if len(columns) == 1:
        return Group(columns[0], columns, labels.rename(columns[0]), codes)
    parts = [np.arange(len(labels))]
    for column in columns[1:]:
        new, categories = factorized[column]
        codes, pairs = pd.factorize(codes * len(categories) + new, sort=True)
        parts = [p[pairs // len(categories)] for p in parts] + [pairs % len(categories)]
    index = pd.MultiIndex(
        levels=[factorized[c][1] for c in columns], codes=parts, names=list(columns)
    )
    return Group(group_name(columns), columns, index, codes.astype(np.int64, copy=False))
