"""The families of the items of wide data, and the formulas by item that they need."""
from __future__ import annotations

from collections.abc import Mapping

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.rows import hint


def families_of(family, items, formulas, unit):
    """Family or {label: Family}, the label of each item, formulas by item, items with indicators.

    ``formulas`` in place of those by item, "dispersion" and "thresholds"; ``unit`` the columns by
    which these differ otherwise.
    """
    labels, indicators = None, ()
    if isinstance(family, Mapping):
        family, labels = _labelled(family, items)
    if labels is None:
        reads = family.needs().formulas
        by_item = {what: f"0 + {unit[what]}" if what in reads else None for what in formulas}
        start = ["0"] if "thresholds" in reads else ["0", unit["thresholds"]]
    else:
        by_item = {what: {label: f"0 + {unit[what]}" for label, one in family.items()
                          if what in one.needs().formulas} or None for what in formulas}
        start, cut = ["0", unit["thresholds"]], by_item["thresholds"]
        if cut:  # thresholds take the place of the intercepts of these items, and of no others
            indicators = tuple(item for item in items if labels[item] not in cut)
            start = ["0", *(i if i.isidentifier() else f"`{i}`" for i in indicators)]
    by_item |= {what: value for what, value in formulas.items() if value is not None}
    return family, labels, {**by_item, "start": start}, indicators


def _labelled(families, items):
    """Distinct families by label, and the label of every item; one family alone has none."""
    for item in families:
        if str(item) not in items:
            raise DataError(f"family has {show(item)}, which is not an item{hint(item, items)}")
    own = {str(item): value for item, value in families.items()}
    for item in items:
        if item not in own:
            raise DataError(f"family has no entry for the item {item!r}; a dict gives one to every "
                            "item.")
    distinct = []
    for item in items:
        if own[item] not in distinct:
            distinct.append(own[item])
    if len(distinct) == 1:
        return distinct[0], None
    names = [one.name.split("(")[0] for one in distinct]
    if len(set(names)) < len(names):
        names = [one.name for one in distinct]
    if len(set(names)) < len(names):
        names = [f"{name}, {k}" for k, name in enumerate(names, 1)]
    return dict(zip(names, distinct)), {item: names[distinct.index(own[item])] for item in items}
