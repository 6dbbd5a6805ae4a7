"""Wide data, one row per person and one column per item: checks, and the responses in long order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.rows import hint

__all__ = ["FAMILY", "ITEM", "RESPONSE", "check_columns", "check_items", "check_types",
           "item_numbers", "person_column", "responses_of", "row_labels"]

ITEM, RESPONSE, FAMILY = "item", "y", "item_family"


def check_columns(data) -> None:
    """Refuse columns of the same name."""
    twice = data.columns[data.columns.duplicated()]
    if len(twice):
        raise DataError(f"The data have several columns {show(twice[0])}; rename them.")


def person_column(data, id, columns) -> str:
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


def row_labels(data):
    """Labels of the rows (n,), or their numbers where these are not unique."""
    unique = data.index.is_unique and not isinstance(data.index, pd.MultiIndex)
    return data.index.to_numpy() if unique else np.arange(len(data))


def check_items(data, columns, id) -> None:
    """Refuse columns with names of the long data, and items without values."""
    others = [c for c in data.columns if c not in columns.values()]
    made = [ITEM, RESPONSE, FAMILY]
    for name in (n for n in made if n in others or n == id):
        raise DataError(f"The data have a column {name!r}, which is the name of a column of the long "
                        "data that are made; rename or drop it.")
    for item, column in columns.items():
        if data[column].isna().all():
            raise DataError(f"The item {item!r} is missing in every row; leave it out.")


def item_numbers(column) -> np.ndarray | None:
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


def check_types(data, columns, family) -> None:
    """Text is a response of some families only, and then of all items alike."""
    text = {item: item_numbers(data[c]) is None for item, c in columns.items()}
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


def responses_of(data, columns):
    """Responses of persons and, within these, items."""
    given = [data[c] for c in columns.values() if c in data.columns]
    numbers = [item_numbers(column) for column in given]
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
