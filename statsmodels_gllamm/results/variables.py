"""Columns of the data that a model's formulas use, and rows with typical values of them."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import pandas as pd

from statsmodels_gllamm.formula.categories import label
from statsmodels_gllamm.latent.sampling import row_weights
from statsmodels_gllamm.results.expected import needs_sample

CENTRES = ("mean", "median", "zero")


@dataclass(frozen=True, slots=True)
class Variable:
    """A column that formulas use.

    Attributes
    ----------
    name : str
    levels : tuple or None
        Of a categorical one, those of the sample, the base level first.
    inside : bool
        Some function of a formula has it for an argument, which may not go beyond the sample's range.
    """

    name: str
    levels: tuple | None
    inside: bool = False

    def contrasts(self) -> list[str]:
        """Names of its effects."""
        if self.levels is None:
            return [self.name]
        return [f"{self.name}[{label(level)} - {label(self.levels[0])}]" for level in self.levels[1:]]


def formula_designs(model):
    """The designs of a model in which its means can depend on columns of the data."""
    made, scaled = model.sample.design, any(
        "logscale" in member.response.aux_names for member in model.outcomes.members)
    yield made.exog
    for part in (made, *made.parts.values()):
        if part is not made:
            yield part.exog
        yield from (design for _, design, _ in part.bars)
    yield from (f.design for f in made.factors.values() if f.design is not None)
    for key, design in made.designs.items():
        if scaled or (key if isinstance(key, str) else key[0]) != "dispersion":
            yield design


def variables_of(model, frame: pd.DataFrame) -> dict[str, Variable]:
    """The variables of a model, in the order of its formulas; ``frame`` has the sample's rows."""
    found: dict[str, set] = {}
    for design in formula_designs(model):
        for name in design.columns:
            kinds = found.setdefault(name, set())
            if name in design.usage.coded or name in design.levels:
                kinds.add("categorical")
            if name in design.usage.inside:
                kinds.add("inside")
    for factor in model.sample.design.factors.values():
        if factor.levels is not None:
            found.setdefault(factor.factor.by, set()).add("categorical")
    out = {}
    for name, kinds in found.items():
        if name not in frame.columns:
            continue  # a name from outside the data
        column = frame[name]
        number = pd.api.types.is_numeric_dtype(column.dtype) and not (
            pd.api.types.is_bool_dtype(column.dtype))
        categorical = "categorical" in kinds or not number
        out[name] = Variable(name, _levels(column) if categorical else None, "inside" in kinds)
    return out


def _levels(column) -> tuple:
    """Levels that occur, in their order."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return tuple(column.cat.remove_unused_categories().cat.categories)
    return tuple(sorted(column.dropna().unique()))


@dataclass(frozen=True, eq=False)
class Population:
    """Rows over which a prediction is averaged.

    Attributes
    ----------
    data : DataFrame or ndarray (n, p)
        Rows of data, or of the columns of ``model.exog``.
    offset : ndarray (n,)
    weight : ndarray (n,)
        Sums to one.
    sample : bool
        They are the rows of the estimation sample.
    """

    data: pd.DataFrame | np.ndarray
    offset: np.ndarray
    weight: np.ndarray
    sample: bool = False

    def merged(self, model, names) -> Population:
        """As few rows as give the same averages of what depends on some columns of the data."""
        if not isinstance(self.data, pd.DataFrame):
            whole = np.column_stack([self.data, self.offset])
            _, first, which = np.unique(whole, axis=0, return_index=True, return_inverse=True)
            return Population(self.data[first], self.offset[first],
                              np.bincount(np.ravel(which), self.weight))
        if model.sample.numbers or model.sample.labels:
            return self
        codes = np.column_stack([pd.factorize(self.data[name])[0] for name in names]
                                + [pd.factorize(self.offset)[0]])
        _, first, which = np.unique(codes, axis=0, return_index=True, return_inverse=True)
        return Population(self.data.iloc[first], self.offset[first],
                          np.bincount(np.ravel(which), self.weight))


def sample_frame(model, what: str) -> pd.DataFrame:
    """The data of the estimation sample's rows."""
    needs_sample(model, what)
    frame = getattr(model.data, "frame", None)
    if frame is None:
        also = " or of='columns', those of exog" if what.startswith("get_margeff") else ""
        raise ValueError(f"{what} needs the variables of the data, which a model made from arrays does "
                         f"not have; use from_formula(){also}")
    return frame


