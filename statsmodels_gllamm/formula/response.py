"""The left side of a formula: one column, successes + failures, or any transformation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.categories import factorize, listed, recode, show
from statsmodels_gllamm.formula.design import Design, make_design
from statsmodels_gllamm.formula.tokens import tokenize, usage

__all__ = ["ResponseDesign", "response_design"]

_CONDITION = ("[False]", "[True]")
_NUMERIC = ("boolean", "integer", "floating", "mixed-integer-float", "decimal")  # of pandas


@dataclass(eq=False)
class ResponseDesign:
    """Makes the response on any rows.

    Attributes
    ----------
    name : str
        The left side.
    columns : tuple of str
        The columns that are the response as they are; empty when `design` evaluates the left side.
    design : Design or None
    only : int or None
        The one column of the design to take: of a condition, the one for true.
    categories : Index or None
        Of a response that is not a number: the labels of its codes 0, 1, ....
    """

    name: str
    columns: tuple[str, ...]
    design: Design | None
    only: int | None = None
    categories: pd.Index | None = None

    def on(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """The response on new rows.

        Parameters
        ----------
        frame : DataFrame

        Returns
        -------
        endog : ndarray (m,) or (m, 2)
            Rows without missing values.
        kept : ndarray of bool (len(frame),)
        """
        if self.design is not None:
            values, kept = self.design.matrix(frame)
            values = values if self.only is None else values[:, [self.only]]
        elif self.categories is not None:
            return self._codes(frame)
        else:
            values = np.column_stack([_numbers(frame, c) for c in self.columns])
            kept = ~np.isnan(values).any(axis=1)
            values = values if kept.all() else values[kept]
        return (values[:, 0] if values.shape[1] == 1 else values), kept

    def _codes(self, frame):
        """Codes of the categories, as numbers."""
        column = _column(frame, self.columns[0])
        codes, unknown = recode(column, self.categories)
        if unknown.any():
            raise FormulaError(
                f"The response {self.name!r} has the category {show(column[unknown].iloc[0])}, "
                f"which the model has not seen; it knows {listed(self.categories)}."
            )
        kept = codes >= 0
        return codes[kept].astype(np.float64), kept


def response_design(
    text: str,
    frame: pd.DataFrame,
    env: Mapping,
    engine: str,
    two_columns: bool,
    categorical: bool = False,
    ordered: bool = False,
) -> tuple[ResponseDesign, np.ndarray, np.ndarray]:
    """The response on the estimation sample.

    Parameters
    ----------
    text : str
        The left side.
    frame : DataFrame
        The sample.
    env : mapping
        Names from outside the data.
    engine : str
        "patsy" or "formulaic".
    two_columns : bool
        Whether ``successes + failures`` is allowed.
    categorical : bool
        Whether a column may be of any type; categories are coded.
    ordered : bool
        Whether these have an order, which text does not tell.

    Returns
    -------
    ResponseDesign
    endog : ndarray (m,) or (m, 2)
        Rows without missing values.
    kept : ndarray of bool (len(frame),)
    """
    columns = usage(text).bare
    is_sum = any(t.text == "+" and t.depth == 0 for t in tokenize(text))
    joined = all(t.text == "+" or t.text in columns for t in tokenize(text))
    if joined or (len(columns) == 1 and text.startswith("Q(")):
        missing = [c for c in columns if c not in frame.columns]
        if missing:
            raise FormulaError(f"The response {missing[0]!r} is not a column of the data.")
        categories = None
        if categorical and len(columns) == 1 and not _is_numeric(frame[columns[0]]):
            categories = _categories(frame[columns[0]], ordered)
        design = ResponseDesign(text, columns, None, None, categories)
        values, kept = design.on(frame)
    else:
        made, values, kept = make_design(
            f"0 + {text}", frame, env=env, engine=engine, where="the left side"
        )
        condition = [name[-len(end) :] == end for name, end in zip(made.names, _CONDITION)]
        only = 1 if len(made.names) == 2 and all(condition) else None
        design = ResponseDesign(text, (), made, only)
        values = values if only is None else values[:, [only]]
        values = values[:, 0] if values.shape[1] == 1 else values
    k = 1 if values.ndim == 1 else values.shape[1]
    if k == 2 and is_sum and not two_columns:
        raise FormulaError(
            f"The left side {text!r} has two columns, which only a binomial response may have."
        )
    if k != 1 and not (k == 2 and is_sum):
        raise FormulaError(
            f"The left side {text!r} gives {k} columns instead of one; write a numeric expression, "
            "with I(...) around arithmetic, or successes + failures."
        )
    return design, values, kept


def _column(frame, name):
    if name not in frame.columns:
        raise FormulaError(f"The data have no column {name!r}, which is the response.")
    return frame[name]


def _is_numeric(column):
    """Whether a column holds numbers; true and false are numbers, categories are not."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return False
    if column.dtype == object:
        return pd.api.types.infer_dtype(column, skipna=True) in _NUMERIC
    return pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype)


def _categories(column, ordered):
    """The categories of a response that is not a number, in their order."""
    categories = factorize(column)[1]
    if ordered and not _has_order(column, categories):
        what = "labels"
        if isinstance(column.dtype, pd.CategoricalDtype):
            what = "categories"
        raise FormulaError(
            f"The response {column.name!r} has {what} without an order; make it an ordered "
            f"categorical, pd.Categorical({column.name}, categories=[{listed(categories)}], "
            "ordered=True), with the categories in their order."
        )
    return categories


def _has_order(column, categories):
    """Whether a categorical is ordered, or its categories are numbers that increase."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return False
    numeric = pd.api.types.infer_dtype(categories, skipna=True) in _NUMERIC
    return column.cat.ordered or (numeric and categories.is_monotonic_increasing)


def _numbers(frame, name):
    """A response column as float64."""
    column = _column(frame, name)
    if _is_numeric(column):
        if column.dtype == object:
            return pd.to_numeric(column.astype(object)).to_numpy(np.float64)
        if isinstance(column.dtype, pd.api.extensions.ExtensionDtype):
            return column.to_numpy(np.float64, na_value=np.nan)
        return column.to_numpy(np.float64)
    raise FormulaError(
        f"The response {name!r} is not numeric (it is {column.dtype}, for example "
        f"{column.dropna().iloc[:1].tolist()}); recode it as numbers."
    )
