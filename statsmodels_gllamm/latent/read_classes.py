"""The class variables of a formula on an estimation sample."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.latent.classes import (
    IN_CLASSES,
    IN_FIXED,
    IN_THRESHOLDS,
    OWN,
    Above,
    ClassColumn,
    ClassDesign,
    LatentClasses,
)
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.latent.merge import distinct_rows


def read_classes(sample, variables, outcomes, levels, rows,
                 products) -> tuple[LatentClasses, ...]:
    """The class variables on a sample.

    Parameters
    ----------
    sample : Sample
    variables : tuple of ClassVariable
    outcomes : Outcomes
    levels : tuple of Level
    rows : RowColumns
        ``rows.of(column, predictor)`` is the number of a row column, added if it is new.
    products : callable
        (column, factor) -> pairs of a column times a loading's and the slot of that.

    Raises
    ------
    FormulaError, DataError
    """
    found: list[LatentClasses] = []
    level_of = {group: i for i, level in enumerate(levels) for group in level.groups}
    for number, variable in enumerate(variables):
        for other in variable.above:
            spec = next(v for v in variables if v.name == other)
            if level_of[spec.group] <= level_of[variable.group]:
                raise FormulaError(f"the membership of the classes {variable.name!r} depends on "
                                   f"{other!r}, which are not classes of a higher level than "
                                   f"{variable.group!r}")
        found.append(_read(sample, variable, number, outcomes, levels, level_of[variable.group], rows,
                           found, variables, products))
    return tuple(found)


def _read(sample, variable, number, outcomes, levels, at: int, rows, before, variables,
          products) -> LatentClasses:
    """One class variable; ``before`` are those that stand before it."""
    level = levels[at]
    columns = _columns(sample, variable, outcomes, rows, before, products)
    designs = _designs(columns, variable)
    group, first = sample.groups[variable.group], first_rows(level.codes, level.n_units)
    design = sample.designs[variable.membership]
    for name in design.columns:
        _check_constant(design[name].to_numpy(), first, level, group,
                        f"the covariate {name!r} of the membership in {variable.name!r}")
    membership = design.to_numpy()[first]
    if np.linalg.matrix_rank(membership) < membership.shape[1]:
        raise DataError(f"the covariates of the membership in {variable.name!r} "
                        f"({', '.join(design.columns)}) are linearly dependent; leave one out")
    known = np.full(level.n_units, -1)
    if variable.spec.known is not None:
        values = sample.numbers[variable.known]
        _check_constant(values, first, level, group, f"the known class {variable.spec.known!r}")
        known = known_classes(values[first], variable)
    starts = 0, 0
    if before:
        starts = tuple(place.stop for place in before[-1].places)
    above = tuple(_above(i, other) for i, other in enumerate(variables)
                  if other.name in variable.above)
    return LatentClasses(variable.name, variable.group, variable.spec.count, columns, membership,
                         tuple(design.columns), known, designs, variable.spec.labels or (), number,
                         at, above, starts)


def _above(number: int, variable) -> Above:
    labels = variable.spec.labels or range(1, variable.spec.count + 1)
    return Above(number, tuple(f"{variable.name}={label}" for label in labels))


def _designs(columns, variable) -> tuple[ClassDesign, ...]:
    """The designs of columns, by the names of their coefficients."""
    given, names = dict(variable.spec.design), [column.name for column in columns]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise FormulaError(f"Classes(design=...) has {unknown[0]!r}, which is not a column in the bars "
                           f"of {variable.name!r}; these are {', '.join(names)}")
    undesigned = [column for column in columns if column.name not in given]
    start = sum(variable.spec.count - column.relative for column in undesigned)
    found = []
    for p, column in enumerate(columns):
        if column.name not in given:
            continue
        effects, values = given[column.name]
        if column.relative:
            raise FormulaError(f"{column.name!r} has a design in Classes(design=...) and stands in the "
                               "fixed part as well; take it out of the fixed part (y ~ 0 + ...)")
        place = slice(start, start + len(effects))
        found.append(ClassDesign(p, tuple(f"{column.name}[{e}]" for e in effects),
                                 np.array(values), place))
        start = place.stop
    return tuple(found)


def known_classes(values, variable) -> np.ndarray:
    """Numbers of the classes, -1 where a value is missing."""
    seen = ~np.isnan(values)
    wrong = seen & ~np.isin(values, np.arange(1, variable.spec.count + 1))
    if wrong.any():
        raise DataError(f"the column {variable.spec.known!r} of known classes has the value "
                        f"{values[wrong][0]:g}; it holds the number of the class, 1 to "
                        f"{variable.spec.count}, and is missing where that is not known")
    return np.where(seen, np.where(seen, values, 0) - 1, -1).astype(np.int64)


def _check_constant(values, first, level, group, what) -> None:
    of_unit = values[first][level.codes]
    varies = (values != of_unit) & ~(np.isnan(values) & np.isnan(of_unit))
    if varies.any():
        label = group.labels[group.codes[int(np.argmax(varies))]]
        raise DataError(f"{what} varies within cluster {show(label)} of {group.name!r}, which belongs "
                        "to one class; use a covariate that is constant in clusters")


def _columns(sample, variable, outcomes, rows, before, products) -> tuple[ClassColumn, ...]:
    """The columns with class-specific coefficients, for every linear predictor of the formula."""
    if not variable.parts:
        return ()
    designs = [sample.designs[key] for key in variable.parts]
    names = [name for design in designs for name in design.columns]
    factors = [factor for key in variable.parts
               for factor in sample.design.designs[key].column_factors]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise FormulaError(f"{twice[0]!r} stands in the bars of the classes {variable.name!r} twice; "
                           "remove one of them (a bar has a constant unless it starts with 0)")
    values = np.column_stack([design.to_numpy() for design in designs])
    fixed = sample.exog.to_numpy()
    alone = [j for j, factor in enumerate(sample.exog_factors) if factor is None]
    thresholds, shifts = _thresholds(outcomes, len(values))
    found, first = [], 0
    for p, predictor in enumerate(outcomes.predictors):
        if predictor.key != "exog":
            first += sample.parts[predictor.key].exog.shape[1]
            continue
        for name, column, factor in zip(names, values.T, factors):
            if factor is not None:
                found.append(_factor_column(sample, variable, predictor, name, column, factor, first,
                                            rows, p, products))
                continue
            place = _place(column, fixed, alone, thresholds, shifts, first)
            row = rows.of(column, p)
            found.append(ClassColumn(predictor, name, row, *(
                _elsewhere(before, row) if place[0] == OWN else place)))
        first += fixed.shape[1]
    own = [k for k, column in enumerate(found[:len(names)])
           if not column.relative and column.factor is None]
    plain = [k for k, factor in enumerate(factors) if factor is None]
    values, names = values[:, plain], [names[k] for k in plain]
    own = [plain.index(k) for k in own]
    _refuse_dependent(values, variable, 0, names)
    _refuse_dependent(np.column_stack([thresholds, fixed[:, alone], values[:, own]]), variable,
                      thresholds.shape[1] + len(alone), [names[k] for k in own])
    return tuple(found)


def _place(column, fixed, alone, thresholds, shifts, first: int):
    """Where a column (n,) stands already: its coefficient or OWN, IN_FIXED or IN_THRESHOLDS, and how
    it is made from what stands there."""
    same = [j for j in alone if np.array_equal(fixed[:, j], column)]
    if same:
        return first + same[0], None
    if len(alone):
        weight = np.linalg.lstsq(fixed[:, alone], column, rcond=None)[0]
        if np.abs(fixed[:, alone] @ weight - column).max() < 1e-9:
            return IN_FIXED, (first + np.array(alone), weight)
    if thresholds.shape[1]:
        weight = np.linalg.lstsq(thresholds, column, rcond=None)[0]
        if np.abs(thresholds @ weight - column).max() < 1e-9:
            return IN_THRESHOLDS, shifts @ weight
    return OWN, None


def _factor_column(sample, variable, predictor, name, column, factor, first, rows, p,
                   products) -> ClassColumn:
    """The column of a factor, whose loadings its coefficients are multiplied by."""
    if variable.spec.varying:
        raise NotImplementedError(f"a factor in a bar of the classes {variable.name!r} is not "
                                  "available with Classes(varying=...)")
    fixed = sample.exog.to_numpy()
    same = [j for j, own in enumerate(sample.exog_factors)
            if own == factor and np.array_equal(fixed[:, j], column)]
    made = [(product, slot) for product, slot in products(column, factor)]
    alone = fixed[:, [j for j, own in enumerate(sample.exog_factors) if own is None]]
    inside = [np.abs(alone @ np.linalg.lstsq(alone, x, rcond=None)[0] - x).max() < 1e-9
              for x, _ in made] if alone.shape[1] else [False]
    if all(inside):
        raise FormulaError(f"the locations of {name!r} in the bars of {variable.name!r} are not "
                           "identified beside constants of all rows that it has loadings for: take "
                           f"one out of the fixed part, or write (0 + {factor} | {variable.name}) with "
                           "thresholds or constants that leave one row free")
    pieces = tuple((rows.of(x, p), slot) for x, slot in made)
    return ClassColumn(predictor, name, pieces[0][0], first + same[0] if same else OWN, None, factor,
                       pieces)


def _elsewhere(before, row: int) -> tuple:
    """Where a row column has coefficients of its own of a class variable ``before``."""
    for classes in before:
        for k, column in enumerate(classes.columns):
            if column.row == row and not column.relative and column.factor is None:
                return IN_CLASSES, (classes.number, k)
    return OWN, None


def _thresholds(outcomes, n) -> tuple[np.ndarray, np.ndarray]:
    """Columns (n, t) whose coefficients all thresholds have, and the auxiliary parameters (m, t)
    that they stand for; none where the response has no thresholds in place of a constant."""
    names = list(dict.fromkeys(name for block in outcomes.aux for name, _, _ in block.terms))
    if not all(getattr(member.response, "takes_constant", False) for member in outcomes.members):
        return np.zeros((n, 0)), np.zeros((len(names), 0))
    columns, shifts = [], []
    for block in outcomes.aux:
        for j in range(block.values.shape[1]):
            shift = np.zeros(len(names))
            shift[[names.index(name) for name, column, aux in block.terms
                   if column == j and outcomes.aux_names[aux].startswith("cut")]] = 1.0
            if shift.any():
                columns.append(block.values[:, j])
                shifts.append(shift)
    return np.array(columns).reshape(-1, n).T, np.array(shifts).reshape(-1, len(names)).T


def _refuse_dependent(columns, variable, n_fixed, names) -> None:
    """Refuse class-specific columns that are combinations of others."""
    if columns.shape[1]:
        columns = columns[distinct_rows(list(columns.T))[1]]
    scale = np.sqrt((columns**2).sum(axis=0))
    columns = columns / np.where(scale > 0, scale, 1.0)
    for k, name in enumerate(names):
        before = columns[:, :n_fixed + k]
        column = columns[:, n_fixed + k]
        rest = column - before @ np.linalg.lstsq(before, column, rcond=None)[0]
        if np.abs(rest).max() < 1e-9:
            raise FormulaError(
                f"the class-specific coefficients of {name!r} in the bars of {variable.name!r} are "
                "not identified: that column is a combination of columns of the fixed part or of "
                "other class-specific columns. Take these out of the fixed part (y ~ 0 + ...), or "
                "let the fixed part have the very same columns, so that coefficients of the classes "
                "are differences from class 1")
