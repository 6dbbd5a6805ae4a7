"""A design that can rebuild itself on new data.

A design is the matrix of one one-sided formula. Category levels and the state of stateful
transformations (center, splines) belong to the estimation sample. The engine's spec that holds
them cannot be pickled, so the design keeps the formula, the engine and a prototype: the rows from
which the engine finds the same spec again. When the formula is nothing but columns and C(column),
that is one row whose categorical columns carry all levels; else it is the columns of the sample.
"""

from __future__ import annotations

from collections.abc import Mapping
import copy
from dataclasses import dataclass, field
import re
from textwrap import shorten

import numpy as np
import pandas as pd
from statsmodels.formula._manager import FormulaManager

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.categories import factorize, listed, recode, show
from statsmodels_gllamm.formula.environment import restored, storable
from statsmodels_gllamm.formula.tokens import Usage, usage

__all__ = ["Design", "make_design"]

MANY = 20  # rows for each combination of categories, from which these are evaluated once


@dataclass(eq=False)
class Design:
    """The design of one one-sided formula, fixed by the estimation sample.

    Attributes
    ----------
    formula : str
        Without left side; an intercept is implied.
    engine : str
        "patsy" or "formulaic", as in force when the sample was built.
    where : str
        How errors name the design: "the fixed part", "the random terms (x | id)".
    names : tuple of str
        Column names; the constant is "Intercept".
    column_factors : tuple of (str or None)
        The factor that multiplies each column, if any. A factor's own values are ones.
    columns : tuple of str
        The columns of the data that the formula needs.
    left_out : int or None
        Where the constant was among the columns, if it was taken out of them.
    """

    formula: str
    engine: str
    where: str
    factors: tuple[str, ...]
    env: dict
    columns: tuple[str, ...]
    names: tuple[str, ...] = ()
    column_factors: tuple[str | None, ...] = ()
    levels: dict[str, pd.Index] = field(default_factory=dict)
    prototype: pd.DataFrame | None = None
    left_out: int | None = None
    _spec: object = field(default=None, repr=False, compare=False)
    _lost: tuple[str, ...] = ()

    def __post_init__(self):
        self.usage: Usage = usage(self.formula)

    @property
    def is_constant(self):
        """Whether the design is nothing but the constant."""
        return self.formula.strip() == "1"

    def standing(self, where: str, factors: tuple[str, ...]) -> Design:
        """The same design in another place of the model."""
        other = copy.copy(self)
        other.where, other.factors = where, tuple(factors)
        return other

    def matrix(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """The design on new rows.

        Parameters
        ----------
        frame : DataFrame
            With the columns that the formula needs.

        Returns
        -------
        values : ndarray (m, k)
            Rows without missing values.
        kept : ndarray of bool (len(frame),)
            Which rows those are.
        """
        if self.is_constant:
            ones = np.broadcast_to(1.0, (len(frame), 1))  # takes no memory
            return self._without(ones), np.ones(len(frame), bool)
        missing = [c for c in self.columns if c not in frame.columns]
        if missing:
            raise FormulaError(f"The data have no column {missing[0]!r}, which {self.where} needs.")
        values, _, kept = _evaluate(self, self.spec, self._engine_frame(frame, self.levels)[0])
        return self._without(np.asarray(values, dtype=np.float64)), kept

    def _without(self, values):
        """The columns (m, k) that the engine makes, without the constant where it is left out."""
        if self.left_out is None:
            return values
        return values[:, :0] if values.shape[1] == 1 else np.delete(values, self.left_out, axis=1)

    def _leave_out(self, place):
        """Take the constant out of the columns, from now on."""
        self.left_out = place
        self.names = self.names[:place] + self.names[place + 1 :]
        self.column_factors = self.column_factors[:place] + self.column_factors[place + 1 :]

    @property
    def spec(self):
        """The engine's spec, found again from the prototype when needed."""
        if self._spec is None and not self.is_constant:
            if self._lost:
                raise FormulaError(
                    f"{self._lost[0]!r} in {self.where} could not be stored with the model; "
                    "define it in an importable module, or make a column of it."
                )
            self._spec = _evaluate(self, self.formula, self.prototype)[1]
        return self._spec

    def _engine_frame(self, frame, levels=None):
        """The columns as the engine gets them, and the levels of the categorical ones."""
        columns, found = {}, {}
        for name in self.columns:
            column = frame[name]
            if isinstance(column, pd.DataFrame):
                raise DataError(f"The data have more than one column {name!r}; rename them.")
            if levels is not None and name in levels:
                columns[name] = _recode(column, levels[name], self.where)
            elif levels is None and self._is_categorical(name, column):
                codes, found[name] = factorize(column)
                columns[name] = pd.Categorical.from_codes(codes, categories=found[name])
            else:
                columns[name] = _as_array(column)
        for name in self.factors:
            if name in self.usage.names:
                columns[name] = np.ones(len(frame))
        return pd.DataFrame(columns, index=frame.index, copy=False), found

    def _is_categorical(self, name, column):
        """Whether a column's levels alone decide its coding; then they are found here, once."""
        if name in self.usage.inside or pd.api.types.is_bool_dtype(column.dtype):
            return False
        if pd.api.types.is_numeric_dtype(column.dtype):
            return name in self.usage.coded and name not in self.usage.bare
        return (
            isinstance(column.dtype, (pd.CategoricalDtype, pd.StringDtype))
            or column.dtype == object
        )

    def _sees_rows_alone(self, frame):
        """Whether one row is enough to find the spec again: no term looks at other rows."""
        if self.usage.plain:
            return True
        numeric = (
            pd.api.types.is_numeric_dtype(frame[n].dtype) for n in self.usage.inside if n in frame
        )
        return all(_is_row_wise(name, self.env) for name in self.usage.called) and all(numeric)

    def __getstate__(self):
        state = self.__dict__.copy()
        state["_spec"] = None
        state["env"], lost = storable(self.env)
        state["_lost"] = (*self._lost, *lost)
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.env = restored(self.env)


def make_design(
    formula: str,
    frame: pd.DataFrame,
    *,
    env: Mapping,
    engine: str,
    where: str,
    factors: tuple[str, ...] = (),
    without_intercept: bool = False,
) -> tuple[Design, np.ndarray, np.ndarray]:
    """Evaluate a one-sided formula on the estimation sample.

    Parameters
    ----------
    formula : str
        Without left side.
    frame : DataFrame
        The sample.
    env : mapping
        Names from outside the data.
    engine : str
        "patsy" or "formulaic".
    where : str
        How errors name the design.
    factors : tuple of str
        Names that stand for latent variables: columns of ones, remembered in `column_factors`.
    without_intercept : bool
        Leave the constant out once the formula is evaluated: categories are coded as beside it.

    Returns
    -------
    design : Design
    values : ndarray (m, k)
        Rows without missing values.
    kept : ndarray of bool (len(frame),)
        Which rows those are.

    Raises
    ------
    FormulaError
        A term that cannot be evaluated, a factor inside a function, a product of factors.
    """
    names = usage(formula)
    for name in factors:
        if name in names.inside or name in names.coded:
            raise FormulaError(
                f"The factor {name!r} stands inside a function in {where}; it may only be a term "
                "or part of a product of terms."
            )
    columns = tuple(n for n in names.names if n in frame and n not in factors)
    outside = dict.fromkeys((*names.inside, *(c.split(".")[0] for c in names.called)))
    known = {n: env[n] for n in outside if n in env and n not in columns}
    design = Design(formula, engine, where, tuple(factors), known, columns)
    if design.is_constant:
        design.names, design.column_factors = ("Intercept",), (None,)
        if without_intercept:
            design._leave_out(0)
        return design, *design.matrix(frame)
    engine_frame, design.levels = design._engine_frame(frame)
    few = _few_rows(design, engine_frame)
    some = engine_frame if few is None else engine_frame.iloc[few[0]]
    values, design._spec, kept = _evaluate(design, formula, some)
    design.names = tuple(str(c) for c in values.columns)
    values = np.asarray(values, dtype=np.float64)
    if few is not None:
        values, kept = _on_all_rows(values, kept, few[1])
    design.column_factors = _column_factors(design, factors)
    if without_intercept and (place := _constant(design)) is not None:
        design._leave_out(place)
    if design._sees_rows_alone(engine_frame):
        first = int(np.argmax(kept))
        engine_frame = engine_frame.iloc[first : first + 1]
    # its own copy, as the user may change the data
    design.prototype = engine_frame.reset_index(drop=True).copy()
    return design, design._without(values), kept


def _few_rows(design, frame):
    """(some rows, the one of them that each row equals (n,)) where a formula of nothing but categorical
    columns has few different rows; else None."""
    columns = [frame[name] for name in design.columns]
    if not design.usage.plain or not columns or not all(
            isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
        return None
    sizes = [len(column.cat.categories) + 1 for column in columns]
    if np.prod(sizes, dtype=float) * MANY > len(frame):
        return None
    codes = np.zeros(len(frame), dtype=np.int64)
    for column, size in zip(columns, sizes):
        codes = codes * size + column.cat.codes.to_numpy() + 1
    _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
    return first, codes


def _on_all_rows(values, kept, codes):
    """Values (m, k), columns contiguous, and kept rows from those of different rows."""
    place, everywhere = np.cumsum(kept) - 1, kept[codes]
    rows = place[codes] if kept.all() else place[codes[everywhere]]
    out = np.empty((values.shape[1], len(rows)))
    for column, few in zip(out, values.T):
        np.take(few, rows, out=column)
    return out.T, everywhere


def _evaluate(design, formula, frame):
    """Values (DataFrame), spec and kept rows of a formula or spec."""
    manager = FormulaManager(design.engine)
    rebuild = not isinstance(formula, str)
    env = design.env
    if design.engine == "patsy" and design.usage.coded:
        env = {"C": _patsy_categorical, **env}
    try:
        values = manager.get_matrices(
            formula,
            frame,
            eval_env=env,
            pandas=True,
            na_action=manager.get_na_action("drop"),
            prediction=rebuild,
        )
    except Exception as error:
        raise FormulaError(_reason(design, str(error))) from error
    kept = ~np.asarray(manager.missing_mask, dtype=bool)
    return values, manager.spec, kept


def _reason(design, message):
    """One sentence on why a formula cannot be evaluated."""
    unknown = re.search(r"name '(\w+)' is not defined", message)
    if unknown:
        return (
            f"{unknown.group(1)!r} in {design.where} is neither a column of the data nor defined "
            "where the model is made."
        )
    where = design.where[:1].upper() + design.where[1:]
    text = next((line.strip() for line in message.splitlines() if line.strip()), "")
    formula = shorten(design.formula, 200, placeholder=" ...")
    return f"{where} {formula!r} cannot be evaluated: {text.rstrip('.')}."


def _patsy_categorical(data, contrast=None, levels=None):
    """C() as in patsy, which codes a Categorical row by row in Python only because C() wraps it."""
    dtype = getattr(data, "dtype", None)
    if contrast is None and levels is None and isinstance(dtype, pd.CategoricalDtype):
        return data
    from patsy.categorical import C

    return C(data, contrast, levels)


def _column_factors(design, factors):
    """The factor in each column's term."""
    manager = FormulaManager(design.engine)
    found: list[str | None] = [None] * len(design.names)
    for term in design._spec.terms:
        parts = _parts(design, term)
        present = [p for p in parts if p in factors]
        if len(present) > 1:
            raise FormulaError(
                f"The product of the factors {present[0]!r} and {present[1]!r} in {design.where} "
                "is not supported; use one factor per term."
            )
        if present:
            place = manager.get_slice(design._spec, term)
            found[place] = [present[0]] * (place.stop - place.start)
    return tuple(found)


def _parts(design, term):
    """What a term is the product of."""
    return [f.name() if design.engine == "patsy" else f.expr for f in term.factors]


def _constant(design):
    """Which column is the constant of the formula, if it has one."""
    for term in design._spec.terms:
        if not set(_parts(design, term)) - {"1"}:
            return FormulaManager(design.engine).get_slice(design._spec, term).start
    return None


def _recode(column, levels, where):
    """A column as a Categorical with the levels of the sample."""
    codes, unknown = recode(column, levels)
    if unknown.any():
        raise FormulaError(
            f"The column {column.name!r} in {where} has the level {show(column[unknown].iloc[0])}, "
            f"which the model has not seen; it knows {listed(levels)}."
        )
    return pd.Categorical.from_codes(codes, categories=levels)


def _as_array(column):
    """Nullable numbers as NumPy numbers, strings as objects; everything else as it is."""
    dtype = column.dtype
    if isinstance(dtype, pd.StringDtype):
        return np.asarray(column, dtype=object)
    if isinstance(dtype, pd.api.extensions.ExtensionDtype) and pd.api.types.is_numeric_dtype(dtype):
        if pd.api.types.is_bool_dtype(dtype) and not column.isna().any():
            return column.to_numpy(bool)
        return column.to_numpy(np.float64, na_value=np.nan)
    return column.array


def _is_row_wise(name, env):
    """Whether a function of a formula gives each row its own value."""
    if name in ("I", "Q"):
        return True
    module, _, function = name.rpartition(".")
    return env.get(module) is np and isinstance(getattr(np, function, None), np.ufunc)
