"""From regressions in words to the elements of B and Gamma."""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.latent.moderators import choose_moderators
from statsmodels_gllamm.latent.structural import NONE, Structural, is_acyclic
from statsmodels_gllamm.latent.terms import RowColumns


@dataclass(frozen=True, slots=True)
class Regressions:
    """The structural model: ``covariates`` K columns (n,) of the data rows, ``sources`` where each
    comes from, (key of ``sample.designs``, column); parameter names."""

    structural: Structural
    covariates: tuple[np.ndarray, ...]
    sources: tuple[tuple[tuple, str], ...]
    gamma_names: tuple[str, ...]
    b_names: tuple[str, ...]


@dataclass
class _Found:
    """What has been read: covariates and their sources; (latent variable, covariate) and names of
    Gamma; (latent variable, cause, covariate or -1, other cause or -1) and names of B."""

    covariates: RowColumns = field(default_factory=RowColumns)
    sources: list = field(default_factory=list)
    gamma: list = field(default_factory=list)
    gamma_names: list[str] = field(default_factory=list)
    b: list = field(default_factory=list)
    b_names: list[str] = field(default_factory=list)

    def columns(self, sample, key, level, latent):
        """(number, name) of the columns of a design, constant in the units of a level."""
        for name, column in sample.designs[key].items():
            place = self.covariates.add(column.to_numpy())
            self.sources += [(key, name)] * (place == len(self.sources))
            _check_constant(sample, level, name, column.to_numpy(), latent)
            yield place, name


def read_regressions(sample, regressions, blocks, levels) -> Regressions:
    """Elements of B and Gamma.

    Parameters
    ----------
    sample : Sample
    regressions : sequence of Regression
    blocks : sequence of LatentBlock
    levels : sequence of Level

    Raises
    ------
    FormulaError
        A name that is no latent variable, a cause at a lower level, a cycle, a regression twice.
    DataError
        A covariate that varies within a unit of the latent variable's level.
    NotImplementedError
        Products of latent variables none of which can be a moderator.
    """
    names = [name for block in blocks for name in block.names]
    terms = [term for block in blocks for term in block.terms]
    level = [block.level for block in blocks for _ in block.names]
    found = _Found()
    for number, regression in enumerate(regressions):
        to = _place(regression.outcome, regression, names, terms)
        _read(found, number, regression, to, sample, names, terms, level, levels)
    for which in (found.gamma_names, found.b_names):
        twice = [name for name in which if which.count(name) > 1]
        if twice:
            raise FormulaError(f"regressions= has {twice[0]} twice; remove one of them")
    b = np.array(found.b, dtype=np.int64).reshape(-1, 4)
    both = np.concatenate([b[:, [0, 1]], b[b[:, 3] != NONE][:, [0, 3]]])
    if not is_acyclic(len(names), both):
        raise FormulaError("regressions= make a latent variable depend on itself: "
                           + ", ".join(found.b_names) + "; remove one of these")
    b = choose_moderators(b, names, np.array(level) == len(levels) - 1)
    gamma = np.array(found.gamma, dtype=np.int64).reshape(-1, 2)
    structural = Structural(len(names), gamma, b[:, :2], b[:, 2], b[:, 3])
    return Regressions(structural, tuple(found.covariates.columns), tuple(found.sources),
                       tuple(found.gamma_names), tuple(found.b_names))


def _read(found: _Found, number, regression, to, sample, names, terms, level, levels) -> None:
    """Add one regression."""
    def cause(name):
        of = _place(name, regression, names, terms)
        if level[of] < level[to]:
            raise FormulaError(
                f"the regression {regression.text!r} has {names[of]} on its right side, which "
                f"belongs to a lower level than {names[to]}; causes are of the same or a "
                "higher level")
        return of

    def add(of, by, other, text):
        found.b.append((to, of, by, other))
        found.b_names.append(f"b[{names[to]} on {text}]")

    for name in regression.causes:
        of = cause(name)
        add(of, NONE, NONE, names[of])
    for k, product in enumerate(regression.products):
        of = cause(product.cause)
        for place, name in found.columns(sample, ("regression", number, k), levels[level[to]],
                                         names[to]):
            add(of, place, NONE, f"{names[of]}:{name}")
    for one, two in regression.pairs:
        of, other = sorted((cause(one), cause(two)))
        add(of, NONE, other, f"{names[of]}:{names[other]}")
    if regression.covariates is not None:
        for place, name in found.columns(sample, ("regression", number), levels[level[to]],
                                         names[to]):
            found.gamma.append((to, place))
            found.gamma_names.append(f"gamma[{names[to]} on {name}]")


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
