"""The estimation sample: one set of complete rows for every part of the model.

Pass 1 finds the rows: the subset, and in it the rows where no column of any part is missing.
Pass 2 evaluates every design on these rows. A term may be undefined on complete columns (the
logarithm of a negative number); such rows are dropped too and everything is evaluated once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.formula._manager import FormulaManager

from statsmodels_gllamm.formula.design import Design, make_design
from statsmodels_gllamm.formula.designs import BarDesign, Designs, check_terms, named, select
from statsmodels_gllamm.formula.grammar import ParsedFormula, parse_formula
from statsmodels_gllamm.formula.groups import Group, group_name, make_group
from statsmodels_gllamm.formula.loadings import FactorDesign, as_factors, loading_design
from statsmodels_gllamm.formula.plan import make_plan, unused_categories, working_frame
from statsmodels_gllamm.formula.response import response_design
from statsmodels_gllamm.formula.rows import (
    Completeness,
    as_frame,
    finite,
    row_arguments,
    row_array,
    subset_positions,
)
from statsmodels_gllamm.formula.tokens import usage
from statsmodels_gllamm.formula.weights import check_weights, read_weights

__all__ = ["Sample", "build_sample"]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The estimation sample, rows in data order.

    Attributes
    ----------
    parsed : ParsedFormula
        `parsed.text` is the full formula, `parsed.plain` the one without random terms.
    endog : ndarray (n,) or (n, 2)
        The response, or successes and failures.
    endog_name : str
    exog : DataFrame (n, p)
        The fixed part; columns are named as coefficients.
    exog_factors : tuple of (str or None), length p
        The factor whose row loading multiplies a column.
    bars : tuple of BarDesign
        One per bar and group.
    groups : dict of str to Group
    factors : dict of str to FactorDesign
    offset : ndarray (n,)
        The offset plus the log of the exposure.
    n_trials : ndarray (n,), or None
    weights : dict of str to ndarray (n,)
        Frequency weights of "rows" and of groups.
    dispersion : DataFrame (n, v)
    index : Index (n,)
        Row labels.
    positions : ndarray of int64 (n,)
        Places of the rows in the data.
    dropped : dict of str to int
        Rows dropped by reason; each row counts once, under its first reason.
    notes : tuple of str
        Sentences on what else was left out: categories that do not occur.
    design : Designs
        Makes the same designs on new data.
    """

    parsed: ParsedFormula
    endog: np.ndarray
    endog_name: str
    exog: pd.DataFrame
    exog_factors: tuple[str | None, ...]
    bars: tuple[BarDesign, ...]
    groups: dict[str, Group]
    factors: dict[str, FactorDesign]
    offset: np.ndarray
    n_trials: np.ndarray | None
    weights: dict[str, np.ndarray]
    dispersion: pd.DataFrame
    index: pd.Index
    positions: np.ndarray
    dropped: dict[str, int]
    notes: tuple[str, ...]
    design: Designs


def build_sample(
    formula: str,
    data,
    *,
    subset=None,
    factors=None,
    dispersion: str | None = None,
    offset=None,
    exposure=None,
    n_trials=None,
    freq_weights=None,
    missing: str = "drop",
    eval_env: Mapping | None = None,
    two_columns: bool = True,
) -> Sample:
    """Read a formula and evaluate it on the complete rows of the data.

    Parameters
    ----------
    formula : str
        With random terms, ``"y ~ x + (1 | id)"``.
    data : DataFrame
    subset : str, boolean mask or labels, optional
        Rows to use: a query, or what ``data.loc`` takes.
    factors : mapping of str to Factor or str, optional
    dispersion : str, optional
        Formula of the log dispersion; a constant by default.
    offset, exposure, n_trials : str, number or array_like, optional
        A column or one value per row of the data.
    freq_weights : str, array_like or mapping, optional
        Of rows, or {group: column or array, "rows": ...}.
    missing : {"drop", "raise"}
    eval_env : mapping, optional
        Names from outside the data that the formula may use.
    two_columns : bool
        Whether the left side may be ``successes + failures``.

    Returns
    -------
    Sample
    """
    if missing not in ("drop", "raise"):
        raise ValueError(f"missing must be 'drop' or 'raise', not {missing!r}.")
    parsed = parse_formula(formula)
    data = as_frame(data)
    env = {"np": np, "pd": pd, **(eval_env or {})}
    positions = subset_positions(data, subset, env)
    factors = as_factors(factors, data.columns)
    plan = make_plan(parsed, factors, dispersion, data.columns)
    extras = {
        what: (what, row_array(value, what, data, positions))
        for what, value in (("offset", offset), ("exposure", exposure), ("n_trials", n_trials))
        if value is not None
    }
    weights = read_weights(freq_weights, "freq_weights", plan.groups, data, positions)

    frame = working_frame(plan, data, env, positions)
    rows = Completeness(len(frame))
    for column, what in plan.required.items():
        rows.require(frame[column].notna().to_numpy(), what)
    for what, values in (*extras.values(), *weights.values()):
        rows.require(~np.isnan(values), f"{what} is missing")
    rows.check(missing)
    frame = frame if rows.kept.all() else frame[rows.kept]
    built, frame = _complete_designs(plan, frame, env, rows, two_columns, missing)

    extras = {what: values[rows.kept] for what, (_, values) in extras.items()}
    weights = {level: (name, values[rows.kept]) for level, (name, values) in weights.items()}
    found: dict = {}
    groups = {name: make_group(columns, frame, found) for name, columns in plan.groups.items()}
    _check_finite(built, frame.index)
    places = np.flatnonzero(rows.kept)
    return _assemble(
        parsed, plan, built, groups, extras, check_weights(weights, groups, frame.index),
        frame.index, places if positions is None else positions[places], rows.dropped,
        unused_categories(plan, frame),
    )


