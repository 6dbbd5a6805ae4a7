"""The pieces of the formula of a factor model of wide data: factors, terms, regressions, residuals."""
from __future__ import annotations

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.equalities import direct_effect, latent_name
from statsmodels_gllamm.formula.groupwise import CELL
from statsmodels_gllamm.formula.statements import quote
from statsmodels_gllamm.formula.tokens import tokenize
from statsmodels_gllamm.formula.wide_data import ITEM, RESPONSE
from statsmodels_gllamm.spec import Factor


def factors_of(model, items, groups) -> dict[str, Factor]:
    """Factors whose loadings are zero for the items that they do not have."""
    if groups is None:
        return {name: Factor(ITEM, loadings={item: own.get(item, 0.0) for item in items},
                             standardized=name in model.standardized)
                for name, own in model.loadings.items()}
    if groups.by("loadings") == ITEM:
        names = {item: [item] for item in items}
    else:
        names = {item: [groups.cell(item, g) for g in range(len(groups.labels))] for item in items}
    return {name: Factor(groups.by("loadings"), loadings={
        cell: own.get(item, 0.0) for item, mine in names.items() for cell in mine})
        for name, own in model.loadings.items()}


def formula_of(model, id, fixed, columns, start, groups, classes=None, items=()) -> str:
    """The formula: intercepts, means, direct effects, further terms, bars of classes, and a bar for
    every set of factors that correlate."""
    group = id if id.isidentifier() else f"`{id}`"
    if classes is not None and classes.complete(items):
        start = start[:1]
    each = [None] if groups is None else range(len(groups.labels))
    terms = [*start, *(latent_name(name, groups, g) for name in model.means for g in each)]
    if groups is not None and groups.free_means:
        terms += [latent_name(name, groups, g) for name, own in model.loadings.items()
                  if own and name not in model.means for g in each[1:]]
    terms += [direct_effect(groups, g, item, cause) for item, causes in model.direct
              for cause in causes for g in each]
    if fixed is not None:
        if not isinstance(fixed, str) or not fixed.strip():
            raise TypeError(f"fixed is terms of a formula such as 'item:sex', not {fixed!r}.")
        if "~" in fixed:
            raise FormulaError(f"fixed={fixed!r} has a ~; give terms only, such as 'item:sex'.")
        terms.append(quote(fixed.strip(), columns))
    terms += [] if classes is None else classes.bars(items, ITEM)
    terms += [f"(0 + {' + '.join(latent_name(f, groups, g) for f in block)} | {group})"
              for g in each for block in model.blocks()]
    return f"{RESPONSE} ~ {' + '.join(terms)}"


def regressions_of(model, id, groups) -> list[str]:
    """Regressions of factors, in every group."""
    if groups is None:
        return [f"{outcome} ~ {' + '.join(terms)}" for outcome, terms in model.regressions]

    def named(text, g):
        out, last = "", 0
        for token in tokenize(text):
            if token.kind == "name" and token.text in model.loadings:
                out += text[last:token.start] + f"{latent_name(token.text, groups, g)}[{id}]"
                last = token.stop
        return out + text[last:]

    return [f"{named(outcome, g)} ~ {' + '.join(named(term, g) for term in terms)}"
            for g in range(len(groups.labels)) for outcome, terms in model.regressions]


def residuals_of(model, groups) -> dict | None:
    """Residual covariances of items, of every group where residuals differ."""
    if not model.residuals:
        return None
    if groups is None or groups.by("residuals") == ITEM:
        return {ITEM: model.residuals}
    return {CELL: [(groups.cell(one, g), groups.cell(two, g)) for one, two in model.residuals
                   for g in range(len(groups.labels))]}
