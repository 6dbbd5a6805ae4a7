"""Factor models of wide data, one row per person: the long data and the formula that they stand for.

The long data have a row for every person and item, with the columns "item" and "y", the person's
identifier and the person's other columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.measurement import Measurement, parse_measurement, quote
from statsmodels_gllamm.formula.rows import as_frame, hint, row_array, subset_positions
from statsmodels_gllamm.spec import Factor

__all__ = ["Wide", "from_wide"]

ITEM, RESPONSE, FAMILY = "item", "y", "item_family"


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
    residual_covariances: dict | None = None
    columns: dict = field(default_factory=dict, repr=False)

    @property
    def arguments(self) -> dict:
        """Keyword arguments of ``from_formula``."""
        return {"factors": self.factors, "regressions": self.regressions or None,
                "residual_covariances": self.residual_covariances,
                "dispersion": self.dispersion, "thresholds": self.thresholds,
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
            new[self.id] = np.repeat(_row_labels(data), k)
        codes = np.tile(np.arange(k), n)
        new[ITEM] = pd.Categorical.from_codes(codes, pd.Index(self.items, dtype=object))
        new[RESPONSE] = _responses(data, self.columns)
        if self.families is not None:
            new[FAMILY] = np.array([self.families[item] for item in self.items], object)[codes]
        for name in self.indicators:
            new[name] = (codes == self.items.index(name)).astype(float)
        return pd.concat([pd.DataFrame(new), persons], axis=1)


def from_wide(data, items, *, family, id=None, std_lv=False, fixed=None, subset=None,
              dispersion=None, thresholds=None, env=None, **rows) -> tuple[Wide, pd.DataFrame, dict]:
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
    subset : str, boolean mask or labels, optional
    dispersion, thresholds : str or dict, optional
        In place of formulas by item.
    env : mapping, optional
        Names that `subset` may use after @.
    **rows
        freq_weights, offset, exposure, n_trials: columns, or one value per person.

    Returns
    -------
    Wide
    DataFrame
        The long data.
    dict
        Further keyword arguments of ``from_formula``, family among them.
    """
    data = as_frame(data)
    _check_columns(data)
    positions = subset_positions(data, subset, env or {})
    model, columns = _measurement(items, data, std_lv)
    chosen = data if positions is None else data.iloc[positions]
    name = _id(chosen, id, columns)
    _check_items(chosen, columns, name)
    family, labels, by_item, indicators = _families(family, tuple(columns), dispersion, thresholds)
    _check_types(chosen, columns, family)
    made = Wide(
        items=tuple(columns), id=name, factors=_factors(model, tuple(columns)),
        formula=_formula(model, name, fixed, chosen.columns, by_item.pop("start")),
        regressions=model.regressions, families=labels,
        residual_covariances={ITEM: model.residuals} if model.residuals else None,
        indicators=indicators, columns=columns, **by_item)
    long = made.long(chosen)
    rows = _row_arguments(rows, data, positions, name, len(columns))
    return made, long, {"family": family, **made.arguments, **rows}


def _check_columns(data) -> None:
    twice = data.columns[data.columns.duplicated()]
    if len(twice):
        raise DataError(f"The data have several columns {show(twice[0])}; rename them.")


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


def _id(data, id, columns) -> str:
    """The column of persons: as given, else "id" if that tells them apart or is free."""
    if id is None:
        taken = "id" in data.columns and "id" not in columns
        if not taken or (data["id"].notna().all() and data["id"].is_unique):
            return "id"
        raise DataError("The column 'id' does not tell the rows of the data apart, which are one per "
                        "person; give id= a column that does, or rename 'id'.")
    if id not in data.columns:
        raise DataError(f"id={id!r} is not a column of the data{hint(id, data.columns)}")
    if id in columns.values():
        raise DataError(f"id={id!r} is one of the items; give another column, or leave it out for row "
                        "labels.")
    if data[id].isna().any():
        raise DataError(f"id={id!r} is missing in row {show(data.index[data[id].isna()][0])}.")
    if not data[id].is_unique:
        value = data[id][data[id].duplicated()].iloc[0]
        raise DataError(f"id={id!r} is {show(value)} in several rows; wide data have one row per "
                        "person. Random terms of higher levels go into fixed=: '(1 | school)'.")
    return id


def _row_labels(data):
    unique = data.index.is_unique and not isinstance(data.index, pd.MultiIndex)
    return data.index.to_numpy() if unique else np.arange(len(data))


def _check_items(data, columns, id) -> None:
    others = [c for c in data.columns if c not in columns.values()]
    made = [ITEM, RESPONSE, FAMILY]
    for name in (n for n in made if n in others or n == id):
        raise DataError(f"The data have a column {name!r}, which is the name of a column of the long "
                        "data that are made; rename or drop it.")
    for item, column in columns.items():
        if data[column].isna().all():
            raise DataError(f"The item {item!r} is missing in every row; leave it out.")