def sample_population(model, what: str, columns=False) -> Population:
    """The rows of the estimation sample, with their weights."""
    needs_sample(model, what)
    data = model.sample.exog.to_numpy() if columns else sample_frame(model, what)
    weight = row_weights(model.sample)
    return Population(data, model.sample.offset, weight / weight.sum(), True)


def distinct_rows(model, what: str) -> Population | None:
    """The sample's rows that differ in what predictions depend on; None where that is not known."""
    frame = getattr(model.data, "frame", None)
    if frame is None or model.sample.numbers or model.sample.labels:
        return None
    names = list(variables_of(model, frame))
    names += [n for d in model.sample.design.designs.values() for n in d.columns if n in frame.columns]
    return sample_population(model, what).merged(model, list(dict.fromkeys(names)))


def changed(population: Population, values: Mapping, what: str) -> Population:
    """With given values of columns in all rows."""
    if not values:
        return population
    data = population.data.copy()
    for name, value in values.items():
        if isinstance(data, pd.DataFrame):
            if name not in data.columns:
                raise ValueError(f"{what} has no column {name!r}")
            data[name] = _column(data[name], value)
        else:
            if not isinstance(name, Integral) or not -data.shape[1] <= name < data.shape[1]:
                raise ValueError(f"{what} takes numbers of the columns of exog, 0 to "
                                 f"{data.shape[1] - 1}, not {name!r}")
            data[:, name] = value
    return Population(data, population.offset, population.weight)


def _column(old, value):
    """A column of one value, of the categories of an old one."""
    if isinstance(old.dtype, pd.CategoricalDtype) and np.ndim(value) == 0:
        return pd.Categorical([value] * len(old), dtype=old.dtype)
    return value


def centred(model, population: Population, variables, centre: str) -> Population:
    """One row, of the means, medians or zeros of numbers, and of the most frequent categories (with
    "zero", of base levels)."""
    data, weight = population.data, population.weight
    offset = np.array([weight @ population.offset])
    if not isinstance(data, pd.DataFrame):
        row = np.array([[_centre(column, weight, centre) for column in data.T]])
        if centre == "zero":  # a constant stays
            row[0] = np.where(np.ptp(data, axis=0) == 0, data[0], 0.0)
        return Population(row, offset, np.ones(1))
    row = data.iloc[[0]].copy()
    for name, variable in variables.items():
        if variable.levels is None:
            row[name] = _centre(data[name].to_numpy(dtype=float), weight, centre)
            continue
        value = variable.levels[0]
        if centre != "zero":
            share = [weight[(data[name] == level).to_numpy()].sum() for level in variable.levels]
            value = variable.levels[int(np.argmax(share))]
        row[name] = _column(row[name], value)
    return Population(row, offset, np.ones(1))


def _centre(x, weight, centre: str) -> float:
    if centre == "zero":
        return 0.0
    if centre == "mean":
        return float(weight @ x)
    order = np.argsort(x, kind="stable")
    upto, half = np.cumsum(weight[order]), 0.5 * weight.sum()
    low = order[np.searchsorted(upto, half * (1 - 1e-12))]
    high = order[min(np.searchsorted(upto, half * (1 + 1e-12), "right"), len(x) - 1)]
    return float((x[low] + x[high]) / 2)


def spread(x, weight) -> float:
    """Standard deviation of a column; a size of its values where it has none."""
    mean = weight @ x
    sd = np.sqrt(weight @ (x - mean) ** 2)
    return float(sd if sd > 0 else max(np.abs(x).max(), 1.0))


def stacked(copies) -> pd.DataFrame | np.ndarray:
    """Copies of the same rows below one another."""
    if isinstance(copies[0], pd.DataFrame):
        return pd.concat(copies, ignore_index=True)
    return np.concatenate(copies)


def with_column(data, name, value, rows=None):
    """A copy of rows with another column, or with other values of it in some rows (a mask)."""
    out = data.copy()
    if rows is not None:
        number = pd.api.types.is_numeric_dtype(data[name].dtype) and not (
            pd.api.types.is_bool_dtype(data[name].dtype))
        column = data[name].astype(float) if number else data[name].copy()
        column[rows] = value if np.ndim(value) == 0 else np.asarray(value)[rows]
        out[name] = column
    elif isinstance(data, pd.DataFrame):
        out[name] = _column(data[name], value)
    else:
        out[:, name] = value
    return out