def _build(plan, frame, env, two_columns):
    """Every design on the rows of a frame: key -> (design, values, rows without missing)."""
    engine = FormulaManager().engine
    built = {
        "endog": response_design(plan.response, frame, env, engine, two_columns),
    }
    for key, (text, where, factors) in plan.formulas.items():
        if key[0] != "factor":
            built[key] = make_design(
                text, frame, env=env, engine=engine, where=where, factors=factors
            )
    for name, factor in plan.factors.items():
        built["factor", name] = loading_design(name, factor, frame, env, engine)
    return built


def _complete_designs(plan, frame, env, rows, two_columns, missing):
    """Designs on rows where every term is defined, and those rows; `rows` learns the reasons."""
    built = _build(plan, frame, env, two_columns)
    for again in (True, False):
        if all(kept.all() for _, _, kept in built.values()):
            return built, frame
        place = np.flatnonzero(rows.kept)
        defined = np.ones(len(frame), bool)
        for key, (_, _, kept) in built.items():
            defined &= kept
            for what, present in _undefined(plan, key, kept, frame):
                everywhere = np.ones(len(rows.kept), bool)
                everywhere[place] = present
                rows.require(everywhere, what)
        rows.check(missing)
        frame = frame[defined]
        if again:
            built = _build(plan, frame, env, two_columns)
    # a term that looks at other rows, such as a lag, is undefined on whatever rows it gets
    built = {
        key: (design, select(values, defined[kept]), kept)
        for key, (design, values, kept) in built.items()
    }
    return built, frame


def _undefined(plan, key, kept, frame):
    """Why a design leaves out rows: pairs (reason, rows that are present)."""
    if kept.all():
        return
    text, where = plan.response, "the left side"
    if key != "endog":
        text, where, _ = plan.formulas[key]
    known = kept.copy()
    for column in usage(text).inside:
        if column in frame.columns:
            absent = frame[column].isna().to_numpy() & ~kept
            known |= absent
            yield f"{column!r} is missing", ~absent
    yield f"{where} is not a number", known


def _check_finite(built, index):
    """Refuse infinite values in any design."""
    for key, (design, values, _) in built.items():
        if key == "endog":
            names = (design.name,) * (1 if values.ndim == 1 else 2)
            finite(values, names, "the response", index)
        elif isinstance(values, FactorDesign):
            if values.columns is not None:
                finite(values.columns, values.names, design.design.where, index)
        else:
            finite(values, design.names, design.where, index)


def _assemble(parsed, plan, built, groups, extras, weights, index, positions, dropped, notes):
    """Put the sample together and check what concerns several parts."""
    bars = tuple(
        (tuple(group_name(g) for g in bar.groups), built["bar", bar.terms][0], bar.correlated)
        for bar in parsed.bars
    )
    designs = Designs(
        built["endog"][0],
        built["exog"][0],
        built["dispersion"][0],
        bars,
        {name: built["factor", name][0] for name in plan.factors},
        {name: group.clusters for name, group in groups.items()},
    )
    matrices = {id(d): values for d, values, _ in built.values() if isinstance(d, Design)}
    bar_designs = designs.bar_designs(matrices)
    check_terms(bar_designs)
    endog = built["endog"][1]
    offset, n_trials = row_arguments(extras, endog, index)
    return Sample(
        parsed=parsed,
        endog=endog,
        endog_name=parsed.response,
        exog=named(designs.exog, built["exog"][1], index),
        exog_factors=designs.exog.column_factors,
        bars=bar_designs,
        groups=groups,
        factors={name: built["factor", name][1] for name in plan.factors},
        offset=offset,
        n_trials=n_trials,
        weights=weights,
        dispersion=named(designs.dispersion, built["dispersion"][1], index),
        index=index,
        positions=positions,
        dropped=dropped,
        notes=notes,
        design=designs,
    )
