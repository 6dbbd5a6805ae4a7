"""The loading design of a factor: the row loading is w'lambda, w a row of this design.

For a categorical column w is the indicator of the row's category, so that lambda has one entry per
category; for a formula w is the row of its design.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.categories import factorize, label, recode, show
from statsmodels_gllamm.formula.design import Design, make_design
from statsmodels_gllamm.formula.grammar import one_sided
from statsmodels_gllamm.spec import Factor

__all__ = ["FactorDesign", "LoadingDesign", "as_factors", "is_column", "loading_design"]


@dataclass(frozen=True, slots=True, eq=False)
class FactorDesign:
    """A factor's loading design on some rows.

    Attributes
    ----------
    name : str
    names : tuple of str (k,)
        Categories of the column, or column names of the formula.
    loadings : ndarray (k,)
        Fixed values; NaN where free.
    standardized : bool
        Whether the factor's variance is fixed at 1.
    codes : ndarray of int64 (n,), or None
        The category of each row, when the loadings are by category.
    columns : ndarray (n, k), or None
        The design, when the loadings are by formula.
    """

    name: str
    names: tuple[str, ...]
    loadings: np.ndarray
    standardized: bool
    codes: np.ndarray | None
    columns: np.ndarray | None

    @property
    def matrix(self) -> np.ndarray:
        """The loading design (n, k), columns contiguous; indicators are made when asked for."""
        if self.columns is not None:
            return self.columns
        indicators = np.zeros((len(self.names), len(self.codes)))
        indicators[self.codes, np.arange(len(self.codes))] = 1.0
        return indicators.T

    def column(self, k: int) -> np.ndarray:
        """Column k of the loading design (n,)."""
        return self.columns[:, k] if self.codes is None else (self.codes == k).astype(np.float64)

    def on_rows(self, rows: np.ndarray) -> FactorDesign:
        """The same design on some of its rows."""
        return replace(
            self,
            codes=None if self.codes is None else self.codes[rows],
            columns=None if self.columns is None else self.columns[rows],
        )


def as_factors(factors, columns) -> dict[str, Factor]:
    """The declared factors by name.

    Parameters
    ----------
    factors : None or mapping of str to Factor or str
        A string is the column (or formula) of ``Factor(by)``.
    columns : collection of str
        The data's columns, which a factor's name must differ from.

    Returns
    -------
    dict of str to Factor
    """
    if factors is None:
        return {}
    if not isinstance(factors, Mapping):
        raise TypeError(f"factors must be a mapping {{name: Factor(...)}}, not {factors!r}.")
    checked = {}
    for name, value in factors.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise FormulaError(f"The factor name {name!r} must be a name such as 'ability'.")
        if name in columns:
            raise FormulaError(
                f"The factor {name!r} has the name of a column; give one of them another name."
            )
        if not isinstance(value, (Factor, str)):
            raise TypeError(
                f"The factor {name!r} must be a Factor or the name of a column, not {value!r}."
            )
        checked[name] = value if isinstance(value, Factor) else Factor(value)
    return checked


def is_column(factor: Factor, columns) -> bool:
    """Whether the loadings are by category of a column (else by formula)."""
    return factor.by in columns


@dataclass(eq=False)
class LoadingDesign:
    """Makes a FactorDesign on any rows; fixed by the estimation sample."""

    name: str
    factor: Factor
    names: tuple[str, ...]
    loadings: np.ndarray
    levels: pd.Index | None
    design: Design | None

    def on(self, frame: pd.DataFrame) -> tuple[FactorDesign, np.ndarray]:
        """The loading design on new rows, and which rows have no missing value in it.

        Parameters
        ----------
        frame : DataFrame

        Returns
        -------
        FactorDesign
        kept : ndarray of bool (len(frame),)
        """
        if self.design is not None:
            values, kept = self.design.matrix(frame)
            return self._make(None, values), kept
        if self.factor.by not in frame.columns:
            raise FormulaError(
                f"The data have no column {self.factor.by!r}, which the factor {self.name!r} needs."
            )
        column = frame[self.factor.by]
        codes, unknown = recode(column, self.levels)
        if unknown.any():
            raise FormulaError(
                f"The factor {self.name!r} has no loading for {show(column[unknown].iloc[0])} of "
                f"{self.factor.by!r}; it has {', '.join(self.names)}."
            )
        kept = codes >= 0
        return self._make(codes[kept], None), kept

    def _make(self, codes, columns):
        return FactorDesign(
            self.name, self.names, self.loadings, self.factor.standardized, codes, columns
        )


def loading_design(
    name: str, factor: Factor, frame: pd.DataFrame, env: Mapping, engine: str
) -> tuple[LoadingDesign, FactorDesign, np.ndarray]:
    """The loading design of a factor on the estimation sample.

    Parameters
    ----------
    name : str
    factor : Factor
    frame : DataFrame
        The sample.
    env : mapping
        Names from outside the data.
    engine : str
        "patsy" or "formulaic".

    Returns
    -------
    LoadingDesign
    FactorDesign
    kept : ndarray of bool (len(frame),)
        Rows without missing values in the design.
    """
    if is_column(factor, frame.columns):
        codes, levels = factorize(frame[factor.by])
        if levels.dtype.kind == "f" and (levels != np.floor(levels)).any():
            raise FormulaError(
                f"The factor {name!r} is by the column {factor.by!r}, which has fractions; for "
                f"loadings proportional to it write Factor('0 + {factor.by}')."
            )
        names = tuple(label(level) for level in levels)
        made = LoadingDesign(name, factor, names, _loadings(name, factor, names), levels, None)
        return made, made._make(codes, None), np.ones(len(frame), bool)
    where = f"the loadings of the factor {name!r}"
    formula = one_sided(factor.by)
    design, values, kept = make_design(formula, frame, env=env, engine=engine, where=where)
    names = design.names
    made = LoadingDesign(name, factor, names, _loadings(name, factor, names), None, design)
    return made, made._make(None, values), kept


def _loadings(name, factor, names):
    """Fixed loadings, NaN where free."""
    values = np.full(len(names), np.nan)
    given = factor.loadings
    if isinstance(given, Mapping):
        for key, value in given.items():
            if label(key) not in names:
                raise FormulaError(
                    f"The factor {name!r} has no loading {key!r}; it has {', '.join(names)}."
                )
            values[names.index(label(key))] = np.nan if value is None else value
    elif given is not None:
        if len(given) != len(names):
            raise FormulaError(
                f"The factor {name!r} has {len(given)} loadings but needs {len(names)}, one for "
                f"each of {', '.join(names)}."
            )
        values[:] = [np.nan if value is None else value for value in given]
    elif not factor.standardized and len(names):
        values[0] = 1.0
    if not len(names):
        raise DataError(f"The factor {name!r} has no loadings: its formula has no columns.")
    return values
