r"""Marginal effects: what a variable does to the expected response, averaged over rows.

With f(x) the expected response of a row, or the probability of one of its categories, with latent
variables integrated out, the effects and their averages are

.. math:: \frac{1}{\sum_i w_i} \sum_i w_i \frac{\partial f(x_i)}{\partial x_{ik}}

for "dydx"; times x for "dyex", divided by f for "eydx", both for "eyex".  Derivatives are central
differences, of 1e-4 standard deviations of x, of exact expectations, one-sided ones of second order
at the ends of the range of a variable that is the argument of a function such as a spline.  Of
categories effects are differences f(level) - f(base), of log f with "eydx".
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.families.choice import Choice
from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.results.choice_effects import Alternatives, alternatives
from statsmodels_gllamm.results.delta import estimates
from statsmodels_gllamm.results.expected import expected
from statsmodels_gllamm.results.margeff_table import METHODS, MarginalEffects
from statsmodels_gllamm.results.variables import (
    CENTRES,
    Population,
    Variable,
    centred,
    changed,
    sample_population,
    spread,
    stacked,
    variables_of,
    with_column,
)

WHAT = "get_margeff()"
STEP = 1e-4  # of a standard deviation
ROUNDING = 1e-13  # relative to the largest expectation, a difference of none
AT = ("overall", *CENTRES, "all")


@dataclass(frozen=True, slots=True)
class Effect:
    """One marginal effect.

    Attributes
    ----------
    name : str
    minus, plus : int
        Places, among the copies of the rows, of those that it is the difference of.
    divisor : float
        Of that difference.
    discrete : bool
    column : str or int
    alternative : int, optional
        Whose variable it is, of a choice.
    edge : ndarray (n,), optional
        1 for rows at the upper end of what the variable may be, -1 at the lower one: there the copies
        are on one side, one and two differences away.
    """

    name: str
    minus: int
    plus: int
    divisor: float
    discrete: bool
    column: object
    alternative: int | None = None
    edge: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Length of a difference, and the range that a variable may not leave."""

    h: float
    low: float
    high: float


def get_margeff(results, at="overall", method="dydx", atexog=None, dummy=False, count=False, *,
                of=None, variables=None, latent="integrate") -> MarginalEffects:
    """Marginal effects; see ``GLLAMMResults.get_margeff``."""
    model = results.model
    _check(at, method, dummy, count)
    of = of or ("variables" if hasattr(model, "formula") else "columns")
    if of not in ("variables", "columns"):
        raise ValueError(f"of must be 'variables' or 'columns', not {of!r}")
    population, known = _population(model, at, atexog, of == "columns")
    family = model.fitted_family
    by = family.by if isinstance(family, MixedFamily) else None  # another response, no effect
    chosen = _chosen({name: one for name, one in known.items() if name != by}, variables)
    ways = {column: _way(population, column, variable.inside, dummy, count)
            for column, variable in chosen.items() if variable.levels is None}
    if at in CENTRES:
        population = centred(model, population, known, at)
        population = changed(population, atexog if isinstance(atexog, dict) else {}, "atexog")
    elif at == "overall" and latent != "posterior":
        population = population.merged(model, list(known))
    sets = alternatives(model, population.data, known, WHAT)
    copies, effects = _plan(population, chosen, ways, method, sets)
    offset = np.tile(population.offset, len(copies))
    rows = copies if sets is None else sets.in_own_sets(copies)
    sought = expected(results, stacked(rows), offset, latent, WHAT, sets is not None)
    outcomes, masks = mixed_outcomes(model, sought, len(population.weight)) if sets is None else (
        sets.labels, sets.masks)
    x = _values(population.data, effects, sets) if method in ("dyex", "eyex") else None

    def by_row(working):
        f = sought.at(working)
        f = f.reshape(len(f), len(copies), -1)
        return np.stack([_one(f, effect, method, None if x is None else x[k])
                         for k, effect in enumerate(effects)], axis=1)

    def averaged(working):
        each, weight = by_row(working), population.weight * masks
        if len(masks) > 1:  # members of a mixed response, or alternatives: other rows count nothing
            each = np.where(masks[:, None] > 0, each, 0.0)
        return (each * weight[:, None]).sum(axis=-1) / weight.sum(axis=-1)[:, None]

    names, options = [e.name for e in effects], {"method": method, "at": at, "latent": latent}
    yname = model.endog_names
    if at == "all":
        each = by_row(results.record.working)
        if len(masks) > len(each):
            each = np.where(masks[:, None] > 0, each, np.nan)
        each = np.moveaxis(each, -1, 0)
        return MarginalEffects(each.reshape(len(each), -1), None, names, outcomes, options, yname)
    values, cov = estimates(results, averaged)
    return MarginalEffects(values, cov, names, outcomes, options, yname)


