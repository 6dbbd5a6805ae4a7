"""Rows of the data on which a formula is complete, and why others are left out."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.formula.designs import (
    select,
)
from statsmodels_gllamm.formula.loadings import FactorDesign
from statsmodels_gllamm.formula.rows import (
    Completeness,
    finite,
)
from statsmodels_gllamm.formula.tokens import usage


def complete_rows(plan, frame, arguments, roles, missing):
    """The rows where no column and no argument is missing."""
    rows = Completeness(len(frame))
    for column, what in plan.required.items():
        rows.require(frame[column].notna().to_numpy(), what)
    for what, values in arguments:
        rows.require(~np.isnan(values), f"{what} is missing")
    for what, present in roles.present():
        rows.require(present, what)
    _drop_sets(rows, frame, roles, np.arange(len(frame)))
    rows.check(missing)
    return rows


def _drop_sets(rows, frame, roles, place):
    """Drop the sets, of the rows at these places, of which a row is dropped."""
    for what, others in roles.others(frame, place, rows.kept[place]):
        everywhere = np.zeros(len(rows.kept), bool)
        everywhere[place] = others
        rows.follow(everywhere, what)


def complete_designs(plan, frame, build, rows, roles, missing):
    """Designs on rows where every term is defined, and those rows; `rows` learns the reasons."""
    built = build(frame)
    for again in (True, False):
        if all(kept.all() for _, _, kept in built.values()):
            return built, frame
        place = np.flatnonzero(rows.kept)
        for key, (_, _, kept) in built.items():
            for what, present in _undefined(plan, key, kept, frame):
                everywhere = np.ones(len(rows.kept), bool)
                everywhere[place] = present
                rows.require(everywhere, what)
        _drop_sets(rows, frame, roles, place)
        rows.check(missing)
        defined = rows.kept[place]
        frame = frame[defined]
        if again:
            built = build(frame)
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


def check_finite(built, index, infinite_response):
    """Refuse infinite values in any design, and in the response unless they mean something."""
    for key, (design, values, _) in built.items():
        if key == "endog" and infinite_response:
            continue
        if key == "endog":
            names = (design.name,) * (1 if values.ndim == 1 else 2)
            finite(values, names, "the response", index)
        elif isinstance(values, FactorDesign):
            if values.columns is not None:
                finite(values.columns, values.names, design.design.where, index)
        else:
            finite(values, design.names, design.where, index)
