"""Coefficients of latent classes that may go to infinity."""
from __future__ import annotations

from itertools import product

import numpy as np

from statsmodels_gllamm.latent.merge import distinct_rows
from statsmodels_gllamm.latent.terms import AuxLimit, Terms
from statsmodels_gllamm.parameters import Layout

INFINITE = 14.0  # a linear predictor beyond which a probability makes no difference
FAR = 4.0  # what latent variables may add to it
ALWAYS = "Binomial", "BetaBinomial"  # responses that may be certain to be an event
EVER = *ALWAYS, "Poisson", "NegativeBinomial"  # or certain to be none


def class_limits(variables, outcomes, layout: Layout, fixed: Terms, columns, more,
                 latent) -> tuple[AuxLimit, ...]:
    """Where coefficients of dummy variables may go to infinity, since an event never happens in some
    class, or always does, and those of memberships, since a class is empty; none of the former where
    ``more`` than columns, coefficients and latent variables makes up predictors.

    Parameters
    ----------
    variables : tuple of LatentClasses
    outcomes : Outcomes
    layout : Layout
    fixed : Terms
    columns : list of ndarray
        The row columns.
    more, latent : bool
        ``latent``: there are latent variables, which a predictor has to be beyond as well.
    """
    empty = tuple(limit for own in variables for limit in _memberships(own, variables, layout))
    if not variables or more or len(outcomes.predictors) > 1 or any(
            column.factor for v in variables for column in v.columns):
        return empty
    name = outcomes.members[0].response.name
    signs = [sign for sign, families in ((-1, EVER), (1, ALWAYS)) if name.startswith(families)]
    if not signs:
        return empty
    positions = np.concatenate([layout.positions("coef")[fixed.index], layout.positions("class")])
    choices, found = list(product(*(range(v.n) for v in variables))), []
    apart = len(variables) == 1 and not variables[0].designs  # a parameter matters in one class
    for some in ([[choice] for choice in choices] if apart else [choices]):
        patterns, able = _patterns_of(variables, fixed, columns, len(positions), some)
        used = patterns.any(axis=0)
        if able.any():
            limit = INFINITE + FAR * latent
            found += [AuxLimit(positions[used], patterns[:, used], sign * limit, able[used])
                      for sign in signs]
    return (*found, *empty)


def _memberships(classes, variables, layout: Layout):
    """Where dummy variables of a membership leave a class empty, or of two classes the first; a
    constant only where classes have a design, and so are told apart when one is empty."""
    choices = product(*(range(v.n) for v in variables)) if classes.above else [(0,) * len(variables)]
    w = np.unique(np.vstack([classes.covariates_given(choice) for choice in choices]), axis=0)
    able = ((w == 0) | (w == 1)).all(axis=0) & (bool(classes.designs) | (w != w[:1]).any(axis=0))
    positions = layout.positions("prob")[classes.places[1]].reshape(classes.n - 1, w.shape[1])
    signs = (-1, 1) if classes.n == 2 and not classes.designs else (-1,)
    return [AuxLimit(own, w, sign * INFINITE, able) for own in positions for sign in signs
            if able.any()]


def _patterns_of(variables, fixed: Terms, columns, size: int,
                 choices) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows (P, size) of the columns of fixed and class-specific coefficients in some
    combinations of classes, and which (size,) are dummy variables of classes."""
    k = len(fixed.row)
    used = [columns[r] for r in (*fixed.row, *(r for v in variables for r in v.rows))]
    first = distinct_rows(used)[1]
    x = np.column_stack([column[first] for column in used])
    dummy, able, stacked = ((x == 0) | (x == 1)).all(axis=0), np.zeros(size, dtype=bool), []
    begin = k + np.cumsum([0, *(len(v.columns) for v in variables)])
    for choice in choices:
        whole = np.zeros((len(x), size))
        whole[:, :k] = x[:, :k]
        for v, c, at in zip(variables, choice, begin):
            number, mine, values = v.slopes(c)
            place = k + v.places[0].start + mine
            whole[:, place] = x[:, at + number] * values
            free = mine < v.free.sum()
            able[place[free]] |= dummy[at + number][free]
            able[place[~free]] = True
        stacked.append(whole)
    return np.unique(np.vstack(stacked), axis=0), able
