"""Factor models of wide data, one row per person: the long data and the formula that they stand for.

The long data have a row for every person and item, with the columns "item" and "y", the person's
identifier and the person's other columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import recode, show
from statsmodels_gllamm.formula.equalities import constraints_of
from statsmodels_gllamm.formula.groupwise import CELL, Groups, cells, read_groups
from statsmodels_gllamm.formula.measurement import Measurement, parse_measurement
from statsmodels_gllamm.formula.rows import as_frame, hint, row_array, subset_positions
from statsmodels_gllamm.formula.wide_classes import take_classes
from statsmodels_gllamm.formula.wide_data import (
    FAMILY,
    ITEM,
    RESPONSE,
    check_columns,
    check_items,
    check_types,
    person_column,
    responses_of,
    row_labels,
)
from statsmodels_gllamm.formula.wide_families import families_of
from statsmodels_gllamm.formula.wide_parts import factors_of, formula_of, regressions_of, residuals_of
from statsmodels_gllamm.spec import Factor

__all__ = ["Wide", "from_wide", "row_arguments"]


@dataclass(frozen=True)
class Wide:
    """What a model of wide data was made of.

    Attributes
    ----------
    items : tuple of str
        By appearance: the categories of the column "item" of the long data.
    id : str
        Column of persons in the long data.
    formula : str
    factors : dict {name: Factor}
    regressions : list of str
    residual_covariances : dict or None
        Pairs of items, {"item": pairs}.
    dispersion, thresholds : str, dict or None
        Formulas.
    families : dict {item: label} or None
        The label of each item's family, in the column "item_family".
    indicators : tuple of str
        Items whose indicator is a column of the long data, of the item's name.
    groups : Groups or None
        Of persons, with parameters of their own.
    constraints : list of str
    classes : dict {name: Classes} or None
    """

    items: tuple[str, ...]
    id: str
    formula: str
    factors: dict[str, Factor]
    regressions: list[str]
    dispersion: object = None
    thresholds: object = None
    families: dict[str, object] | None = None
    indicators: tuple[str, ...] = ()
    groups: Groups | None = None
    constraints: list[str] = field(default_factory=list)
    residual_covariances: dict | None = None
    classes: dict | None = None
    columns: dict = field(default_factory=dict, repr=False)

    @property
    def arguments(self) -> dict:
        """Keyword arguments of ``from_formula``."""
        return {"factors": self.factors, "regressions": self.regressions or None,
                "residual_covariances": self.residual_covariances,
                "dispersion": self.dispersion, "thresholds": self.thresholds,
                "constraints": self.constraints or None, "classes": self.classes,
                "family_by": None if self.families is None else FAMILY}

    def long(self, data) -> pd.DataFrame:
        """Long data of persons, for example of new ones to predict.

        Parameters
        ----------
        data : DataFrame
            One row per person; items that are not among its columns are missing.

        Returns
        -------
        DataFrame
            A row for every person and item, in this order.
        """
        data = as_frame(data)
        k, n = len(self.items), len(data)
        rest = [c for c in data.columns if c not in self.columns.values()]
        persons = data[rest].iloc[np.repeat(np.arange(n), k)].reset_index(drop=True)
        new = {}
        if self.id not in rest:
            new[self.id] = np.repeat(row_labels(data), k)
        codes = np.tile(np.arange(k), n)
        new[ITEM] = pd.Categorical.from_codes(codes, pd.Index(self.items, dtype=object))
        new[RESPONSE] = responses_of(data, self.columns)
        if self.families is not None:
            new[FAMILY] = np.array([self.families[item] for item in self.items], object)[codes]
        for name in self.indicators:
            new[name] = (codes == self.items.index(name)).astype(float)
        if self.groups is not None:
            new |= self._of_groups(data, codes)
        return pd.concat([pd.DataFrame(new), persons], axis=1)

    def _of_groups(self, data, codes) -> dict:
        """Columns of cells and of the groups' indicators."""
        groups = self.groups
        if groups.column not in data.columns:
            raise DataError(f"The data have no column {groups.column!r}, which tells groups apart.")
        own = np.repeat(recode(data[groups.column], pd.Index(groups.labels))[0], len(self.items))
        unknown = np.flatnonzero((own < 0) & data[groups.column].notna().repeat(len(self.items)))
        if len(unknown):
            value = data[groups.column].iloc[unknown[0] // len(self.items)]
            raise DataError(f"{groups.column!r} is {show(value)}, which is none of the groups "
                            f"{', '.join(map(show, groups.labels))}.")
        return {CELL: cells(self.items, groups, codes, own),
                **{name: (own == g).astype(float) for g, name in enumerate(groups.indicators)}}


def from_wide(data, items, *, family, id=None, std_lv=False, fixed=None, groups=None, equal=None,
              subset=None, dispersion=None, thresholds=None, constraints=None, classes=None, env=None,
              **rows) -> tuple[Wide, pd.DataFrame, dict]:
    """The long data and arguments of ``from_formula`` for a factor model of wide data.

    Parameters
    ----------
    data : DataFrame
        One row per person.
    items : list of columns, or str
    family : Family or dict {item: Family}
    id : str, optional
    std_lv : bool
    fixed : str, optional
    groups : str, optional
    equal : str or sequence of str, optional
    subset : str, boolean mask or labels, optional
    dispersion, thresholds : str or dict, optional
        In place of formulas by item.
    constraints : str or list of str, optional
    classes : dict {name: Classes}, optional
    env : mapping, optional
        Names that `subset` may use after @.
    **rows
        freq_weights, sampling_weights, offset, exposure, n_trials: columns, or one value per person.

    Returns
    -------
    Wide
    DataFrame
        The long data.
    dict
        Further keyword arguments of ``from_formula``, family among them.
    """
    data = as_frame(data)
    check_columns(data)
    positions = subset_positions(data, subset, env or {})
    model, columns = _measurement(items, data, std_lv)
    chosen = data if positions is None else data.iloc[positions]
    name = person_column(chosen, id, columns)
    check_items(chosen, columns, name)
    found = take_classes(classes, model, isinstance(items, str), name)
    taken = {*map(str, data.columns), *columns, *model.loadings, name, ITEM, RESPONSE, FAMILY, CELL}
    groups = read_groups(chosen, groups, equal, taken)
    unit = {what: ITEM if groups is None else groups.by(part)
            for what, part in (("dispersion", "residuals"), ("thresholds", "intercepts"))}
    family, labels, by_item, indicators = families_of(
        family, tuple(columns), {"dispersion": dispersion, "thresholds": thresholds}, unit)
    check_types(chosen, columns, family)
    if indicators and unit["thresholds"] == CELL:
        raise NotImplementedError("Groups of items with thresholds beside items without them have "
                                  "equal intercepts only: give equal='scalar'.")
    if found is not None and (groups is not None or indicators):
        raise NotImplementedError("classes= are not available with groups of persons, or with items "
                                  "with thresholds beside items without them.")
    more = [] if found is None else found.indicators(columns)
    indicators = tuple(dict.fromkeys([*indicators, *more, *(item for item, _ in model.direct)]))
    gaussian = not isinstance(family, Mapping) and family.name.startswith("Gaussian")
    given = [constraints] if isinstance(constraints, str) else list(constraints or ())
    made = Wide(
        items=tuple(columns), id=name, factors=factors_of(model, tuple(columns), groups),
        formula=formula_of(model, name, fixed, chosen.columns, by_item.pop("start"), groups,
                           found, columns),
        regressions=regressions_of(model, name, groups), families=labels, indicators=indicators,
        residual_covariances=residuals_of(model, groups), groups=groups,
        constraints=[*constraints_of(model, name, groups, gaussian), *given],
        columns=columns, classes=None if found is None else found.classes, **by_item)
    long = made.long(chosen)
    rows = row_arguments(rows, data, positions, name, len(columns))
    return made, long, {"family": family, **made.arguments, **rows}


def _measurement(items, data, std_lv) -> tuple[Measurement, dict]:
    """The factor model, and the column of each item."""
    if isinstance(items, str):
        texts = {str(c): c for c in data.columns}
        model = parse_measurement(items, texts, std_lv)
        return model, {item: texts[item] for item in model.items}
    if not isinstance(items, (list, tuple, pd.Index, np.ndarray)) or len(items) == 0:
        raise TypeError("items is a list of columns or text such as 'visual =~ x1 + x2 + x3', not "
                        f"{items!r}.")
    columns = {}
    for item in items:
        if item not in data.columns:
            raise DataError(f"The item {show(item)} is not a column of the data"
                            f"{hint(item, data.columns)}")
        if str(item) in columns:
            raise DataError(f"items has {str(item)!r} twice; remove one of them.")
        columns[str(item)] = item
    first, *rest = columns
    loadings = {first: None if std_lv else 1.0} | dict.fromkeys(rest)
    return Measurement({"factor": loadings}, {"factor"} if std_lv else set()), columns


def row_arguments(rows, data, positions, id, k) -> dict:
    """Arguments with a value per person, on the long data; weights are of persons."""
    def long(value, what):
        if isinstance(value, str) or np.ndim(value) == 0:
            return value
        return np.repeat(row_array(value, what, data, positions), k)

    out = {}
    for what, value in rows.items():
        if value is None:
            continue
        if what in ("freq_weights", "sampling_weights"):
            value = value if isinstance(value, Mapping) else {id: value}
            out[what] = {level: long(one, what) for level, one in value.items()}
        else:
            out[what] = long(value, what)
    return out