def _check(at, method, dummy, count) -> None:
    if at not in AT:
        raise ValueError(f"at must be one of {', '.join(map(repr, AT))}, not {at!r}")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}, not {method!r}")
    if dummy or count:
        if method in ("dyex", "eyex"):
            raise ValueError(f"method={method!r} has no meaning for discrete variables; leave dummy= "
                             "and count= out, or use 'dydx' or 'eydx'")
        if at in ("median", "zero"):
            raise ValueError(f"at={at!r} has no meaning for discrete variables; leave dummy= and "
                             "count= out, or use at='overall' or 'mean'")


def _population(model, at, atexog, columns: bool) -> tuple[Population, dict[object, Variable]]:
    """Rows to average over, and all variables."""
    if atexog is None or isinstance(atexog, dict):
        population = sample_population(model, WHAT, columns)
        if atexog and at not in CENTRES:
            population = changed(population, atexog, "atexog")
    else:
        data = np.atleast_2d(np.asarray(atexog, dtype=float)) if columns else atexog
        if not columns and not isinstance(data, pd.DataFrame):
            raise ValueError("atexog is a dict {column: value} or a DataFrame with rows of data; "
                             "arrays of columns of exog go with of='columns'")
        n = len(data)
        population = Population(data, np.zeros(n), np.full(n, 1 / n))
    if at in CENTRES and isinstance(model.fitted_family, (MixedFamily, Choice)):
        what = "choices, whose rows belong to sets" if isinstance(model.fitted_family, Choice) else (
            "mixed responses, whose rows have different families")
        raise NotImplementedError(f"at={at!r} is not available for {what}; use at='overall', with "
                                  "atexog= for values")
    if columns:
        exog = model.sample.exog
        varies = [k for k in range(exog.shape[1])
                  if not len(exog) or np.ptp(exog.to_numpy()[:, k]) > 0]
        return population, {k: Variable(str(exog.columns[k]), None) for k in varies}
    found = variables_of(model, population.data)
    if isinstance(model.fitted_family, Choice):  # what tells alternatives apart is not theirs to change
        found.pop(model.fitted_family.alternative, None)
    if not found:
        raise ValueError("the formula has no variables, so that there are no marginal effects")
    return population, found


def _chosen(known, variables) -> dict[object, Variable]:
    if variables is None:
        return known
    names = [variables] if isinstance(variables, str) else list(variables)
    by_name = {variable.name: (key, variable) for key, variable in known.items()}
    for name in names:
        if name not in by_name:
            raise ValueError(f"variables has {name!r}; there are {', '.join(by_name)}")
    return dict(by_name[name] for name in names)


def _column(data, column) -> np.ndarray:
    return np.asarray(data[column] if isinstance(data, pd.DataFrame) else data[:, column], dtype=float)


