"""What has to be evaluated: the formulas of every part and the columns they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.categories import key_name, show
from statsmodels_gllamm.formula.grammar import ParsedFormula, one_sided, right_side
from statsmodels_gllamm.formula.groups import ROWS, group_name
from statsmodels_gllamm.formula.loadings import is_column
from statsmodels_gllamm.formula.roles import label_columns
from statsmodels_gllamm.formula.rows import hint, is_row_like
from statsmodels_gllamm.formula.tokens import usage
from statsmodels_gllamm.spec import Factor, Needs

__all__ = ["RESERVED", "Plan", "make_plan", "unused_categories", "working_frame"]

CLASS_PART = "class-specific part"
RESERVED = ("endog", "exog", "bars", "factors", "codes", "numbers", "labels")


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be evaluated.

    Attributes
    ----------
    response : str
        The left side.
    formulas : dict of key to (str, str, tuple of str)
        One-sided formula, how errors name it, and the factors it may use. Keys: "exog",
        ("bar", terms), ("factor", name), ("design", key) and ("part", key) of the family's own.
    bars : dict of key to tuple of Bar
        Random terms of "exog" and of the parts ("part", key).
    without_intercept : frozenset
        Keys of formulas whose constant is left out.
    factors : dict of str to Factor
    groups : dict of str to tuple of str
        Columns by name of the group.
    labels : dict of str to tuple of str
        Columns by role; none where labels are given row by row.
    required : dict of str to str
        Columns that must not be missing, and the reason for dropping a row where they are.
    optional : tuple of str
        Names that only functions see: columns, or names from outside the data.
    """

    response: str
    formulas: dict
    bars: dict
    without_intercept: frozenset
    factors: dict[str, Factor]
    groups: dict[str, tuple[str, ...]]
    labels: dict[str, tuple[str, ...]]
    required: dict[str, str]
    optional: tuple[str, ...]


def make_plan(
    parsed: ParsedFormula, factors: Mapping[str, Factor], needs: Needs, columns
) -> Plan:
    """Collect everything that the formulas need.

    Parameters
    ----------
    parsed : ParsedFormula
    factors : mapping of str to Factor
    needs : Needs
    columns : Index
        The columns of the data.

    Returns
    -------
    Plan
    """
    names = tuple(factors)
    formulas: dict = {"exog": (parsed.fixed, "the fixed part", names)}
    bars = {"exog": tuple(bar for bar in parsed.bars if bar.groups[-1][-1] not in needs.classes)}
    own, without = _own_formulas(needs, names, bars)
    for bar in (bar for some in bars.values() for bar in some):
        where = f"the random terms {bar.text}"
        formulas.setdefault(("bar", bar.terms), (bar.terms, where, names))
    for name, factor in factors.items():
        if not is_column(factor, columns):
            where = f"the loadings of the factor {name!r}"
            formulas["factor", name] = (one_sided(factor.by), where, ())
    formulas |= own
    usages = {key: usage(text) for key, (text, _, _) in formulas.items()}
    usages["endog"] = usage(parsed.response)
    _check_factors(names, formulas, usages)

    _check_classes(needs, bars)
    groups = {group_name(g): g for some in bars.values() for bar in some for g in bar.groups}
    if () in needs.groups and ROWS in groups:
        raise FormulaError(f"classes without within= are those of the rows, called {ROWS!r}; "
                           f"rename the column {ROWS!r} of the formula's groups")
    groups |= {group_name(g): g for g in needs.groups}
    parts = (usages["endog"], *usages.values())
    required = dict.fromkeys(n for u in parts for n in (*u.bare, *u.coded) if n not in names)
    required |= dict.fromkeys(f.by for f in factors.values() if is_column(f, columns))
    required = {column: f"{column!r} is missing" for column in required}
    for name, group in groups.items():
        for column in group:
            if column not in columns:
                raise FormulaError(
                    f"The group {name!r} needs the column {column!r}, which the data do not have"
                    f"{hint(column, columns)}"
                )
            required.setdefault(column, f"the group {column!r} is missing")
    labels = label_columns(needs, columns)
    for role, own_columns in labels.items():
        for column in own_columns:
            required.setdefault(column, f"{key_name(role)} column {column!r} is missing")
    optional = dict.fromkeys(n for u in parts for n in u.inside if n not in required)
    return Plan(parsed.response, formulas, bars, without, dict(factors), groups, labels, required,
                tuple(optional))


def _own_formulas(needs: Needs, names, bars: dict) -> tuple[dict, frozenset]:
    """The formulas of the family, as in `Plan`, and which formulas lose their constant.

    The random terms of its linear predictors are added to ``bars``.
    """
    formulas: dict = {}
    without = {"exog"} & set(needs.without_intercept)
    for key, text in needs.formulas.items():
        if key in RESERVED or key[0] in RESERVED:
            raise ValueError(f"A formula of a family cannot have the key {key!r}.")
        latent = key in needs.latent
        place = ("part" if latent else "design", key)
        where = _where(key, latent)
        if latent:
            fixed, bars[place] = right_side(text, where)
            formulas[place] = (fixed, where, names)
        else:
            formulas[place] = (one_sided(text, where), where, names if key[0] == CLASS_PART else ())
        if key in needs.without_intercept:
            without.add(place)
    return formulas, frozenset(without)


def _check_classes(needs: Needs, bars) -> None:
    """Latent classes stand in the formula itself only."""
    for key, some in bars.items():
        for bar in some:
            if key != "exog" and any(needs.classes.intersection(group) for group in bar.groups):
                raise FormulaError(f"The random term {bar.text} of {_where(key[1], True)} has latent "
                                   "classes; these may stand in the formula itself only.")


def _where(key, latent: bool) -> str:
    """How errors name a formula of the family: "the dispersion", "the zero part of 'a'"."""
    part = " part" * latent
    return f"the {key_name(key + part if isinstance(key, str) else (key[0] + part, *key[1:]))}"


def _check_factors(names, formulas, usages):
    """Every factor is used, and only where a latent variable may stand."""
    allowed = {key for key, (_, _, factors) in formulas.items() if factors}
    used = {name for key in allowed for name in usages[key].names}
    in_bars = {name for key in allowed if key[0] == "bar" or key[0] == "design"
               for name in usages[key].names}
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
                f"{hint(name, (*data.columns, *plan.factors))}"
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
    in_groups = {column for group in (*plan.groups.values(), *plan.labels.values())
                 for column in group}
    for name in plan.required:
        if name in in_groups or not isinstance(frame[name].dtype, pd.CategoricalDtype):
            continue
        categories = frame[name].cat.categories
        unused = np.setdiff1d(np.arange(len(categories)), frame[name].cat.codes)
        if unused.size:
            labels = ", ".join(show(categories[i]) for i in unused)
            notes.append(f"The sample has no row with {name!r} equal to {labels}.")
    return tuple(notes)
