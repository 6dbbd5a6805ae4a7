"""What has to be evaluated: the formulas of every part and the columns they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.grammar import ParsedFormula, one_sided
from statsmodels_gllamm.formula.groups import group_name
from statsmodels_gllamm.formula.loadings import is_column
from statsmodels_gllamm.formula.rows import is_row_like
from statsmodels_gllamm.formula.tokens import usage
from statsmodels_gllamm.spec import Factor

__all__ = ["Plan", "make_plan", "unused_categories", "working_frame"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be evaluated.

    Attributes
    ----------
    response : str
        The left side.
    formulas : dict of key to (str, str, tuple of str)
        One-sided formula, how errors name it, and the factors it may use. Keys: "exog",
        "dispersion", ("bar", terms), ("factor", name).
    factors : dict of str to Factor
    groups : dict of str to tuple of str
        Columns by name of the group.
    required : dict of str to str
        Columns that must not be missing, and the reason for dropping a row where they are.
    optional : tuple of str
        Names that only functions see: columns, or names from outside the data.
    """

    response: str
    formulas: dict
    factors: dict[str, Factor]
    groups: dict[str, tuple[str, ...]]
    required: dict[str, str]
    optional: tuple[str, ...]


def make_plan(
    parsed: ParsedFormula, factors: Mapping[str, Factor], dispersion: str | None, columns
) -> Plan:
    """Collect everything that the formulas need.

    Parameters
    ----------
    parsed : ParsedFormula
    factors : mapping of str to Factor
    dispersion : str or None
    columns : Index
        The columns of the data.

    Returns
    -------
    Plan
    """
    names = tuple(factors)
    formulas: dict = {"exog": (parsed.fixed, "the fixed part", names)}
    for bar in parsed.bars:
        formulas["bar", bar.terms] = (bar.terms, f"the random terms {bar.text}", names)
    for name, factor in factors.items():
        if not is_column(factor, columns):
            where = f"the loadings of the factor {name!r}"
            formulas["factor", name] = (one_sided(factor.by), where, ())
    formulas["dispersion"] = (one_sided(dispersion or "1"), "the dispersion", ())
    usages = {key: usage(text) for key, (text, _, _) in formulas.items()}
    usages["endog"] = usage(parsed.response)
    _check_factors(names, formulas, usages)

    groups = {group_name(g): g for bar in parsed.bars for g in bar.groups}
    parts = (usages["endog"], *usages.values())
    required = dict.fromkeys(n for u in parts for n in (*u.bare, *u.coded) if n not in names)
    required |= dict.fromkeys(f.by for f in factors.values() if is_column(f, columns))
    required = {column: f"{column!r} is missing" for column in required}
    for name, group in groups.items():
        for column in group:
            if column not in columns:
                raise FormulaError(
                    f"The group {name!r} needs the column {column!r}, which the data do not have"
                    f"{_hint(column, columns)}"
                )
            required.setdefault(column, f"the group {column!r} is missing")
    optional = dict.fromkeys(n for u in parts for n in u.inside if n not in required)
    return Plan(parsed.response, formulas, dict(factors), groups, required, tuple(optional))


def _check_factors(names, formulas, usages):
    """Every factor is used, and only where a latent variable may stand."""
    allowed = {key for key, (_, _, factors) in formulas.items() if factors}
    used = {name for key in allowed for name in usages[key].names}
    in_bars = {name for key in allowed if key[0] == "bar" for name in usages[key].names}
    for name in names:
        for key, part in usages.items():
            if key not in allowed and name in part.names:
                where = "the left side" if key == "endog" else formulas[key][1]
                raise FormulaError(f"The factor {name!r} cannot stand in {where}; take it out.")
        if name not in used:
            raise FormulaError(
                f"The factor {name!r} is declared but not used; put it in a bar such as "
                f"(0 + {name} | id), or leave it out of factors."
            )
        if name not in in_bars:
            raise FormulaError(
                f"The factor {name!r} stands in the fixed part only; put it in a bar such as "
                f"(0 + {name} | id) too."
            )


def _hint(name, known):
    close = get_close_matches(str(name), [str(c) for c in known], n=1)
    return f"; did you mean {close[0]!r}?" if close else "; check its spelling."


def working_frame(plan: Plan, data: pd.DataFrame, env: Mapping, positions) -> pd.DataFrame:
    """The columns that are needed, in the rows of the subset.

    Parameters
    ----------
    plan : Plan
    data : DataFrame
    env : mapping
        An array of it with one entry per row of the data becomes a column.
    positions : ndarray or None
        Rows of the subset.

    Returns
    -------
    DataFrame
        Shares memory with the data where it can.
    """
    columns = {}
    for name in (*plan.required, *plan.optional):
        if name in data.columns:
            column = data[name]
            if isinstance(column, pd.DataFrame):
                raise DataError(f"The data have more than one column {name!r}; rename them.")
            columns[name] = column.array
        elif is_row_like(env.get(name), len(data)):
            columns[name] = pd.Series(np.asarray(env[name])).array
        elif name in plan.required:
            raise FormulaError(
                f"{name!r} in the formula is neither a column of the data nor a factor"
                f"{_hint(name, (*data.columns, *plan.factors))}"
            )
        elif name not in env:
            dotted = [c for c in data.columns if str(c).startswith(f"{name}.")]
            if dotted:
                raise FormulaError(f"Write Q({dotted[0]!r}) for the column {dotted[0]!r}.")
    frame = pd.DataFrame(columns, index=data.index, copy=False)
    return frame if positions is None else frame.iloc[positions]


def unused_categories(plan: Plan, frame: pd.DataFrame) -> tuple[str, ...]:
    """Sentences on the categories that the sample does not have.

    Parameters
    ----------
    plan : Plan
    frame : DataFrame
        The sample.

    Returns
    -------
    tuple of str
    """
    notes = []
    in_groups = {column for group in plan.groups.values() for column in group}
    for name in plan.required:
        if name in in_groups or not isinstance(frame[name].dtype, pd.CategoricalDtype):
            continue
        categories = frame[name].cat.categories
        unused = np.setdiff1d(np.arange(len(categories)), frame[name].cat.codes)
        if unused.size:
            labels = ", ".join(show(categories[i]) for i in unused)
            notes.append(f"The sample has no row with {name!r} equal to {labels}.")
    return tuple(notes)
