"""A model without its rows: what remains can print a summary and predict new data."""
from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np

from statsmodels_gllamm.formula.groups import Group

NONE = np.zeros(0, dtype=np.int64)


def without_rows(sample):
    """A sample of no rows with the same columns, factors, groups and designs."""
    return replace(
        sample,
        endog=sample.endog[:0], exog=sample.exog.iloc[:0].copy(),
        bars=_bars(sample.bars),
        groups={name: Group(g.name, g.columns, g.labels, NONE)
                for name, g in sample.groups.items()},
        factors={name: f.on_rows(NONE) for name, f in sample.factors.items()},
        offset=sample.offset[:0].copy(),
        n_trials=None if sample.n_trials is None else sample.n_trials[:0].copy(),
        weights={name: w[:0].copy() for name, w in sample.weights.items()},
        sampling=None if sample.sampling is None else sample.sampling.on_rows(NONE),
        designs={key: d.iloc[:0].copy() for key, d in sample.designs.items()},
        parts={key: replace(part, exog=part.exog.iloc[:0].copy(), bars=_bars(part.bars))
               for key, part in sample.parts.items()},
        numbers={role: x[:0].copy() for role, x in sample.numbers.items()},
        labels={role: (NONE, labels[:0]) for role, (_, labels) in sample.labels.items()},
        index=sample.index[:0].copy(), positions=NONE)


def _bars(bars):
    return tuple(replace(bar, matrix=bar.matrix[:0].copy()) for bar in bars)


def without_outcomes(outcomes):
    """Outcomes of no rows with the same responses and auxiliary parameters."""
    return replace(
        outcomes, members=tuple(replace(m, y=m.y[:, :0].copy()) for m in outcomes.members),
        **{name: None if getattr(outcomes, name) is None else NONE
           for name in ("rows", "part", "sets")},
        aux=tuple(replace(block, values=block.values[:0].copy()) for block in outcomes.aux))


def without_data(model):
    """A copy of a model without rows; the model itself keeps its own."""
    names = model.exog_names, model.endog_names
    light = copy.copy(model)
    light.sample = without_rows(model.sample)
    levels = tuple(replace(level, codes=NONE, parent=None) for level in model.structure.levels)
    classes = tuple(replace(own, membership=own.membership[:0], known=NONE)
                    for own in model.structure.classes)
    light.structure = replace(model.structure, columns=[], levels=levels, engine_levels=levels,
                              classes=classes)
    light.outcomes = without_outcomes(model.outcomes)
    light.endog = light.exog = None
    light.data = copy.copy(model.data)
    light.data._cache = dict(zip(("xnames", "ynames"), names))
    for attribute in ("endog", "exog", "orig_endog", "orig_exog", "frame"):
        if hasattr(light.data, attribute):
            setattr(light.data, attribute, None)
    return light
