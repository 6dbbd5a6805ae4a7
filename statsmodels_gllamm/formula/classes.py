"""Latent classes in a formula: bars ``(terms | c)`` of a class variable c, and what they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.grammar import parse_formula, parse_group
from statsmodels_gllamm.formula.groups import group_name
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
    """

    name: str
    spec: Classes
    terms: tuple[str, ...]
    columns: tuple[str, ...]

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
        formulas = {**dict(zip(self.parts, self.terms)), self.membership: self.spec.membership}
        needs = replace(needs, formulas={**needs.formulas, **formulas},
                        classes=frozenset({self.name}), groups=(self.columns,))
        if self.spec.known is None:
            return needs
        return replace(needs, numbers={**needs.numbers, self.known: self.spec.known},
                       may_miss=needs.may_miss | {self.known},
                       with_response=needs.with_response | {self.known})


def parse_classes(classes, formula: str) -> ClassVariable | None:
    """The class variable of a formula, None without.

    Parameters
    ----------
    classes : mapping of str to Classes, or None
    formula : str

    Raises
    ------
    FormulaError
        The class variable has no bar, or a bar joins it with a group.
    NotImplementedError
        Several class variables.
    """
    if not classes:
        return None
    if not isinstance(classes, Mapping) or not all(isinstance(c, Classes) for c in classes.values()):
        raise TypeError('classes is a mapping of names to Classes, {"c": Classes(2, within="id")}, '
                        f"not {classes!r}")
    if len(classes) > 1:
        raise NotImplementedError("models with several class variables are not available; give one, "
                                  "with as many classes as there are combinations")
    (name, spec), = classes.items()
    bars = [bar for bar in parse_formula(formula).bars
            if any(name in columns for columns in bar.groups)]
    for bar in bars:
        if bar.groups != ((name,),):
            raise FormulaError(f"the random term {bar.text} joins the classes {name!r} with a group; "
                               f"write (terms | {name}), and the group in Classes(within=...)")
    if not bars:
        raise FormulaError(f"the classes {name!r} have no bar in the formula; write the terms whose "
                           f"coefficients differ between classes as (terms | {name})")
    groups = parse_group(spec.within) if spec.within is not None else ((),)
    if len(groups) > 1:
        raise FormulaError(f"Classes(within={spec.within!r}) must be one group: columns joined by :")
    return ClassVariable(name, spec, tuple(bar.terms for bar in bars), groups[0])
