r"""A Gaussian measurement model as moments of persons by items, or why it is none.

The rows of a person are answers to different items, the items have the same covariance matrix for
all persons (of a stratum), and their means are linear in covariates z of persons:

.. math:: y_i \sim N(A' z_i, \Sigma), \qquad z_i = (1, z_{i1}, \dots, z_{iK})

A and Sigma are what the model says of them; the saturated model (saturated.py) leaves them free.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.results.implied import implied
from statsmodels_gllamm.results.items import (
    data_rows,
    find_items,
    person_by_item,
    repeated,
    strata_of_units,
)
from statsmodels_gllamm.results.likelihoods import refuse_sampling_weights
from statsmodels_gllamm.results.saturated import Persons
from statsmodels_gllamm.results.units import unit_weights

NEEDS = "measures of fit compare a Gaussian measurement model with its saturated model"
SAME = 1e-8  # relative size of a difference that rounding can make


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """Persons with the same implied covariance matrix.

    Attributes
    ----------
    label : object
        None where there is one stratum.
    items : tuple of str (p,)
    persons : Persons
    a : ndarray (1 + K, p)
        Implied coefficients of the items' means.
    sigma : ndarray (p, p)
        Implied covariance matrix given covariates.
    """

    label: object
    items: tuple[str, ...]
    persons: Persons
    a: np.ndarray
    sigma: np.ndarray

    @property
    def n_saturated(self) -> int:
        """Parameters of the saturated model."""
        p = len(self.items)
        return p * self.persons.z.shape[1] + p * (p + 1) // 2


def strata_of(results, items=None, by=None) -> tuple[Stratum, ...]:
    """The strata of a Gaussian measurement model.

    Parameters
    ----------
    results : GLLAMMResults
    items : str, optional
        Column that names the item of each row.
    by : str, optional
        Column of persons whose categories have different covariance matrices.

    Raises
    ------
    NotImplementedError
        It is another kind of model.
    ValueError
        The data do not identify the saturated model.
    """
    model = results.model
    _check_kind(model)
    found = find_items(model, items)
    if found is None:
        raise NotImplementedError(
            f"{NEEDS}, whose rows are items: no factor's loadings depend on a categorical column; "
            "name the column that tells the rows of a person apart, items=")
    rows, (level,) = data_rows(model), model.structure.levels
    person = level.codes[rows]
    again = repeated(person, found.codes)
    if again.any():
        which = int(np.argmax(again))
        label = model.sample.groups[level.name].labels[person[which]]
        raise NotImplementedError(
            f"{NEEDS}, but person {show(label)} has several rows of the item "
            f"{found.names[found.codes[which]]!r}; where another column tells the rows of a person "
            "apart, give items=")
    weight = unit_weights(model, level)
    names, stratum = strata_of_units(model, level, by)
    return tuple(
        _stratum(results, found, person, weight, names[s], np.flatnonzero(stratum[person] == s))
        for s in range(len(names)) if weight[stratum == s].any())


def _check_kind(model) -> None:
    refuse_sampling_weights(model, "fit_measures()")
    other = [member.response.name for member in model.outcomes.members
             if member.response.name != "Gaussian(identity)"]
    if other:
        raise NotImplementedError(f"{NEEDS}: not of a model with the response {other[0]}; for binary "
                                  "and ordinal items there is m2()")
    if len(model.structure.levels) != 1:
        groups = ", ".join(level.name for level in model.structure.levels) or "none"
        raise NotImplementedError(f"{NEEDS}, with one level of latent variables, persons: this model "
                                  f"has {groups}")
    rows = model.sample.weights.get("rows")
    if rows is not None and (rows != 1).any():
        raise NotImplementedError(f"{NEEDS}: not of a model with weights of rows; give weights to "
                                  "persons, freq_weights={group: column}")


def _stratum(results, items, person, weight, label, rows) -> Stratum:
    """One stratum, of engine rows ``rows``; ``person`` and ``items`` are those of all rows."""
    model = results.model
    used, codes = np.unique(items.codes[rows], return_inverse=True)
    units, person = np.unique(person[rows], return_inverse=True)
    names = tuple(items.names[j] for j in used)
    shape = len(units), len(names)
    at = implied(model, np.asarray(results.params, dtype=float))
    first = rows[first_rows(codes, len(used))]
    _check_same(model, at, items, rows, first[codes], label)
    y = items.y - model.sample.offset[data_rows(model)]
    z = person_covariates(model, rows, person, codes, shape)
    persons = Persons(person_by_item(y[rows], person, codes, *shape), z, weight[units])
    _check_identified(persons, names, label)
    means = person_by_item(at.means(rows), person, codes, *shape)
    a = np.column_stack([np.linalg.lstsq(z[own], mean[own], rcond=None)[0]
                         for mean, own in zip(means.T, persons.seen.T)])
    return Stratum(label, names, persons, a, at.item_covariance(first, items.members[first]))


def _check_same(model, at, items, rows, representative, label) -> None:
    """The rows of an item must have the same loadings and residual variance."""
    for what, values, others in (
            ("loadings", at.loadings(rows), at.loadings(representative)),
            ("residual variance", *(at.residual_variances(r, items.members[r])[:, None]
                                    for r in (rows, representative)))):
        size = max(np.abs(values).max(initial=0.0), 1.0)
        if (np.abs(values - others) > SAME * size).any():
            bad = int(np.argmax((np.abs(values - others) > SAME * size).any(axis=1)))
            row = model.sample.index[data_rows(model)[rows[bad]]]
            where = "" if label is None else f" in {show(label)}"
            raise NotImplementedError(
                f"{NEEDS}, whose items have one covariance matrix: in row {show(row)} the {what} "
                f"of {items.names[items.codes[rows[bad]]]!r} differs from that of other persons"
                f"{where}; where it differs between groups of persons only, give by=, the column "
                "of groups")


def person_covariates(model, rows, person, codes, shape) -> np.ndarray:
    """The constant and independent covariates of persons (n_persons, 1 + K) that the means of items
    depend on: row columns of the fixed part, matched across items."""
    terms = (model.design.fixed, *model.design.regressors)
    used = sorted({int(r) for t in terms for r in t.row})
    known: list[np.ndarray] = []
    for column in used:
        values = person_by_item(model.structure.columns[column][rows], person, codes, *shape)
        for one in values.T:
            seen = np.isfinite(one)
            if (one[seen] == one[seen][0]).all():
                continue
            for old in known:
                both = seen & np.isfinite(old)
                if both.any() and (old[both] == one[both]).all():
                    old[seen] = one[seen]
                    break
            else:
                known.append(one.copy())
    if any(np.isnan(one).any() for one in known):
        raise NotImplementedError(
            f"{NEEDS}, in which means depend on covariates of persons; here a covariate differs "
            "between the items of a person, and is not known for items that are missing")
    return _independent(known, shape[0])


def _independent(columns, n: int) -> np.ndarray:
    """The constant and those columns (n,) that do not depend on the ones before."""
    kept = [np.ones(n)]
    for column in columns:
        trial = np.column_stack([*kept, (column - column.mean()) / column.std()])
        if np.linalg.matrix_rank(trial) == trial.shape[1]:
            kept.append(column)
    return np.column_stack(kept)


def _check_identified(persons: Persons, names, label) -> None:
    where = "" if label is None else f" in {show(label)}"
    p, k = len(names), persons.z.shape[1]
    if len(persons.y) < p + k:
        raise ValueError(f"the saturated model of {p} items needs at least {p + k} persons{where}; "
                         f"there are {len(persons.y)}")
    together = persons.seen.T.astype(float) @ persons.seen
    if (together == 0).any():
        a, b = np.argwhere(together == 0)[0]
        raise ValueError(f"no person{where} has answered both {names[a]!r} and {names[b]!r}, so that "
                         "the saturated model has no covariance of them")
    for name, own in zip(names, persons.seen.T):
        if np.linalg.matrix_rank(persons.z[own]) < k:
            raise ValueError(f"the covariates of those who have answered {name!r}{where} are not "
                             "independent, so that the saturated model has no effects on it")
