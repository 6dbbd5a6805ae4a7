"""All designs of a model together, which make its matrices on new data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.design import Design
from statsmodels_gllamm.formula.groups import Clusters
from statsmodels_gllamm.formula.loadings import FactorDesign, LoadingDesign
from statsmodels_gllamm.formula.response import ResponseDesign
from statsmodels_gllamm.formula.rows import as_frame

__all__ = ["BarDesign", "Designs", "NewRows", "check_terms", "named", "select"]

PARTS = ("endog", "exog", "bars", "factors", "dispersion", "codes")


@dataclass(frozen=True, slots=True, eq=False)
class BarDesign:
    """The random terms of one bar at one group.

    Attributes
    ----------
    group : str
    names : tuple of str (k,)
        "Intercept", "x", "ability", as the engine names columns.
    matrix : ndarray (n, k)
    factors : tuple of (str or None), length k
        The factor whose row loading multiplies a column.
    correlated : bool
        False for ``||``.
    """

    group: str
    names: tuple[str, ...]
    matrix: np.ndarray
    factors: tuple[str | None, ...]
    correlated: bool


@dataclass(frozen=True, slots=True, eq=False)
class NewRows:
    """The designs on new rows; a part that was not asked for is None.

    Attributes
    ----------
    index : Index (m,)
        Labels of the complete rows.
    kept : ndarray of bool
        Which rows of the new data are complete.
    endog : ndarray (m,) or (m, 2)
    exog : DataFrame (m, p)
    bars : tuple of BarDesign
    factors : dict of str to FactorDesign
    dispersion : DataFrame (m, v)
    codes : dict of str to ndarray of int64 (m,)
        Clusters of the sample; -1 for others.
    """

    index: pd.Index
    kept: np.ndarray
    endog: np.ndarray | None = None
    exog: pd.DataFrame | None = None
    bars: tuple[BarDesign, ...] | None = None
    factors: dict[str, FactorDesign] | None = None
    dispersion: pd.DataFrame | None = None
    codes: dict[str, np.ndarray] | None = None


@dataclass(eq=False)
class Designs:
    """The designs of a model, fixed by the estimation sample.

    Attributes
    ----------
    response : ResponseDesign
    exog, dispersion : Design
    bars : tuple of (tuple of str, Design, bool)
        Groups, terms and correlated of each bar.
    factors : dict of str to LoadingDesign
    clusters : dict of str to Clusters
    """

    response: ResponseDesign
    exog: Design
    dispersion: Design
    bars: tuple[tuple[tuple[str, ...], Design, bool], ...]
    factors: dict[str, LoadingDesign]
    clusters: dict[str, Clusters]

    def on(self, data, parts=PARTS[1:]) -> NewRows:
        """The designs on new data, on the rows that are complete in all parts asked for.

        Parameters
        ----------
        data : DataFrame
            With the columns that the parts need.
        parts : sequence of str
            Of "endog", "exog", "bars", "factors", "dispersion", "codes". A row whose group is
            missing or unknown is kept, with code -1.

        Returns
        -------
        NewRows
        """
        unknown = [part for part in parts if part not in PARTS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not a part of the design; use {', '.join(PARTS)}.")
        frame = as_frame(data)
        made: dict = {}
        if "endog" in parts:
            made["endog"] = self.response.on(frame)
        if "exog" in parts:
            made["exog"] = self.exog.matrix(frame)
        if "dispersion" in parts:
            made["dispersion"] = self.dispersion.matrix(frame)
        if "bars" in parts:
            unique = {id(design): design for _, design, _ in self.bars}
            made |= {("bar", key): design.matrix(frame) for key, design in unique.items()}
        if "factors" in parts:
            made |= {("factor", name): f.on(frame) for name, f in self.factors.items()}
        kept = np.ones(len(frame), bool)
        for _, rows in made.values():
            kept &= rows
        values = {key: select(value, kept[rows]) for key, (value, rows) in made.items()}
        index = frame.index[kept]
        return NewRows(
            index,
            kept,
            values.get("endog"),
            named(self.exog, values["exog"], index) if "exog" in parts else None,
            self.bar_designs({i: values["bar", i] for i in unique}) if "bars" in parts else None,
            {n: values["factor", n] for n in self.factors} if "factors" in parts else None,
            named(self.dispersion, values["dispersion"], index) if "dispersion" in parts else None,
            {n: c.recode(frame)[kept] for n, c in self.clusters.items()}
            if "codes" in parts
            else None,
        )

    def bar_designs(self, matrices: dict[int, np.ndarray]) -> tuple[BarDesign, ...]:
        """One BarDesign per bar and group.

        Parameters
        ----------
        matrices : dict of int to ndarray (n, k)
            By id of the bar's Design.

        Returns
        -------
        tuple of BarDesign
        """
        return tuple(
            BarDesign(group, d.names, matrices[id(d)], d.column_factors, correlated)
            for groups, d, correlated in self.bars
            for group in groups
        )


def select(values, rows: np.ndarray):
    """Rows of a matrix or of a FactorDesign; the same object when all are selected."""
    if rows.all():
        return values
    if not isinstance(values, FactorDesign):
        return values[rows]
    return values.on_rows(rows)


def named(design: Design, values: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """A matrix with its column names and row labels, not copied."""
    return pd.DataFrame(values, columns=list(design.names), index=index, copy=False)


def check_terms(bars: tuple[BarDesign, ...]) -> None:
    """Refuse a bar without terms, a term that stands twice at a group, and one that is zero.

    Parameters
    ----------
    bars : tuple of BarDesign
    """
    seen = set()
    for bar in bars:
        if not bar.names:
            raise FormulaError(
                f"A bar of the group {bar.group!r} has no terms; write (1 | {bar.group})."
            )
        for name in bar.names:
            if (bar.group, name) in seen:
                raise FormulaError(
                    f"The random term {name}[{bar.group}] stands in two bars; keep it in one "
                    "(0 + removes the implied constant)."
                )
            seen.add((bar.group, name))
        zero = np.flatnonzero(~bar.matrix.any(axis=0))
        if zero.size:
            raise DataError(
                f"The random term {bar.names[zero[0]]}[{bar.group}] is zero in every row, so that "
                "its variance cannot be estimated; drop it or its category."
            )
