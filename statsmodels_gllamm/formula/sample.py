"""The estimation sample: one set of complete rows for every part of the model.

Pass 1 finds the rows: the subset, and in it the rows where no column of any part is missing.
Pass 2 evaluates every design on these rows. A term may be undefined on complete columns (the
logarithm of a negative number); such rows are dropped too and everything is evaluated once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from statsmodels.formula._manager import FormulaManager

from statsmodels_gllamm.formula.complete import check_finite, complete_designs, complete_rows
from statsmodels_gllamm.formula.design import Design, make_design
from statsmodels_gllamm.formula.designs import (
    BarDesign,
    Designs,
    PartDesign,
    check_terms,
    named,
)
from statsmodels_gllamm.formula.grammar import ParsedFormula, parse_formula
from statsmodels_gllamm.formula.groups import Group, group_name, make_group
from statsmodels_gllamm.formula.loadings import FactorDesign, as_factors, loading_design
from statsmodels_gllamm.formula.plan import make_plan, unused_categories, working_frame
from statsmodels_gllamm.formula.response import response_design
from statsmodels_gllamm.formula.roles import read_roles
from statsmodels_gllamm.formula.rows import (
    as_frame,
    row_arguments,
    row_array,
    subset_positions,
)
from statsmodels_gllamm.formula.tokens import usage
from statsmodels_gllamm.formula.weights import (
    Sampling,
    check_scale,
    check_weights,
    read_weights,
    sampling,
)
from statsmodels_gllamm.spec import Needs

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
    designs : dict of key to DataFrame (n, v)
        Of the formulas that the family has asked for: "dispersion", "thresholds".
    parts : dict of key to Part
        Other linear predictors that it has asked for.
    numbers : dict of str to ndarray (n,)
        By role; read-only where one number stands for all rows.
    labels : dict of str to (ndarray of int64 (n,), Index)
        Codes and labels by role; labels of several columns are a MultiIndex of tuples.
    categories : tuple, or None
        Labels of the codes 0, 1, ... in `endog`, where the response is not a number.
    sampling : Sampling, or None
        Sampling weights.
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
    index: pd.Index
    positions: np.ndarray
    dropped: dict[str, int]
    notes: tuple[str, ...]
    design: Designs
    designs: dict = field(default_factory=dict)
    parts: dict = field(default_factory=dict)
    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    labels: dict[str, tuple[np.ndarray, pd.Index]] = field(default_factory=dict)
    categories: tuple | None = None
    sampling: Sampling | None = None


def build_sample(
    formula: str,
    data,
    *,
    subset=None,
    factors=None,
    needs: Needs | None = None,
    offset=None,
    exposure=None,
    n_trials=None,
    freq_weights=None,
    sampling_weights=None,
    scale_weights: str | None = None,
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
    needs : Needs, optional
        What the family reads besides the response.
    offset, exposure, n_trials : str, number or array_like, optional
        A column or one value per row of the data.
    freq_weights : str, array_like or mapping, optional
        Of rows, or {group: column or array, "rows": ...}.
    sampling_weights : str, array_like or mapping, optional
        In the same way.
    scale_weights : {None, "size", "effective"}
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
    needs = Needs() if needs is None else needs
    plan = make_plan(parsed, factors, needs, data.columns)
    extras = {
        what: (what, row_array(value, what, data, positions))
        for what, value in (("offset", offset), ("exposure", exposure), ("n_trials", n_trials))
        if value is not None
    }
    weights = read_weights(freq_weights, "freq_weights", plan.groups, data, positions)
    check_scale(scale_weights, sampling_weights)
    drawn = read_weights(sampling_weights, "sampling_weights", plan.groups, data, positions)
    roles = read_roles(needs, plan.labels, data, positions)

    frame = working_frame(plan, data, env, positions)
    arguments = (*extras.values(), *weights.values(), *drawn.values())
    rows = complete_rows(plan, frame, arguments, roles, missing)
    frame = frame if rows.kept.all() else frame[rows.kept]
    build = partial(_build, plan, env=env, needs=needs, two_columns=two_columns)
    built, frame = complete_designs(plan, frame, build, rows, roles, missing)

    extras = {what: values[rows.kept] for what, (_, values) in extras.items()}
    weights, drawn = ({level: (name, values[rows.kept]) for level, (name, values) in given.items()}
                      for given in (weights, drawn))
    found: dict = {}
    groups = {name: make_group(columns, frame, found) for name, columns in plan.groups.items()}
    labels = roles.groups(frame, rows.kept, found)
    check_finite(built, frame.index, needs.infinite)
    offset, n_trials = row_arguments(extras, built["endog"][1], frame.index)
    designs = _designs(plan, built, groups, *roles.on_new_data(labels))
    places = np.flatnonzero(rows.kept)
    return Sample(
        parsed=parsed,
        endog_name=parsed.response,
        groups=groups,
        offset=offset,
        n_trials=n_trials,
        weights=check_weights(weights, groups, frame.index),
        sampling=sampling(drawn, scale_weights, groups, frame.index),
        index=frame.index,
        positions=places if positions is None else positions[places],
        dropped=rows.dropped,
        notes=unused_categories(plan, frame),
        design=designs,
        numbers=roles.numbers_of(rows.kept),
        labels={role: (group.codes, group.labels) for role, group in labels.items()},
        **_matrices(designs, built, frame.index),
    )


def _build(plan, frame, *, env, needs, two_columns):
    """Every design on the rows of a frame: key -> (design, values, rows without missing).

    A formula that stands in several places, as "0 + item" may, is evaluated once.
    """
    engine = FormulaManager().engine
    built = {
        "endog": response_design(plan.response, frame, env, engine, two_columns,
                                 needs.categorical, needs.ordered),
    }
    made: dict = {}
    for key, (text, where, factors) in plan.formulas.items():
        if key[0] != "factor":
            without = key in plan.without_intercept
            same = text, without, frozenset(factors).intersection(usage(text).names)
            if same not in made:
                made[same] = make_design(text, frame, env=env, engine=engine, where=where,
                                         factors=factors, without_intercept=without)
                built[key] = made[same]
            else:
                design, values, kept = made[same]
                built[key] = design.standing(where, factors), values, kept
    for name, factor in plan.factors.items():
        built["factor", name] = loading_design(name, factor, frame, env, engine)
    return built


def _designs(plan, built, groups, numbers, labels):
    """Everything that makes the designs on new data."""
    def bars(key):
        return tuple((tuple(group_name(g) for g in bar.groups), built["bar", bar.terms][0],
                      bar.correlated) for bar in plan.bars[key])

    own = {key: made[0] for key, made in built.items() if key[0] in ("design", "part")}
    return Designs(
        built["endog"][0],
        built["exog"][0],
        bars("exog"),
        {name: built["factor", name][0] for name in plan.factors},
        {name: group.clusters for name, group in groups.items()},
        {key: design for (kind, key), design in own.items() if kind == "design"},
        {key: PartDesign(design, bars((kind, key))) for (kind, key), design in own.items()
         if kind == "part"},
        numbers,
        labels,
    )


def _matrices(designs, built, index):
    """What a sample has of its designs, by attribute; random terms are checked."""
    matrices = {id(d): values for d, values, _ in built.values() if isinstance(d, Design)}
    main = PartDesign(designs.exog, designs.bars).on(matrices, index)
    parts = {key: part.on(matrices, index) for key, part in designs.parts.items()}
    for part in (main, *parts.values()):
        check_terms(part.bars)
    categories = designs.response.categories
    return {
        "endog": built["endog"][1],
        "factors": {name: built["factor", name][1] for name in designs.factors},
        "exog": main.exog, "exog_factors": main.exog_factors, "bars": main.bars, "parts": parts,
        "designs": {key: named(d, matrices[id(d)], index) for key, d in designs.designs.items()},
        "categories": None if categories is None else tuple(categories.tolist()),
    }