def _way(population: Population, column, inside: bool, dummy, count):
    """How the effect of a number is found: "dummy", "count", or a `Difference`."""
    x = _column(population.data, column)
    binary = np.isin(x, (0, 1)).all()
    if dummy and binary:
        return "dummy"
    if count and not binary and (x >= 0).all() and (x % 1 == 0).all():
        return "count"
    limits = (x.min(), x.max()) if inside else (-np.inf, np.inf)
    return Difference(STEP * spread(x, population.weight), *limits)


def _plan(population: Population, chosen, ways, method, sets: Alternatives | None):
    """Copies of the rows, the first one unchanged, and the effects that are differences of them."""
    data, effects = population.data, []
    copies = [data]
    for column, variable in chosen.items():
        if variable.levels is not None and method in ("dyex", "eyex"):
            raise ValueError(f"method={method!r} has no meaning for {variable.name!r}, which is "
                             "categorical; use 'dydx' or 'eydx', or name others in variables=")
        parts = [("", None, None)] if sets is None else sets.parts(data[column])
        for ending, rows, alternative in parts:
            made, own = (_contrasts(variable) if variable.levels is not None else
                         _differences(variable.name, _column(data, column), ways[column]))
            effects += [replace(e, name=e.name + ending, minus=e.minus + len(copies),
                                plus=e.plus + len(copies), column=column, alternative=alternative)
                        for e in own]
            copies += [with_column(data, column, value, rows) for value in made]
    return copies, effects


def _contrasts(variable: Variable):
    """Values of a categorical variable, and the effects that are differences between them."""
    return variable.levels, [Effect(name, 0, k, 1.0, True, None)
                             for k, name in enumerate(variable.contrasts(), 1)]


def _differences(name: str, x, way):
    """As `_contrasts`, of a number."""
    if way == "dummy":
        return (0.0, 1.0), [Effect(name, 0, 1, 1.0, True, None)]
    if way == "count":
        return (x - 1, x + 1), [Effect(name, 0, 1, 2.0, True, None)]
    edge = np.where(x + way.h > way.high, 1, np.where(x - way.h < way.low, -1, 0))
    values = (x + way.h * np.choose(edge + 1, [1, -1, -2]), x + way.h * np.choose(edge + 1, [2, 1, -1]))
    return values, [Effect(name, 0, 1, 2 * way.h, False, None, edge=edge if edge.any() else None)]


def _values(data, effects, sets: Alternatives | None) -> np.ndarray:
    """Values of the effects' variables (m, n); of the alternative whose variable it is."""
    return np.array([_column(data, e.column) if e.alternative is None else
                     sets.of_alternative(_column(data, e.column), e.alternative) for e in effects])


def _one(f, effect: Effect, method: str, x) -> np.ndarray:
    """An effect (K, n) from expectations (K, copies, n)."""
    low, high = f[:, effect.minus], f[:, effect.plus]
    if not (np.abs(high - low) > ROUNDING * np.abs(f).max()).any():  # f does not depend on it
        return np.where(np.isnan(high - low), np.nan, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if effect.discrete and method == "eydx":
            return (np.log(high) - np.log(low)) / effect.divisor
        value = high - low
        if effect.edge is not None:
            value = np.where(effect.edge > 0, 3 * f[:, 0] - 4 * high + low, value)
            value = np.where(effect.edge < 0, 4 * low - 3 * f[:, 0] - high, value)
        value = value / effect.divisor
        if method in ("eydx", "eyex"):
            value = value / f[:, 0]
    return value * x if method in ("dyex", "eyex") else value


def mixed_outcomes(model, sought, n: int):
    """Categories, or labels of a mixed response, or None, and which of n rows have them (K, n)."""
    family = model.fitted_family
    if isinstance(family, MixedFamily):
        parts = [(label, rows[rows < n]) for label, _, rows, _ in family.parts_of(sought.rows.data)]
        masks = np.zeros((len(parts), n))
        for mask, (_, rows) in zip(masks, parts):
            mask[rows] = 1.0
        return tuple(label for label, _ in parts), masks
    return sought.labels, np.ones((1, n))
