"""From regressions in words to the elements of B and Gamma."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.latent.design import RowColumns
from statsmodels_gllamm.latent.structural import Structural, is_acyclic


@dataclass(frozen=True, slots=True)
class Regressions:
    """The structural model: ``covariates`` K columns (n,) of the data rows, ``sources`` where each
    comes from, (number of the regression, column); parameter names."""

    structural: Structural
    covariates: tuple[np.ndarray, ...]
    sources: tuple[tuple[int, str], ...]
    gamma_names: tuple[str, ...]
    b_names: tuple[str, ...]


def read_regressions(sample, regressions, blocks, levels) -> Regressions:
    """Elements of B and Gamma.

    Raises
    ------
    FormulaError
        A name that is no latent variable, a cause at a lower level, a cycle, a regression twice.
    DataError
        A covariate that varies within a unit of the latent variable's level.
    """
    names = [name for block in blocks for name in block.names]
    terms = [term for block in blocks for term in block.terms]
    level = [block.level for block in blocks for _ in block.names]
    gamma, b, sources, gamma_names, b_names = [], [], [], [], []
    covariates = RowColumns()
    for number, regression in enumerate(regressions):
        to = _place(regression.outcome, regression, names, terms)
        for cause in regression.causes:
            of = _place(cause, regression, names, terms)
            if level[of] < level[to]:
                raise FormulaError(
                    f"the regression {regression.text!r} has {names[of]} on its right side, which "
                    f"belongs to a lower level than {names[to]}; causes are of the same or a "
                    "higher level")
            b.append((to, of))
            b_names.append(f"b[{names[to]} on {names[of]}]")
        if regression.covariates is None:
            continue
        for name, column in sample.designs["regression", number].items():
            place = covariates.add(column.to_numpy())
            sources += [(number, name)] * (place == len(sources))
            gamma.append((to, place))
            gamma_names.append(f"gamma[{names[to]} on {name}]")
            _check_constant(sample, levels[level[to]], name, column.to_numpy(), names[to])
    for which in (gamma_names, b_names):
        twice = [name for name in which if which.count(name) > 1]
        if twice:
            raise FormulaError(f"regressions= has {twice[0]} twice; remove one of them")
    b = np.array(b, dtype=np.int64).reshape(-1, 2)
    if not is_acyclic(len(names), b):
        raise FormulaError("regressions= make a latent variable depend on itself: "
                           + ", ".join(b_names) + "; remove one of these")
    structural = Structural(len(names), np.array(gamma, dtype=np.int64).reshape(-1, 2), b)
    return Regressions(structural, tuple(covariates.columns), tuple(sources), tuple(gamma_names),
                       tuple(b_names))


def _place(name: str, regression, names, terms) -> int:
    """Number of a latent variable, by its full name or by a term that one group only has."""
    if name in names:
        return names.index(name)
    if terms.count(name) == 1:
        return terms.index(name)
    say = "is the name of several latent variables" if name in terms else "is no latent variable"
    raise FormulaError(f"{name!r} in the regression {regression.text!r} {say}; the formula has "
                       f"{', '.join(names) or 'none'}")


def _check_constant(sample, level, name, column, latent) -> None:
    some = np.empty(level.n_units)
    some[level.codes] = column
    varies = some[level.codes] != column
    if varies.any():
        group = sample.groups[level.name]
        label = group.labels[group.codes[int(np.argmax(varies))]]
        raise DataError(
            f"the covariate {name!r} of {latent} varies within cluster {show(label)} of "
            f"{level.name!r}, of which {latent} has one value; use a covariate of that level, or put "
            f"{name!r} into the formula itself")
