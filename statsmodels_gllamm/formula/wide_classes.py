"""Latent classes of wide data: ``c =~ x1 + x2`` are items whose intercepts depend on the class, and
``c ~ age`` covariates of its probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.measurement import Measurement
from statsmodels_gllamm.spec import Classes

__all__ = ["WideClasses", "take_classes"]


@dataclass(frozen=True)
class WideClasses:
    """Class variables of wide data.

    Attributes
    ----------
    classes : dict {name: Classes}
        Within persons.
    items : dict {name: tuple of str}
        What they measure.
    """

    classes: dict[str, Classes]
    items: dict[str, tuple[str, ...]]

    def bars(self, items, column: str) -> list[str]:
        """The bars of the formula; ``column`` has the items."""
        return [f"(0 + {column} | {name})" if set(own) == set(items) else
                f"(0 + {' + '.join(map(_quoted, own))} | {name})" for name, own in self.items.items()]

    def indicators(self, items) -> list[str]:
        """Items that need a column of their own."""
        return [item for own in self.items.values() if set(own) != set(items) for item in own]

    def complete(self, items) -> bool:
        """Whether some class variable has all items, so that these need no other intercepts."""
        return any(set(own) == set(items) for own in self.items.values())


def _quoted(name: str) -> str:
    return name if name.isidentifier() else f"`{name}`"


def take_classes(classes, model: Measurement, from_text: bool, id: str) -> WideClasses | None:
    """Class variables, taken out of the factors of a model.

    Parameters
    ----------
    classes : dict {name: Classes}, or None
    model : Measurement
        Loses what stands for classes.
    from_text : bool
        The items are text with a line for every factor; otherwise all are of the classes.
    id : str
        Column of persons.

    Raises
    ------
    TypeError, FormulaError, NotImplementedError
    """
    if not classes:
        return None
    if not isinstance(classes, Mapping) or not all(isinstance(c, Classes) for c in classes.values()):
        raise TypeError('classes is a mapping of names to Classes, {"c": Classes(3)}, not '
                        f"{classes!r}")
    if not from_text:
        own = tuple(model.loadings.pop("factor"))
        model.standardized.clear()
        items = dict.fromkeys(classes, own)
    else:
        items = {name: _items_of(name, model) for name in classes}
    made = {}
    for name, spec in classes.items():
        terms = [term for outcome, terms in model.regressions if outcome == name for term in terms]
        if terms and spec.membership != "1":
            raise FormulaError(f"the covariates of the classes {name!r} stand in the line '{name} ~ "
                               f"{' + '.join(terms)}' and in membership=; give them once")
        made[name] = replace(spec, membership=" + ".join(terms) if terms else spec.membership,
                             within=_quoted(id) if spec.within is None else spec.within)
    model.regressions[:] = [one for one in model.regressions if one[0] not in classes]
    return WideClasses(made, items)


def _items_of(name: str, model: Measurement) -> tuple[str, ...]:
    """The items of a class variable, which is no factor any more."""
    if name not in model.loadings:
        raise FormulaError(f"the classes {name!r} have no line '{name} =~ item + item' in items=")
    own = model.loadings.pop(name)
    model.standardized.discard(name)
    keys = [key for key, _ in model.values] + [key for keys in model.labels.values() for key in keys]
    said = any(key[0] != "regression" and name in key[1:] for key in keys) or (
        set(own.values()) - {None, 1.0} or name in model.means
        or any(name in pair for pair in model.covariances))
    if said:
        raise FormulaError(f"the classes {name!r} have no loadings, labels, variances or means: write "
                           f"'{name} =~ item + item' and '{name} ~ column' only; constraints= has "
                           "names of parameters")
    for outcome, terms in model.regressions:
        if outcome != name and any(name in term.split(":") for term in terms):
            raise NotImplementedError(f"{outcome!r} cannot be regressed on the classes {name!r}: "
                                      "classes change the intercepts of items, and coefficients in "
                                      f"bars (terms | {name}), fixed='(...)'")
    return tuple(own)
