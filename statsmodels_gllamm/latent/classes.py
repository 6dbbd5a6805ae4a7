r"""Latent classes: class-specific coefficients in column 0 of Psi, and the class probabilities.

.. math:: \Psi_c[:, 0] = \Psi[:, 0] + \sum_p \beta_{pc} e_{r(p)}, \qquad
          \log \pi_{jc} = w_j'\delta_c - \log \sum_k e^{w_j'\delta_k}, \quad \delta_1 = 0

with r(p) the row column of coefficient p.  Where a column stands in the fixed part as well, is a
combination of its columns, or thresholds take its place, :math:`\beta_{p1} = 0`: coefficients are
differences from class 1.  A column with a design D_p has :math:`\beta_p = D_p \delta_p` in the n
classes, with parameters delta_p.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.families.base import Predictor
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.latent.centred import Centring
from statsmodels_gllamm.latent.design import AuxLimit, LatentDesign, Terms
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.latent.merge import distinct_rows
from statsmodels_gllamm.parameters import Block, Layout

OWN, IN_THRESHOLDS, IN_FIXED, IN_CLASSES = -1, -2, -3, -4
INFINITE = 14.0  # a linear predictor beyond which a probability makes no difference
ALWAYS = "Binomial", "BetaBinomial"  # responses that may be certain to be an event
EVER = *ALWAYS, "Poisson", "NegativeBinomial"  # or certain to be none


@dataclass(frozen=True, slots=True)
class ClassColumn:
    """A column with class-specific coefficients.

    Attributes
    ----------
    predictor : Predictor
    term : str
        Of the formula.
    row : int
        Its row column.
    beside : int
        Number of the fixed coefficient with the same column; -1 for none, -2 for thresholds, -3 for a
        combination of fixed columns, -4 for the same column of another class variable.
    shift : ndarray (m,), pair or None
        Auxiliary parameters that thresholds rise by where the coefficient does by one; or numbers of
        fixed coefficients, and their weights in the combination; or the numbers of the class variable
        and of its column.
    """

    predictor: Predictor
    term: str
    row: int
    beside: int = OWN
    shift: np.ndarray | tuple | None = None

    @property
    def name(self) -> str:
        """Its name among coefficients."""
        return self.predictor.coefficient(self.term)

    @property
    def relative(self) -> bool:
        """Whether coefficients are differences from class 1."""
        return self.beside != OWN


@dataclass(frozen=True, slots=True)
class ClassDesign:
    """A column whose coefficients in the classes are linear functions of fewer parameters.

    Attributes
    ----------
    column : int
        Number of the column among those of the classes.
    names : tuple of str (m,)
        Parameters.
    values : ndarray (n, m)
    place : slice
        Of the parameters among all class-specific ones.
    """

    column: int
    names: tuple[str, ...]
    values: np.ndarray
    place: slice


@dataclass(frozen=True, slots=True)
class Above:
    """A class variable that the membership of another depends on: its number and its classes'
    labels, such as "d=1"."""

    number: int
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LatentClasses:
    """A class variable on an estimation sample.

    Attributes
    ----------
    name, group : str
        Of the variable, and of the group whose clusters belong to classes.
    n : int
    columns : tuple of ClassColumn
    membership : ndarray (n_units, m)
        Covariates of the class probabilities.
    covariates : tuple of str (m,)
    known : ndarray of int (n_units,)
        Number of the class of every cluster, -1 where it is not known.
    designs : tuple of ClassDesign
    labels : tuple of str (n,)
        Of the classes; "1", "2", ... by default.
    number : int
        Of the variable among those of the model.
    level : int
        Of the clusters.
    above : tuple of Above
        Class variables in the membership.
    starts : (int, int)
        Where its coefficients, and those of its membership, begin among those of all variables.
    """

    name: str
    group: str
    n: int
    columns: tuple[ClassColumn, ...]
    membership: np.ndarray
    covariates: tuple[str, ...]
    known: np.ndarray
    designs: tuple[ClassDesign, ...] = ()
    labels: tuple[str, ...] = ()
    number: int = 0
    level: int = 0
    above: tuple[Above, ...] = ()
    starts: tuple[int, int] = (0, 0)

    @property
    def free(self) -> np.ndarray:
        """Which coefficients (n, P) are parameters, in their order; those of designs come after."""
        free = np.ones((self.n, len(self.columns)), dtype=bool)
        free[0] = [not column.relative for column in self.columns]
        free[:, [design.column for design in self.designs]] = False
        return free

    @property
    def named(self) -> bool:
        """Whether the classes are told apart by names or a design."""
        return bool(self.designs or self.labels)

    @property
    def rows(self) -> np.ndarray:
        """Row columns (P,)."""
        return np.array([column.row for column in self.columns], dtype=np.int64)

    @property
    def of_units(self) -> tuple[np.ndarray, ...]:
        """What differs between clusters besides their rows: columns (n_top,)."""
        columns = (*self.membership.T, self.known.astype(float))
        return tuple(column for column in columns if (column != column[:1]).any())

    def at(self, units: np.ndarray) -> LatentClasses:
        """The class variable of some clusters, by number."""
        return replace(self, membership=self.membership[units], known=self.known[units])

    def label(self, c: int) -> str:
        """"c=1" for class number 0."""
        return f"{self.name}={self.labels[c] if self.labels else c + 1}"

    def coefficient_names(self) -> tuple[str, ...]:
        """Names of the class-specific coefficients, class by class."""
        own = [f"{column.name}[{self.label(c)}]" for c, row in enumerate(self.free)
               for column, free in zip(self.columns, row) if free]
        return (*own, *(name for design in self.designs for name in design.names))

    def membership_names(self) -> tuple[str, ...]:
        """Names of the coefficients of the class probabilities, class by class from the second."""
        return tuple(f"prob[{self.label(c)}]" if name == "Intercept" else
                     f"prob[{self.label(c)},{name}]"
                     for c in range(1, self.n) for name in (*self.covariates, *self.dummies))

    @property
    def dummies(self) -> tuple[str, ...]:
        """Names of the dummy variables of other classes in the membership."""
        return tuple(label for other in self.above for label in other.labels[1:])

    @property
    def places(self) -> tuple[slice, slice]:
        """Places of its coefficients, and of those of its membership, among those of all."""
        one, two = self.starts
        size = self.free.sum() + sum(len(d.names) for d in self.designs)
        return slice(one, one + size), slice(two, two + len(self.membership_names()))

    def covariates_given(self, classes, w=None) -> np.ndarray:
        """Covariates (n_units, m') of the membership where variables are of some ``classes``."""
        w = self.membership if w is None else w
        dummies = [float(classes[other.number] == c)
                   for other in self.above for c in range(1, len(other.labels))]
        return np.hstack([w, np.broadcast_to(dummies, (len(w), len(dummies)))])

    def coefficients(self, own: np.ndarray) -> np.ndarray:
        """Class-specific coefficients (n, P) from the free ones, zero where class 1 has none."""
        out, free = np.zeros((self.n, len(self.columns))), self.free
        out[free] = own[:free.sum()]
        for design in self.designs:
            out[:, design.column] = design.values @ own[design.place]
        return out

    def parameters(self, coefficients: np.ndarray) -> np.ndarray:
        """Their free ones from coefficients (n, P), those of designs by least squares."""
        out = [coefficients[self.free]]
        for design in self.designs:
            out.append(np.linalg.lstsq(design.values, coefficients[:, design.column], rcond=None)[0])
        return np.concatenate(out)

    def slopes(self, c: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Derivative of the coefficients of class number c: columns, parameters, values."""
        free = self.free
        number = np.cumsum(free.ravel()).reshape(free.shape) - 1
        own = np.flatnonzero(free[c])
        columns, parameters, values = [own], [number[c][own]], [np.ones(len(own))]
        for design in self.designs:
            used = np.flatnonzero(design.values[c])
            columns.append(np.full(len(used), design.column))
            parameters.append(design.place.start + used)
            values.append(design.values[c][used])
        return tuple(np.concatenate(x) for x in (columns, parameters, values))

    def log_probabilities(self, delta: np.ndarray, w=None) -> np.ndarray:
        """Log of the prior class probabilities (n, n_units) from ``prob`` parameters; for other
        covariates ``w`` (G, m'), those (n, G)."""
        w = self.membership if w is None else w
        eta = np.zeros((self.n, len(w)))
        eta[1:] = delta.reshape(self.n - 1, w.shape[1]) @ w.T
        largest = eta.max(axis=0)
        return eta - largest - np.log(np.exp(eta - largest).sum(axis=0))


def with_rows(entries, rows) -> tuple[np.ndarray, np.ndarray]:
    """Entries of Psi in use, with those of more rows in column 0."""
    used = set(zip(*(x.tolist() for x in entries))) | {(int(r), 0) for r in rows}
    table = np.array(sorted(used, key=lambda e: (e[1], e[0])), dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def one_class(design: LatentDesign, variables) -> LatentDesign:
    """The design of one class: the columns with coefficients of their own are fixed ones."""
    own = [column for classes in variables for column in classes.columns if not column.relative]
    kinds = {block.kind for block in design.layout.blocks} - {"class", "prob", "varying"}
    first = design.layout.blocks[0]
    coef = Block("coef", (*first.names, *(column.name for column in own)))
    layout = Layout((coef, *(b for b in design.layout.blocks[1:] if b.kind in kinds)))
    number = first.size + np.arange(len(own))
    fixed = Terms(np.concatenate([design.fixed.row, [column.row for column in own]]).astype(np.int64),
                  np.concatenate([design.fixed.index, number]).astype(np.int64),
                  np.concatenate([design.fixed.slot, 0 * number]).astype(np.int64))
    return replace(design, layout=layout, fixed=fixed, flips=(), aux_limits=(),
                   centring=None, varying=())


def centring_of(classes: LatentClasses, layout: Layout) -> Centring:
    """The centring of a class variable.

    Raises
    ------
    FormulaError
        A column with class-specific coefficients does not stand in the fixed part.
    """
    carrier = np.zeros((len(classes.columns), layout.size))
    for p, column in enumerate(classes.columns):
        if not column.relative:
            raise FormulaError(
                f"the mass points {classes.name!r} are centred: the fixed part has their mean, but it "
                f"has no {column.name!r}; write it into the fixed part, or use centered=False")
        if column.beside == IN_THRESHOLDS:
            carrier[p, layout.positions("aux")] = -column.shift
        else:
            carrier[p, layout.positions("coef")[column.beside]] = 1.0
    own = layout.positions("class").reshape(classes.n - 1, len(classes.columns))
    return Centring(own, layout.positions("prob"), carrier)


def read_classes(sample, variables, outcomes, levels, rows) -> tuple[LatentClasses, ...]:
    """The class variables on a sample.

    Parameters
    ----------
    sample : Sample
    variables : tuple of ClassVariable
    outcomes : Outcomes
    levels : tuple of Level
    rows : RowColumns
        ``rows.of(column, predictor)`` is the number of a row column, added if it is new.

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
                           found, variables))
    return tuple(found)


def _read(sample, variable, number, outcomes, levels, at: int, rows, before,
          variables) -> LatentClasses:
    """One class variable; ``before`` are those that stand before it."""
    level = levels[at]
    columns = _columns(sample, variable, outcomes, rows, before)
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
        known = _known(values[first], variable)
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


def _known(values, variable) -> np.ndarray:
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


def _columns(sample, variable, outcomes, rows, before) -> tuple[ClassColumn, ...]:
    """The columns with class-specific coefficients, for every linear predictor of the formula."""
    if not variable.parts:
        return ()
    designs = [sample.designs[key] for key in variable.parts]
    names = [name for design in designs for name in design.columns]
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
        for name, column in zip(names, values.T):
            same = [j for j in alone if np.array_equal(fixed[:, j], column)]
            place = (first + same[0] if same else OWN), None
            if not same and len(alone):
                weight = np.linalg.lstsq(fixed[:, alone], column, rcond=None)[0]
                if np.abs(fixed[:, alone] @ weight - column).max() < 1e-9:
                    place = IN_FIXED, (first + np.array(alone), weight)
            if place[0] == OWN and thresholds.shape[1]:
                weight = np.linalg.lstsq(thresholds, column, rcond=None)[0]
                if np.abs(thresholds @ weight - column).max() < 1e-9:
                    place = IN_THRESHOLDS, shifts @ weight
            row = rows.of(column, p)
            found.append(ClassColumn(predictor, name, row, *(
                _elsewhere(before, row) if place[0] == OWN else place)))
        first += fixed.shape[1]
    own = [k for k, column in enumerate(found[:len(names)]) if not column.relative]
    _refuse_dependent(values, variable, 0, names)
    _refuse_dependent(np.column_stack([thresholds, fixed[:, alone], values[:, own]]), variable,
                      thresholds.shape[1] + len(alone), [names[k] for k in own])
    return tuple(found)


def _elsewhere(before, row: int) -> tuple:
    """Where a row column has coefficients of its own of a class variable ``before``."""
    for classes in before:
        for k, column in enumerate(classes.columns):
            if column.row == row and not column.relative:
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


def class_limits(variables, outcomes, layout: Layout, fixed: Terms, columns,
                 more) -> tuple[AuxLimit, ...]:
    """Where coefficients of dummy variables may go to infinity, since an event never happens in some
    class, or always does, and the logits of classes with a design, since a class is empty; none where
    ``more`` than columns and coefficients makes up predictors.

    Parameters
    ----------
    variables : tuple of LatentClasses
    outcomes : Outcomes
    layout : Layout
    fixed : Terms
    columns : list of ndarray
        The row columns.
    more : bool
    """
    if not variables or more or len(outcomes.predictors) > 1:
        return ()
    empty = ()
    if len(variables) == 1 and variables[0].designs and variables[0].covariates == ("Intercept",):
        empty = tuple(AuxLimit(np.array([k]), np.ones((1, 1)), -INFINITE)
                      for k in layout.positions("prob"))
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
            found += [AuxLimit(positions[used], patterns[:, used], sign * INFINITE, able[used])
                      for sign in signs]
    return (*found, *empty)


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
