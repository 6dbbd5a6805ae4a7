"""Constraints of a factor model in words, from its labels, numbers and what groups have in common."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
import math
import re

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.groupwise import Groups
from statsmodels_gllamm.formula.measurement import Measurement

__all__ = ["constraints_of", "direct_effect", "latent_name"]


def latent_name(factor: str, groups: Groups | None, number: int | None) -> str:
    """Term of a factor: itself, or its product with the indicator of a group."""
    return factor if groups is None else f"{factor}:{groups.indicators[number]}"


def direct_effect(groups: Groups | None, number: int | None, item: str, column: str) -> str:
    """The term of a column's effect on an item, by indicators of the item and of the group."""
    own = item if item.isidentifier() else f"`{item}`"
    return ":".join([own, *([] if groups is None else [groups.indicators[number]]), column])


def constraints_of(model: Measurement, id: str, groups: Groups | None, gaussian: bool) -> list[str]:
    """Constraints for ``from_formula``.

    Parameters
    ----------
    model : Measurement
    id : str
        Column of persons.
    groups : Groups or None
    gaussian : bool
        Items have residual variances.

    Raises
    ------
    FormulaError
    """
    names = Names(model, id, groups, gaussian)
    out = [f"{name} = 0" for pair in model.uncorrelated() for name in names.of(("cov", *pair))]
    for key, value in model.values:
        out += [f"{name} = {names.number(key, value)!r}" for name in names.of(key)]
    first = {}
    for label, keys in model.labels.items():
        found = list(dict.fromkeys(name for key in keys for name in names.of(key)))
        first[label] = found[0]
        out += [f"{name} = {found[0]}" for name in found[1:]]
    out += [_equation(text, first) for text in model.equations]
    if groups is not None:
        out += _common(model, groups, names)
        reference = names.each[:1] if "loadings" in groups.equal else names.each
        out += [f"{names._var(g, f)} = 1.0" for f in model.loadings if f in model.standardized
                for g in reference]
    return out


@dataclass(frozen=True)
class Names:
    """Names of the model's parameters."""

    model: Measurement
    id: str
    groups: Groups | None
    gaussian: bool

    def of(self, key: tuple) -> list[str]:
        """Names of a parameter in every group; a number as text where it is fixed."""
        kind, *what = key
        return list(dict.fromkeys(getattr(self, f"_{kind}")(g, *what) for g in self.each))

    @property
    def each(self) -> list[int | None]:
        """Numbers of the groups."""
        return [None] if self.groups is None else list(range(len(self.groups.labels)))

    def number(self, key, value: float) -> float:
        """What a number in the text says of the parameter."""
        if key[0] == "residual":
            if value <= 0:
                raise FormulaError(f"The residual variance of {key[1]!r} is fixed at {value:g}; it "
                                   "must be above zero.")
            return 0.5 * math.log(value)
        return value

    def _latent(self, g, factor) -> str:
        return f"{latent_name(factor, self.groups, g)}[{self.id}]"

    def _cell(self, g, item, part) -> tuple[str, str]:
        """Column and category of an item."""
        if self.groups is None or part in self.groups.equal:
            return "item", item
        return self.groups.by(part), self.groups.cell(item, g)

    def _lambda(self, g, factor, item) -> str:
        value = self.model.loadings[factor][item]
        if value is not None:
            return repr(value)
        return f"lambda[{factor},{self._cell(g, item, 'loadings')[1]}]"

    def _regression(self, g, outcome, cause) -> str:
        to, pieces = self._latent(g, outcome), cause.split(":")
        latent = [f for f in self.model.loadings if f in pieces]
        if not latent:
            return f"gamma[{to} on {cause}]"
        latent *= 2 if len(latent) == 1 and pieces.count(latent[0]) == 2 else 1
        columns = [piece for piece in pieces if piece not in latent]
        return f"b[{to} on {':'.join([*(self._latent(g, f) for f in latent), *columns])}]"

    def _direct(self, g, item, column) -> str:
        return direct_effect(self.groups, g, item, column)

    def _var(self, g, factor) -> str:
        if factor in self.model.standardized and self.groups is None:
            return "1.0"
        return f"var[{self._latent(g, factor)}]"

    def _cov(self, g, one, two) -> str:
        order = list(self.model.loadings)
        one, two = sorted((one, two), key=order.index)
        return f"cov[{self._latent(g, one)},{self._latent(g, two)}]"

    def _residual(self, g, item) -> str:
        if not self.gaussian:
            raise FormulaError(f"The residual variance of {item!r} is that of Gaussian items; give "
                               "dispersion= for other families.")
        return "logsd[{}[{}]]".format(*self._cell(g, item, "residuals"))

    def _rescov(self, g, one, two) -> str:
        cells = [self._cell(g, item, "residuals")[1] for item in (one, two)]
        return f"rescov[{cells[0]},{cells[1]}]"

    def _intercept(self, g, item) -> str:
        return "{}[{}]".format(*self._cell(g, item, "intercepts"))

    def _mean(self, g, factor) -> str:
        return latent_name(factor, self.groups, g)


def _equation(text: str, first: dict[str, str]) -> str:
    """An equation in labels, in names of parameters."""
    def each(match):
        word = match.group()
        if word not in first:
            raise FormulaError(f"The line {text!r} has {word!r}, which is no label of a parameter; "
                               f"labels are {', '.join(first) or 'none'}.")
        return first[word]

    return re.sub(r"[^\W\d]\w*", each, text)


def _common(model: Measurement, groups: Groups, names: Names) -> list[str]:
    """Equalities across groups of what no parameter is shared for."""
    keys = []
    if "variances" in groups.equal:
        keys += [("var", f) for f in model.loadings]
    if "covariances" in groups.equal:
        apart = model.uncorrelated()
        keys += [("cov", *pair) for block in model.blocks() for pair in combinations(block, 2)
                 if pair not in apart]
    if "regressions" in groups.equal:
        keys += [(kind, outcome, cause) for kind, given in (("regression", model.regressions),
                                                            ("direct", model.direct))
                 for outcome, causes in given for cause in causes]
    out = []
    for key in keys:
        first, *others = names.of(key)
        out += [f"{name} = {first}" for name in others]
    return out
