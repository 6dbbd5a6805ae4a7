"""Latent classes in a formula: bars ``(terms | c)`` of a class variable c, and what they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.grammar import parse_formula, parse_group
from statsmodels_gllamm.formula.groups import group_name
from statsmodels_gllamm.formula.tokens import pieces, tokenize
from statsmodels_gllamm.spec import Classes, Needs

__all__ = ["ClassVariable", "parse_classes"]


@dataclass(frozen=True, slots=True)
class ClassVariable:
    """A class variable and its bars.

    Attributes
    ----------
    name : str
    spec : Classes
    terms : tuple of str
        Formulas of the columns with class-specific coefficients, one per bar.
    columns : tuple of str
        The columns of the group ``spec.within``; none where every row has a class of its own.
    covariates : str
        Formula of the membership, without class variables.
    above : tuple of str
        Class variables in the membership.
    """

    name: str
    spec: Classes
    terms: tuple[str, ...]
    columns: tuple[str, ...]
    covariates: str = "1"
    above: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """Name of the group whose clusters belong to classes."""
        return group_name(self.columns)

    @property
    def parts(self) -> tuple[tuple, ...]:
        """Keys of the designs of the bars."""
        return tuple(("class-specific part", self.name, i) for i in range(len(self.terms)))

    @property
    def membership(self) -> tuple:
        """Key of the design of the membership."""
        return "membership", self.name

    @property
    def known(self) -> tuple:
        """Role of the known classes."""
        return "known class", self.name

    def needs(self, needs: Needs) -> Needs:
        """The needs of the family, and those of the classes."""
        formulas = {**dict(zip(self.parts, self.terms)), self.membership: self.covariates}
        needs = replace(needs, formulas={**needs.formulas, **formulas},
                        classes=needs.classes | {self.name},
                        groups=(*needs.groups, self.columns))
        if self.spec.known is None:
            return needs
        return replace(needs, numbers={**needs.numbers, self.known: self.spec.known},
                       may_miss=needs.may_miss | {self.known},
                       with_response=needs.with_response | {self.known},
                       named={**needs.named, self.known: self.spec.labels or ()})


def parse_classes(classes, formula: str) -> tuple[ClassVariable, ...]:
    """The class variables of a formula.

    Parameters
    ----------
    classes : mapping of str to Classes, or None
    formula : str

    Raises
    ------
    FormulaError
        A class variable has no bar, nor anything else that depends on it, or a bar joins it with a
        group.
    """
    if not classes:
        return ()
    if not isinstance(classes, Mapping) or not all(isinstance(c, Classes) for c in classes.values()):
        raise TypeError('classes is a mapping of names to Classes, {"c": Classes(2, within="id")}, '
                        f"not {classes!r}")
    several = len(classes) > 1
    for name, spec in classes.items():
        if several and spec.centered:
            raise NotImplementedError(f"the mass points {name!r} are not available beside other class "
                                      "variables; use Classes(centered=False)")
    bars = parse_formula(formula).bars
    found = tuple(_variable(name, spec, bars, tuple(classes)) for name, spec in classes.items())
    for variable in found:
        if not (variable.terms or variable.spec.varying
                or any(variable.name in other.above for other in found)):
            raise FormulaError(f"the classes {variable.name!r} have no bar in the formula; write the "
                               f"terms whose coefficients differ between classes as (terms | "
                               f"{variable.name})")
    return found


def _variable(name: str, spec: Classes, bars, names) -> ClassVariable:
    """One class variable of those with ``names``."""
    own = [bar for bar in bars if any(name in columns for columns in bar.groups)]
    for bar in own:
        if bar.groups != ((name,),):
            raise FormulaError(f"the random term {bar.text} joins the classes {name!r} with a group; "
                               f"write (terms | {name}), and the group in Classes(within=...)")
    covariates, above = _membership(name, spec.membership, names)
    groups = parse_group(spec.within) if spec.within is not None else ((),)
    if len(groups) > 1:
        raise FormulaError(f"Classes(within={spec.within!r}) must be one group: columns joined by :")
    return ClassVariable(name, spec, tuple(bar.terms for bar in own), groups[0], covariates, above)


def _membership(name: str, formula: str, names) -> tuple[str, tuple[str, ...]]:
    """(formula of the covariates, class variables) of a membership."""
    terms = pieces(formula.strip().removeprefix("~"))
    above = tuple(term for term in terms if term in names)
    if name in above:
        raise FormulaError(f"the membership of the classes {name!r} depends on themselves; take "
                           f"{name!r} out of Classes(membership=...)")
    rest = [term for term in terms if term not in above]
    inside = [other for other in names for term in rest
              if any(t.kind == "name" and t.text == other for t in tokenize(term))]
    if inside:
        raise FormulaError(f"the membership of the classes {name!r} has the class variable "
                           f"{inside[0]!r} inside a term; write it as a term of its own, "
                           f"'age + {inside[0]}'")
    return " + ".join(rest) or "1", above
