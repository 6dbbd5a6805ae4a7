"""All designs of a model together, which make its matrices on new data."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.design import Design
from statsmodels_gllamm.formula.groups import Clusters
from statsmodels_gllamm.formula.loadings import FactorDesign, LoadingDesign
from statsmodels_gllamm.formula.plan import RESERVED
from statsmodels_gllamm.formula.response import ResponseDesign
from statsmodels_gllamm.formula.roles import Labels, Numbers, incomplete
from statsmodels_gllamm.formula.rows import as_frame

__all__ = [
    "BarDesign", "Designs", "NewRows", "Part", "PartDesign", "bar_designs", "check_terms", "named",
    "select",
]


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
class Part:
    """Another linear predictor than the main one, on the same rows.

    Attributes
    ----------
    exog : DataFrame (n, p)
    exog_factors : tuple of (str or None), length p
        The factor whose row loading multiplies a column.
    bars : tuple of BarDesign
        Their groups are among those of the model.
    """

    exog: pd.DataFrame
    exog_factors: tuple[str | None, ...]
    bars: tuple[BarDesign, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NewRows:
    """The designs on new rows; a part that was not asked for is None or not among the keys.

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
    codes : dict of str to ndarray of int64 (m,)
        Clusters of the sample; -1 for others.
    designs : dict of key to DataFrame (m, v)
    parts : dict of key to Part
    numbers : dict of str to ndarray (m,)
    labels : dict of str to (ndarray of int64 (m,), Index)
        Labels that the sample does not have come after its own.
    """

    index: pd.Index
    kept: np.ndarray
    endog: np.ndarray | None = None
    exog: pd.DataFrame | None = None
    bars: tuple[BarDesign, ...] | None = None
    factors: dict[str, FactorDesign] | None = None
    codes: dict[str, np.ndarray] | None = None
    designs: dict = field(default_factory=dict)
    parts: dict = field(default_factory=dict)
    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    labels: dict[str, tuple[np.ndarray, pd.Index]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PartDesign:
    """A linear predictor, fixed by the estimation sample.

    Attributes
    ----------
    exog : Design
    bars : tuple of (tuple of str, Design, bool)
        Groups, terms and correlated of each bar.
    """

    exog: Design
    bars: tuple[tuple[tuple[str, ...], Design, bool], ...]

    def on(self, matrices: dict[int, np.ndarray], index: pd.Index) -> Part:
        """The linear predictor on rows whose matrices are made.

        Parameters
        ----------
        matrices : dict of int to ndarray (n, k)
            By id of the Design.
        index : Index (n,)
        """
        exog = named(self.exog, matrices[id(self.exog)], index)
        return Part(exog, self.exog.column_factors, bar_designs(self.bars, matrices))


@dataclass(eq=False)
class Designs:
    """The designs of a model, fixed by the estimation sample.

    Attributes
    ----------
    response : ResponseDesign
    exog : Design
    bars : tuple of (tuple of str, Design, bool)
        Groups, terms and correlated of each bar.
    factors : dict of str to LoadingDesign
    clusters : dict of str to Clusters
    designs : dict of key to Design
        Of the family's formulas.
    parts : dict of key to PartDesign
        Of its linear predictors.
    numbers : dict of str to Numbers
    labels : dict of str to Labels
    """

    response: ResponseDesign
    exog: Design
    bars: tuple[tuple[tuple[str, ...], Design, bool], ...]
    factors: dict[str, LoadingDesign]
    clusters: dict[str, Clusters]
    designs: dict = field(default_factory=dict)
    parts: dict = field(default_factory=dict)
    numbers: dict[str, Numbers] = field(default_factory=dict)
    labels: dict[str, Labels] = field(default_factory=dict)

    @property
    def keys(self) -> tuple:
        """All that can be asked for."""
        return (*RESERVED, *self.designs, *self.parts)

    def on(self, data, parts=None) -> NewRows:
        """The designs on new data, on the rows that are complete in all parts asked for.

        Parameters
        ----------
        data : DataFrame
            With the columns that the parts need.
        parts : sequence, optional
            Of "endog", "exog", "bars", "factors", "codes", "numbers", "labels", one role of these
            as ("numbers", role), and the keys of the family's formulas; by default all without
            "endog". A row whose group is missing or unknown is kept, with code -1; where labels are
            asked for whose rows belong together, none is kept of a set that is not complete.

        Returns
        -------
        NewRows
        """
        frame = as_frame(data)
        wanted = self._wanted(parts)
        roles = {kind: [n for n in getattr(self, kind) if {kind, (kind, n)} & wanted]
                 for kind in ("numbers", "labels")}
        designs = {id(d): d for d in self._designs(wanted)}
        made: dict = {key: design.matrix(frame) for key, design in designs.items()}
        if "endog" in wanted:
            made["endog"] = self.response.on(frame)
        if "factors" in wanted:
            made |= {("factor", name): f.on(frame) for name, f in self.factors.items()}
        made |= {("number", role): self.numbers[role].on(frame) for role in roles["numbers"]}
        kept = np.ones(len(frame), bool)
        for _, rows in made.values():
            kept &= rows
        for role in roles["labels"]:
            kept &= self.labels[role].present(frame)
        for role in roles["labels"] * (not kept.all()):
            kept &= ~self._others(role, frame, kept)
        values = {key: select(value, kept[rows]) for key, (value, rows) in made.items()}
        index, complete = frame.index[kept], frame if kept.all() else frame[kept]
        return NewRows(
            index,
            kept,
            values.get("endog"),
            named(self.exog, values[id(self.exog)], index) if "exog" in wanted else None,
            bar_designs(self.bars, values) if "bars" in wanted else None,
            {n: values["factor", n] for n in self.factors} if "factors" in wanted else None,
            {n: c.recode(complete) for n, c in self.clusters.items()}
            if "codes" in wanted
            else None,
            {k: named(d, values[id(d)], index) for k, d in self.designs.items() if k in wanted},
            {k: part.on(values, index) for k, part in self.parts.items() if k in wanted},
            {role: values["number", role] for role in roles["numbers"]},
            {role: self.labels[role].on(complete) for role in roles["labels"]},
        )

    def _others(self, role, frame, kept) -> np.ndarray:
        """The kept rows of incomplete sets of a role of labels."""
        labels = self.labels[role]
        if not labels.whole:
            return np.zeros(len(frame), bool)
        inside = labels.inside and (self.labels[labels.inside[0]].codes(frame), labels.inside[1])
        return incomplete(kept, labels.codes(frame), inside)

    def _wanted(self, parts) -> set:
        """The parts asked for, all of which there are."""
        if parts is None:
            return set(self.keys) - {"endog"}
        roles = {(kind, n) for kind in ("numbers", "labels") for n in getattr(self, kind)}
        for part in parts:
            if part not in self.keys and part not in roles:
                raise ValueError(f"{part!r} is not a part of the design; use "
                                 f"{', '.join(map(str, self.keys))}.")
        return set(parts)

    def _designs(self, wanted):
        """The matrices that have to be made."""
        if "exog" in wanted:
            yield self.exog
        if "bars" in wanted:
            yield from (design for _, design, _ in self.bars)
        yield from (design for key, design in self.designs.items() if key in wanted)
        for key, part in self.parts.items():
            if key in wanted:
                yield part.exog
                yield from (design for _, design, _ in part.bars)


def bar_designs(bars, matrices: dict[int, np.ndarray]) -> tuple[BarDesign, ...]:
    """One BarDesign per bar and group.

    Parameters
    ----------
    bars : tuple of (tuple of str, Design, bool)
        Groups, terms and correlated of each bar.
    matrices : dict of int to ndarray (n, k)
        By id of the bar's Design.

    Returns
    -------
    tuple of BarDesign
    """
    return tuple(
        BarDesign(group, d.names, matrices[id(d)], d.column_factors, correlated)
        for groups, d, correlated in bars
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