def _numbers(column) -> np.ndarray | None:
    """A column as float64, if it is of numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = column.cat.categories
        if categories.dtype.kind not in "iuf" or not categories.is_monotonic_increasing:
            return None
        column = column.astype(np.float64)
    elif column.dtype == object:
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind not in ("boolean", "integer", "floating", "mixed-integer-float", "decimal"):
            return None
    elif not pd.api.types.is_numeric_dtype(column):
        return None
    return column.to_numpy(np.float64, na_value=np.nan)


def _check_types(data, columns, family) -> None:
    """Text is a response of some families only, and then of all items alike."""
    text = {item: _numbers(data[c]) is None for item, c in columns.items()}
    if not any(text.values()):
        return
    first = next(item for item, is_text in text.items() if is_text)
    if isinstance(family, Mapping) or not family.needs().categorical:
        raise DataError(f"The item {first!r} does not hold numbers; recode it as numbers.")
    if not all(text.values()):
        number = next(item for item, is_text in text.items() if not is_text)
        raise DataError(f"The item {first!r} does not hold numbers but {number!r} does; recode it.")
    types = {item: data[c].dtype for item, c in columns.items()}
    for item, dtype in types.items():
        if dtype != types[first] and pd.CategoricalDtype in {type(dtype), type(types[first])}:
            raise DataError(f"The items {first!r} and {item!r} have different categories; give all "
                            "items the same, in the same order (Series.cat.set_categories).")


def _responses(data, columns):
    """Responses of persons and, within these, items."""
    given = [data[c] for c in columns.values() if c in data.columns]
    numbers = [_numbers(column) for column in given]
    if any(values is None for values in numbers):
        dtype = given[0].dtype
        values = np.full((len(data), len(columns)), None, dtype=object)
        for j, column in enumerate(columns.values()):
            if column in data.columns:
                values[:, j] = data[column].astype(object).where(data[column].notna(), None)
        if isinstance(dtype, pd.CategoricalDtype):
            return pd.Categorical(values.ravel(), dtype=dtype)
        return values.ravel()
    values = np.full((len(data), len(columns)), np.nan)
    values[:, [c in data.columns for c in columns.values()]] = np.column_stack(numbers) if (
        numbers) else 0.0
    return values.ravel()


def _factors(model, items) -> dict[str, Factor]:
    """Factors whose loadings are zero for the items that they do not have."""
    return {name: Factor(ITEM, loadings={item: own.get(item, 0.0) for item in items},
                         standardized=name in model.standardized)
            for name, own in model.loadings.items()}


def _formula(model, id, fixed, columns, start) -> str:
    """The formula: intercepts, further terms, and a bar for every set of factors that correlate."""
    group = id if id.isidentifier() else f"`{id}`"
    terms = list(start)
    if fixed is not None:
        if not isinstance(fixed, str) or not fixed.strip():
            raise TypeError(f"fixed is terms of a formula such as 'item:sex', not {fixed!r}.")
        if "~" in fixed:
            raise FormulaError(f"fixed={fixed!r} has a ~; give terms only, such as 'item:sex'.")
        terms.append(quote(fixed.strip(), columns))
    terms += [f"(0 + {' + '.join(block)} | {group})" for block in model.blocks()]
    return f"{RESPONSE} ~ {' + '.join(terms)}"


def _families(family, items, dispersion, thresholds):
    """Family or {label: Family}, the label of each item, formulas by item, items with indicators."""
    formulas = {"dispersion": dispersion, "thresholds": thresholds}
    labels, indicators = None, ()
    if isinstance(family, Mapping):
        family, labels = _labelled(family, items)
    if labels is None:
        reads = family.needs().formulas
        by_item = {what: f"0 + {ITEM}" if what in reads else None for what in formulas}
        start = ["0"] if "thresholds" in reads else ["0", ITEM]
    else:
        by_item = {what: {label: f"0 + {ITEM}" for label, one in family.items()
                          if what in one.needs().formulas} or None for what in formulas}
        start, cut = ["0", ITEM], by_item["thresholds"]
        if cut:  # thresholds take the place of the intercepts of these items, and of no others
            indicators = tuple(item for item in items if labels[item] not in cut)
            start = ["0", *(i if i.isidentifier() else f"`{i}`" for i in indicators)]
    by_item |= {what: value for what, value in formulas.items() if value is not None}
    return family, labels, {**by_item, "start": start}, indicators


def _labelled(families, items):
    """Distinct families by label, and the label of every item; one family alone has none."""
    for item in families:
        if str(item) not in items:
            raise DataError(f"family has {show(item)}, which is not an item{hint(item, items)}")
    own = {str(item): value for item, value in families.items()}
    for item in items:
        if item not in own:
            raise DataError(f"family has no entry for the item {item!r}; a dict gives one to every "
                            "item.")
    distinct = []
    for item in items:
        if own[item] not in distinct:
            distinct.append(own[item])
    if len(distinct) == 1:
        return distinct[0], None
    names = [one.name.split("(")[0] for one in distinct]
    if len(set(names)) < len(names):
        names = [one.name for one in distinct]
    if len(set(names)) < len(names):
        names = [f"{name}, {k}" for k, name in enumerate(names, 1)]
    return dict(zip(names, distinct)), {item: names[distinct.index(own[item])] for item in items}


def _row_arguments(rows, data, positions, id, k) -> dict:
    """Arguments with a value per person, on the long data; weights are of persons."""
    def long(value, what):
        if isinstance(value, str) or np.ndim(value) == 0:
            return value
        return np.repeat(row_array(value, what, data, positions), k)

    out = {}
    for what, value in rows.items():
        if value is None:
            continue
        if what == "freq_weights":
            value = value if isinstance(value, Mapping) else {id: value}
            out[what] = {level: long(one, what) for level, one in value.items()}
        else:
            out[what] = long(value, what)
    return out
